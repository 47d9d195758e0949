package history

import (
	"cmp"
	"context"
	"iter"
	"slices"

	"fieldpost/api"
	"fieldpost/history/blocks"
	"fieldpost/journal"
	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
	"fieldpost/telemetry/ranges"
)

// holds reports whether a part of blocks is still of this journal; see blocks.Open.
func (r *Reader) holds(segment, first, next uint64, whole bool, was blocks.Proof) bool {
	for _, seg := range r.journal.Segments() {
		if seg.First != segment || first < seg.First || next > seg.Next || whole && (first != seg.First || next != seg.Next) {
			continue
		}
		is, err := r.proof(first, next)
		return err == nil && is == was
	}
	return false
}

// proof makes the proof of some positions of the journal.
func (r *Reader) proof(first, next uint64) (blocks.Proof, error) {
	last, err := r.journal.Read(next-1, 1)
	if err != nil {
		return blocks.Proof{}, err
	}
	at := ranges.Range{From: first, To: next - 1}
	if len(last) == 0 || last[0].Pos >= next {
		return blocks.Proof{}, journal.ErrNotFound
	}
	return blocks.Prove(r.journal.Kept().Intersect(ranges.Make(at)).Len(), last[0].Mark, last[0].Data), nil
}

// chunks yields the chunks of series with times in [from, to), in the asked order of their near bound. It holds those of groups that overlap in time.
func (r *Reader) chunks(ctx context.Context, view *blocks.View, series []telemetry.Series, from, to telemetry.Time, d direction) iter.Seq2[candidate, error] {
	return func(yield func(candidate, error) bool) {
		groups, err := view.Groups(series, from, to)
		if err != nil {
			yield(candidate{}, err)
			return
		}
		// Where times are not certain the group is looked into at once.
		before := func(g blocks.Group, c candidate) bool {
			if d == descending {
				return g.Doubtful || g.Max >= c.max
			}
			return g.Doubtful || g.Min <= c.min
		}
		slices.SortFunc(groups, func(a, b blocks.Group) int {
			switch {
			case a.Doubtful != b.Doubtful && a.Doubtful:
				return -1
			case a.Doubtful != b.Doubtful:
				return 1
			case d == descending:
				return cmp.Compare(b.Max, a.Max)
			}
			return cmp.Compare(a.Min, b.Min)
		})
		var pending []candidate
		for len(groups) > 0 || len(pending) > 0 {
			if err := ctx.Err(); err != nil {
				yield(candidate{}, err)
				return
			}
			if len(groups) > 0 && (len(pending) == 0 || before(groups[0], pending[0])) {
				if pending, err = r.load(view, groups[0], from, to, pending); err != nil {
					yield(candidate{}, err)
					return
				}
				slices.SortFunc(pending, d.compareCandidates)
				groups = groups[1:]
				continue
			}
			if !yield(pending[0], nil) {
				return
			}
			pending = pending[1:]
		}
	}
}

// load adds g's chunks with times in [from, to) to pending.
func (r *Reader) load(view *blocks.View, g blocks.Group, from, to telemetry.Time, pending []candidate) ([]candidate, error) {
	chunks, err := view.Chunks(g)
	if err != nil {
		return nil, err
	}
	for i := range chunks {
		c := candidate{chunk: &chunks[i], series: g.Series, min: chunks[i].Min, max: chunks[i].Max}
		if c.chunk.Doubtful {
			content, err := view.Content(*c.chunk)
			if err != nil {
				return nil, err
			}
			h, err := frame.ParseHeader(content.Frame)
			if err != nil {
				return nil, c.chunk.Damaged(err)
			}
			c.min, c.max = r.bounds(h)
		}
		if c.max >= from && c.min < to {
			pending = append(pending, c)
		}
	}
	return pending, nil
}

// openChunk decodes c. It returns nil if nothing in it is wanted.
func (r *Reader) openChunk(view *blocks.View, c candidate, q *api.Query, span func(telemetry.Time) telemetry.Time) (*opened, error) {
	columns := []frame.Column{{Series: c.chunk.Column, Count: uint32(c.chunk.Count)}}
	table, err := r.table(c.chunk.Pos, frame.Header{Table: c.chunk.Table, Columns: columns})
	if err != nil {
		r.unreadable(c.chunk.Pos, err)
		return nil, nil
	}
	if !wants(q, &table.Series[c.chunk.Column]) {
		return nil, nil
	}
	if span != nil && !c.chunk.Doubtful && c.min >= q.From && c.max < q.To && span(c.min) == span(c.max) {
		at := c.min
		if q.Descending {
			at = c.max
		}
		return &opened{
			records: []frame.Selected{{Record: frame.Record{Time: at}}},
			of: &api.Portion{
				Reading: api.Reading{Reading: telemetry.Reading{Series: c.series, Time: at}, Unit: table.Series[c.chunk.Column].Unit},
				Of:      &c.chunk.Summary,
			},
		}, nil
	}
	content, err := view.Content(*c.chunk)
	if err != nil {
		return nil, err
	}
	h, records, err := frame.DecodeColumns(content.Frame, func(uint32) bool { return true }, make([]frame.Selected, 0, c.chunk.Count))
	if err != nil {
		return nil, c.chunk.Damaged(err)
	}
	if len(records) != len(content.Places) {
		return nil, c.chunk.Damaged(frame.ErrCorrupt)
	}
	for i := range records {
		records[i].Place = content.Places[i]
	}
	o := &opened{header: h, table: table, records: records, origins: make([]origin, 0, len(content.Sources))}
	at := 0
	for _, s := range content.Sources {
		if s.Readings > 0 {
			o.origins = append(o.origins, origin{content.Places[at], s.Pos, r.storedAt(s.Mark)})
		}
		at += s.Readings
	}
	var delta int64
	delta, o.unset = r.clock.of(h)
	if !o.arrange(q, delta) {
		return nil, nil
	}
	return o, nil
}

// mergeCandidates makes one sequence of two.
func mergeCandidates(d direction, a, b iter.Seq2[candidate, error]) iter.Seq2[candidate, error] {
	return func(yield func(candidate, error) bool) {
		next, stop := iter.Pull2(a)
		defer stop()
		head, err, ok := next()
		for c, err2 := range b {
			for ok && err == nil && err2 == nil && d.compareCandidates(head, c) <= 0 {
				if !yield(head, nil) {
					return
				}
				head, err, ok = next()
			}
			if ok && err != nil || err2 != nil {
				if err == nil {
					err = err2
				}
				yield(candidate{}, err)
				return
			}
			if !yield(c, nil) {
				return
			}
		}
		for ok {
			if !yield(head, err) || err != nil {
				return
			}
			head, err, ok = next()
		}
	}
}
