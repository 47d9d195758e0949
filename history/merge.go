package history

import (
	"context"
	"iter"

	"fieldpost/api"
	"fieldpost/telemetry"
)

// Merged answers for several Readers that share a catalogue as if they were one.
type Merged struct {
	series  *Catalogue
	readers []*Reader
}

// Merge returns what readers, which share series, hold together.
func Merge(series *Catalogue, readers ...*Reader) *Merged {
	return &Merged{series, readers}
}

// Readings yields what q asks for in order; see api.Selector.
func (m *Merged) Readings(ctx context.Context, q api.Query) iter.Seq2[api.Reading, error] {
	seqs := make([]iter.Seq2[api.Reading, error], len(m.readers))
	for i, r := range m.readers {
		seqs[i] = r.Readings(ctx, q)
	}
	return merge(direction(q.Descending), (*api.Reading).Cursor, seqs)
}

// Portions yields what q asks for by summaries where there are any; see api.PortionSelector.
func (m *Merged) Portions(ctx context.Context, q api.Query, span func(telemetry.Time) telemetry.Time) iter.Seq2[api.Portion, error] {
	seqs := make([]iter.Seq2[api.Portion, error], len(m.readers))
	for i, r := range m.readers {
		seqs[i] = r.Portions(ctx, q, span)
	}
	return merge(direction(q.Descending), func(p *api.Portion) api.Cursor { return p.Cursor() }, seqs)
}

// Events yields the events that q asks for in order; see api.EventSelector.
func (m *Merged) Events(ctx context.Context, q api.EventQuery) iter.Seq2[api.Event, error] {
	seqs := make([]iter.Seq2[api.Event, error], len(m.readers))
	for i, r := range m.readers {
		seqs[i] = r.Events(ctx, q)
	}
	return merge(direction(q.Descending), (*api.Event).Cursor, seqs)
}

// Series lists the series that f lets through; see api.Selector.
func (m *Merged) Series(ctx context.Context, f api.Filter) ([]api.Series, error) {
	list := m.series.list(f)
	out := make([]api.Series, 0, len(list))
	for i := range list {
		s := list[i].Series
		if list[i].stale {
			first, last, err := m.ends(ctx, s.Series)
			if err != nil {
				return nil, err
			}
			m.series.refresh(s.Series, first, last)
			if first == nil {
				continue // nothing of it is left
			}
			s.First, s.Last = &first.Point, &last.Point
		}
		out = append(out, s)
	}
	return out, nil
}

// ends looks up the first and last reading of s.
func (m *Merged) ends(ctx context.Context, s telemetry.Series) (first, last *place, err error) {
	q := api.Query{Filter: api.Filter{Node: s.Node, Device: s.Device, Metric: s.Metric}, From: minTime, To: maxTime}
	if first, err = m.end(ctx, q); err != nil || first == nil {
		return nil, nil, err
	}
	q.Descending = true
	if last, err = m.end(ctx, q); last == nil {
		last = first // dropped in between
	}
	return first, last, err
}

// end returns the first reading that q asks for.
func (m *Merged) end(ctx context.Context, q api.Query) (*place, error) {
	var best *place
	var at api.Cursor
	for _, r := range m.readers {
		for o, err := range r.scan(ctx, q, nil) {
			if err != nil {
				return nil, err
			}
			if best == nil || direction(q.Descending).compare(o.head(), at) < 0 {
				n := &o.records[0]
				best = &place{
					Point:  api.Point{Time: n.Time, Value: n.Value, Quality: n.Quality},
					reader: r.id, pos: o.origin(n.Place).pos, unset: o.unset && !n.Stamped, ok: true,
				}
				at = o.head()
			}
			break
		}
	}
	return best, nil
}
