// Package api serves /v1 and the operational endpoints, the same on edge and gateway, over a small Selector.
package api

import (
	"context"
	"iter"

	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
	"fieldpost/telemetry/ranges"
)

// Selector is all that the handlers see of what is stored. Safe for concurrent use.
type Selector interface {
	// Nodes lists the nodes by name.
	Nodes(ctx context.Context) ([]Node, error)
	// Series lists the series that f lets through, ordered by node, device, metric.
	Series(ctx context.Context, f Filter) ([]Series, error)
	// Readings yields the readings that q asks for, ordered by time, then lane, epoch, sequence and node (or the reverse; see Cursor.Compare), in bounded memory.
	// The first error ends the sequence.
	Readings(ctx context.Context, q Query) iter.Seq2[Reading, error]
}

// FeedSelector is a Selector whose records have one commit order, as those of a single journal do. Without it /v1/feed and
// /v1/stream are not served.
// Safe for concurrent use.
type FeedSelector interface {
	// Feed returns up to limit records whose position is greater than after, in commit order, and the position to go on from. It does not wait.
	Feed(ctx context.Context, after uint64, limit int) (records []Record, next uint64, err error)
	// Latest returns the position of the last record committed; 0 if there is none.
	Latest() uint64
	// Changed returns a channel that is closed when something was committed. Take it before looking.
	Changed() <-chan struct{}
}

// PortionSelector is a Selector that has worked out in advance what many readings come to.
// Safe for concurrent use.
type PortionSelector interface {
	// Portions is Readings, but for readings that all lie in one span it may yield what they come to. span returns the beginning of the span in
	// which a time lies. Order holds between spans only. q.After is not looked at.
	Portions(ctx context.Context, q Query, span func(telemetry.Time) telemetry.Time) iter.Seq2[Portion, error]
}

// Portion is a reading, or, where Of is set, all that is in Of: then Series, Unit and a Time in the same span are all that is set of Reading.
type Portion struct {
	Reading
	Of *Summary
}

// Filter lets a series through where each field is empty or equal.
type Filter struct {
	Node, Device, Metric string
}

// Query asks for readings with From <= time < To.
type Query struct {
	Filter
	From, To   telemetry.Time
	Descending bool
	After      *Cursor // resume: only what comes after it in the asked order
}

// Cursor is a place in the order of Readings.
type Cursor struct {
	Time  telemetry.Time
	Epoch telemetry.Epoch
	Lane  telemetry.Lane
	Seq   uint64
	Node  string
}

// Reading is a stored reading with its identity.
type Reading struct {
	telemetry.Reading
	Unit       string
	Epoch      telemetry.Epoch
	Lane       telemetry.Lane
	Seq        uint64
	ClockUnset bool
	StoredAt   telemetry.Time // zero: not known (on an edge)
}

// Record is a reading or an event in commit order: one of Reading and Event is set.
type Record struct {
	Position uint64 // from 1 on, so that "after 0" is the beginning: a journal's position plus one
	Reading  *Reading
	Event    *Event
}

// Event is a stored event with its identity.
type Event struct {
	telemetry.Event
	Node       string
	Epoch      telemetry.Epoch
	Lane       telemetry.Lane
	Seq        uint64
	ClockUnset bool
	StoredAt   telemetry.Time
}

// Node is one node as stored.
type Node struct {
	Node     string
	Online   bool
	LastSeen telemetry.Time // zero: never
	Labels   map[string]string
	Lanes    []Lane
}

// Lane is one lane of one epoch of a node.
type Lane struct {
	Lane    telemetry.Lane
	Epoch   telemetry.Epoch
	Stored  uint64 // records
	Highest uint64 // sequence
	Missing ranges.Set
	Held    ranges.Set
	Lost    []Loss
}

// Loss is a range that will not come.
type Loss struct {
	ranges.Range
	Reason string
	Time   telemetry.Time
}

// Series is one series with its first and last reading.
type Series struct {
	telemetry.Series
	Unit   string
	Kind   telemetry.Kind
	Round  frame.Rounding // what a link may have done to its floats
	Labels map[string]string
	First  *Point
	Last   *Point
}

// Point is a value at a time.
type Point struct {
	Time    telemetry.Time
	Value   telemetry.Value
	Quality telemetry.Quality
}
