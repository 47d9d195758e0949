package history

import (
	"cmp"
	"context"
	"fmt"
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
		for o, err := range r.scan(ctx, q, nil) {
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

// Portions yields what q asks for by summaries where there are any; see api.PortionSelector.
func (r *Reader) Portions(ctx context.Context, q api.Query, span func(telemetry.Time) telemetry.Time) iter.Seq2[api.Portion, error] {
	return func(yield func(api.Portion, error) bool) {
		for o, err := range r.scan(ctx, q, span) {
			if err != nil {
				yield(api.Portion{}, err)
				return
			}
			if !yield(o.portion(), nil) {
				return
			}
		}
	}
}

// scan yields, for each record that q asks for, in order, the frame at whose head it stands. Where span is not nil, a chunk that lies in one span stands for
// all its records.
func (r *Reader) scan(ctx context.Context, q api.Query, span func(telemetry.Time) telemetry.Time) iter.Seq2[*opened, error] {
	if span != nil {
		return r.scanSpans(ctx, q, span)
	}
	return steady(q.After, r.mend, func(after *api.Cursor) iter.Seq2[*opened, error] {
		q := q
		if after != nil {
			at := *after
			q.After = &at
		}
		return r.scanOnce(ctx, q, nil)
	})
}

// scanSpans is scan with a span. What stands for many records has no place from which it could be begun again.
func (r *Reader) scanSpans(ctx context.Context, q api.Query, span func(telemetry.Time) telemetry.Time) iter.Seq2[*opened, error] {
	return func(yield func(*opened, error) bool) {
		for tries := 0; ; tries++ {
			var failed error
			began := false
			for o, err := range r.scanOnce(ctx, q, span) {
				if err != nil {
					failed = err
					break
				}
				began = true
				if !yield(o, nil) {
					return
				}
			}
			if failed == nil {
				return
			}
			mended := r.mend(failed)
			if mended == nil && began {
				mended = fmt.Errorf("%w; what is damaged was put aside, ask again", failed)
			}
			if mended != nil || tries == mends {
				yield(nil, cmp.Or(mended, failed))
				return
			}
		}
	}
}

func (r *Reader) scanOnce(ctx context.Context, q api.Query, span func(telemetry.Time) telemetry.Time) iter.Seq2[*opened, error] {
	narrow(&q.From, &q.To, q.After, q.Descending)
	wanted := r.series.Match(q.Filter)
	if q.From >= q.To || len(wanted) == 0 {
		return func(func(*opened, error) bool) {}
	}
	d := direction(q.Descending)
	found, own := keys(q.Filter, wanted)
	fromJournal := func(at ranges.Range) (runs []*opened, err error) {
		err = r.each(at, func(e entry) {
			if o := r.open(e, &q); o != nil {
				runs = append(runs, o)
			}
		})
		return runs, err
	}
	if r.blocks == nil || !own {
		return scan(d, ranges.Set{}, r.candidates(ctx, found, q.From, q.To, d, ranges.Set{}), func(c candidate) ([]*opened, error) { return fromJournal(c.at) })
	}
	return func(yield func(*opened, error) bool) {
		view := r.blocks.View()
		defer view.Close()
		candidates := mergeCandidates(d, r.chunks(ctx, view, wanted, q.From, q.To, d), r.candidates(ctx, found, q.From, q.To, d, view.Covered))
		scan(d, view.Covered, candidates, func(c candidate) ([]*opened, error) {
			if c.chunk == nil {
				return fromJournal(c.at)
			}
			o, err := r.openChunk(view, c, &q, span)
			if o == nil || err != nil {
				return nil, err
			}
			return []*opened{o}, nil
		})(yield)
	}
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
	o := &opened{header: e.header, table: table, records: records, unset: unset, origins: []origin{{pos: e.Pos, storedAt: r.storedAt(e.Mark)}}}
	if !o.arrange(q, delta) {
		return nil
	}
	return o
}

// wants reports whether q asks for s. What a reducer computed is raw data to nobody who did not ask for it by name.
func wants(q *api.Query, s *frame.Series) bool {
	return (q.Device == "" || q.Device == s.Device) && (q.Metric == s.Name || q.Metric == "" && !s.Derived)
}
