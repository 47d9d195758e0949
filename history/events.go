package history

import (
	"context"
	"iter"
	"slices"

	"fieldpost/api"
	"fieldpost/telemetry/frame"
	"fieldpost/telemetry/ranges"
)

// Events yields the events that q asks for in order; see api.EventSelector.
func (r *Reader) Events(ctx context.Context, q api.EventQuery) iter.Seq2[api.Event, error] {
	runs := steady(q.After, r.mend, func(after *api.Cursor) iter.Seq2[*eventRun, error] {
		q := q
		if after != nil {
			at := *after
			q.After = &at
		}
		return r.scanEvents(ctx, q)
	})
	return func(yield func(api.Event, error) bool) {
		for run, err := range runs {
			if err != nil {
				yield(api.Event{}, err)
				return
			}
			if !yield(run.events[0], nil) {
				return
			}
		}
	}
}

// scanEvents yields, for each event that q asks for, in order, the frame at whose head it stands.
func (r *Reader) scanEvents(ctx context.Context, q api.EventQuery) iter.Seq2[*eventRun, error] {
	narrow(&q.From, &q.To, q.After, q.Descending)
	if q.From >= q.To {
		return func(func(*eventRun, error) bool) {}
	}
	d := direction(q.Descending)
	return scan(d, ranges.Set{}, r.candidates(ctx, []uint64{eventsKey}, q.From, q.To, d, ranges.Set{}), func(c candidate) (runs []*eventRun, err error) {
		err = r.each(c.at, func(e entry) {
			if run := r.openEvents(e, &q); run != nil {
				runs = append(runs, run)
			}
		})
		return runs, err
	})
}

// eventRun is a frame's wanted events.
type eventRun struct{ events []api.Event }

func (e *eventRun) head() api.Cursor { return e.events[0].Cursor() }

func (e *eventRun) drop() (left bool) {
	e.events = e.events[1:]
	return len(e.events) > 0
}

// openEvents decodes e. It returns nil if nothing in it is wanted.
func (r *Reader) openEvents(e entry, q *api.EventQuery) *eventRun {
	if e.header.Content != frame.Events || q.Node != "" && q.Node != e.header.Node {
		return nil
	}
	all, err := r.events(e)
	if err != nil {
		r.unreadable(e.Pos, err)
		return nil
	}
	d := direction(q.Descending)
	out := all[:0]
	for _, ev := range all {
		if (q.Device == "" || q.Device == ev.Device) && (q.State == nil || *q.State == ev.State) && ev.Time >= q.From && ev.Time < q.To &&
			(q.After == nil || d.compare(ev.Cursor(), *q.After) > 0) {
			out = append(out, ev)
		}
	}
	if len(out) == 0 {
		return nil
	}
	slices.SortFunc(out, func(a, b api.Event) int { return d.compare(a.Cursor(), b.Cursor()) })
	return &eventRun{out}
}

// events decodes all of e, times put right.
func (r *Reader) events(e entry) ([]api.Event, error) {
	h, events, err := frame.DecodeEvents(e.Data)
	if err != nil {
		return nil, err
	}
	delta, unset := r.clock.of(h)
	out := make([]api.Event, len(events))
	for i, ev := range events {
		ev.Time = shift(ev.Time, delta)
		for c := range ev.Cause {
			ev.Cause[c].Time = shift(ev.Cause[c].Time, delta)
		}
		out[i] = api.Event{
			Event: ev, Node: h.Node, Epoch: h.Epoch, Lane: h.Lane, Seq: h.First + uint64(i), ClockUnset: unset, StoredAt: r.storedAt(e.Mark),
		}
	}
	return out, nil
}
