package history

import (
	"context"
	"iter"
	"slices"

	"fieldpost/api"
	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
	"fieldpost/telemetry/ranges"
)

// Readings yields what q asks for in order; see api.Selector. Memory goes with how many frames overlap in time, not with how much is
// yielded. A frame that cannot be read any more is left out and logged.
func (r *Reader) Readings(ctx context.Context, q api.Query) iter.Seq2[api.Reading, error] {
	return func(yield func(api.Reading, error) bool) {
		for o, err := range r.scan(ctx, q) {
			if err != nil {
				yield(api.Reading{}, err)
				return
			}
			if !yield(o.reading(), nil) {
				return
			}
		}
	}
}

// scan yields, for each record that q asks for, in order, the frame at whose head it stands.
func (r *Reader) scan(ctx context.Context, q api.Query) iter.Seq2[*opened, error] {
	return steady(q.After, r.mend, func(after *api.Cursor) iter.Seq2[*opened, error] {
		q := q
		if after != nil {
			at := *after
			q.After = &at
		}
		return r.scanOnce(ctx, q)
	})
}

func (r *Reader) scanOnce(ctx context.Context, q api.Query) iter.Seq2[*opened, error] {
	narrow(&q.From, &q.To, q.After, q.Descending)
	wanted := r.series.Match(q.Filter)
	if q.From >= q.To || len(wanted) == 0 {
		return func(func(*opened, error) bool) {}
	}
	d := direction(q.Descending)
	return scan(d, r.candidates(ctx, keys(q.Filter, wanted), q.From, q.To, d), func(at ranges.Range) (runs []*opened, err error) {
		err = r.each(at, func(e entry) {
			if o := r.open(e, &q); o != nil {
				runs = append(runs, o)
			}
		})
		return runs, err
	})
}

// narrow uses the cursor to look at no more time than is left.
func narrow(from, to *telemetry.Time, after *api.Cursor, descending bool) {
	switch {
	case after == nil:
	case !descending:
		*from = max(*from, after.Time)
	case after.Time < maxTime:
		*to = min(*to, after.Time+1)
	}
}

// open decodes the wanted columns of e. It returns nil if nothing in it is wanted.
func (r *Reader) open(e entry, q *api.Query) *opened {
	if e.header.Content != frame.Readings || q.Node != "" && q.Node != e.header.Node {
		return nil
	}
	table, err := r.table(e.Pos, e.header)
	if err != nil {
		r.unreadable(e.Pos, err)
		return nil
	}
	want := func(series uint32) bool { return wants(q, &table.Series[series]) }
	if !slices.ContainsFunc(e.header.Columns, func(c frame.Column) bool { return want(c.Series) }) {
		return nil
	}
	_, records, err := frame.DecodeColumns(e.Data, want, nil)
	if err != nil {
		r.unreadable(e.Pos, err)
		return nil
	}
	delta, unset := r.clock.of(e.header)
	o := &opened{pos: e.Pos, header: e.header, table: table, records: records, unset: unset, storedAt: r.storedAt(e.Entry)}
	if !o.arrange(q, delta) {
		return nil
	}
	return o
}

// wants reports whether q asks for s. What a reducer computed is raw data to nobody who did not ask for it by name.
func wants(q *api.Query, s *frame.Series) bool {
	return (q.Device == "" || q.Device == s.Device) && (q.Metric == s.Name || q.Metric == "" && !s.Derived)
}
