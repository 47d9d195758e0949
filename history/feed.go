package history

import (
	"context"
	"fmt"

	"fieldpost/api"
	"fieldpost/journal"
	"fieldpost/telemetry/frame"
)

// Feed returns up to limit records whose position is greater than after, in commit order, and the position to go on from: that of the
// last record returned, or beyond, where there was nothing to return. It does not wait. A record's position is its journal position plus one.
func (r *Reader) Feed(ctx context.Context, after uint64, limit int) (records []api.Record, next uint64, err error) {
	next = after
	for len(records) < limit {
		if err := ctx.Err(); err != nil {
			return records, next, err
		}
		entries, err := r.journal.Read(next, feedBytes)
		if err != nil {
			return records, next, fmt.Errorf("read journal after %d: %w", next, err)
		}
		if len(entries) == 0 {
			return records, next, nil
		}
		for _, in := range entries {
			got, err := r.records(in)
			if err != nil {
				r.unreadable(in.Pos, err)
			}
			for i := range got {
				if got[i].Position <= next {
					continue
				}
				if len(records) == limit {
					return records, next, nil
				}
				records = append(records, got[i])
				next = got[i].Position
			}
			next = max(next, in.Pos+uint64(in.Count))
		}
	}
	return records, next, nil
}

// feedBytes is how much of the journal Feed reads at a time.
const feedBytes = 256 << 10

// records decodes all of an entry.
func (r *Reader) records(in journal.Entry) ([]api.Record, error) {
	e, err := look(in)
	if err != nil {
		return nil, err
	}
	if e.header.Content == frame.Events {
		events, err := r.events(e)
		out := make([]api.Record, len(events))
		for i := range events {
			out[i] = api.Record{Position: e.Pos + uint64(i) + 1, Event: &events[i]}
		}
		return out, err
	}
	table, err := r.table(e.Pos, e.header)
	if err != nil {
		return nil, err
	}
	h, recs, err := frame.Decode(e.Data, nil)
	if err != nil {
		return nil, err
	}
	delta, unset := r.clock.of(h)
	o := &opened{header: h, table: table, unset: unset, origins: []origin{{storedAt: r.storedAt(e.Mark)}}, records: make([]frame.Selected, 1)}
	out := make([]api.Record, len(recs))
	for i, rec := range recs {
		if !rec.Stamped {
			rec.Time = shift(rec.Time, delta)
		}
		o.records[0] = frame.Selected{Record: rec, Place: uint32(i)}
		reading := o.reading()
		out[i] = api.Record{Position: e.Pos + uint64(i) + 1, Reading: &reading}
	}
	return out, nil
}
