package api

import (
	"context"
	"iter"
	"slices"

	"fieldpost/telemetry"
)

// standing is the state of /v1/events that no event has: raised, and not cleared before the end of the span that is asked for.
const standing = "standing"

// standingEvents yields the events that q asks for and that stand. It reads all events of the node and device up to the end of the span, and remembers one
// for each of their patterns.
func standingEvents(ctx context.Context, sel EventSelector, q EventQuery) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		type pattern struct{ node, device, name string }
		seen := map[pattern]bool{}
		var found []Event
		all := EventQuery{Node: q.Node, Device: q.Device, From: -1 << 63, To: q.To, Descending: true}
		for e, err := range sel.Events(ctx, all) {
			if err != nil {
				yield(Event{}, err)
				return
			}
			p := pattern{e.Node, e.Device, e.Pattern}
			if seen[p] {
				continue
			}
			seen[p] = true
			if e.State == telemetry.Raised && e.Time >= q.From {
				found = append(found, e)
			}
		}
		if !q.Descending {
			slices.Reverse(found)
		}
		for _, e := range found {
			if q.After != nil {
				if c := e.Cursor().Compare(*q.After); c == 0 || c < 0 != q.Descending {
					continue
				}
			}
			if !yield(e, nil) {
				return
			}
		}
	}
}
