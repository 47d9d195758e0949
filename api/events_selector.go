package api

import (
	"context"
	"iter"

	"fieldpost/telemetry"
)

// EventSelector is a Selector that can also list events by time. Without it /v1/events is not served.
// Safe for concurrent use.
type EventSelector interface {
	// Events yields the events that q asks for, ordered by time, then lane, epoch, sequence and node (or the reverse; see
	// Cursor.Compare), in bounded memory. The first error ends the sequence.
	Events(ctx context.Context, q EventQuery) iter.Seq2[Event, error]
}

// EventQuery asks for events with From <= time < To, of a node, a device and a state where those are set.
type EventQuery struct {
	Node, Device string
	State        *telemetry.State
	From, To     telemetry.Time
	Descending   bool
	After        *Cursor // resume: only what comes after it in the asked order
}
