package history

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"

	"fieldpost/history/blocks"
	"fieldpost/journal"
	"fieldpost/journal/index"
	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
	"fieldpost/telemetry/ranges"
)

// candidate is some positions among which something wanted may lie, or a chunk of blocks, and the bounds of its times, put right.
type candidate struct {
	at       ranges.Range
	chunk    *blocks.Chunk    // in place of at
	series   telemetry.Series // of chunk
	min, max telemetry.Time
}

// follows reports whether all that c holds comes after t in the asked order.
func (c candidate) follows(d direction, t telemetry.Time) bool {
	if d == descending {
		return c.max < t
	}
	return c.min > t
}

func (d direction) compareCandidates(a, b candidate) int {
	if d == descending {
		return cmp.Or(cmp.Compare(b.max, a.max), cmp.Compare(b.at.From, a.at.From))
	}
	return cmp.Or(cmp.Compare(a.min, b.min), cmp.Compare(a.at.From, b.at.From))
}

// candidates yields where records of keys with times in [from, to) may lie, in the asked order of their near bound; that they lie among the positions
// except need not be found. Of a posting whose times are not certain, which the index gives out first, the bounds are worked out from the frames' headers.
func (r *Reader) candidates(ctx context.Context, keys []uint64, from, to telemetry.Time, d direction, except ranges.Set) iter.Seq2[candidate, error] {
	q := index.Query{Series: keys, From: int64(from), To: int64(to), Descending: d == descending, Except: except}
	return func(yield func(candidate, error) bool) {
		var doubtful []candidate
		looked := except.Clone()
		for p, err := range r.index.Select(q) {
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				yield(candidate{}, err)
				return
			}
			c := candidate{at: ranges.Range{From: p.First, To: p.Last}, min: telemetry.Time(p.Min), max: telemetry.Time(p.Max)}
			if p.Min == math.MinInt64 && p.Max == math.MaxInt64 {
				if looked.HasAll(c.at) { // for another series
					continue
				}
				looked.Add(c.at)
				found, err := r.bound(&c)
				if err != nil {
					yield(c, err)
					return
				}
				if found && c.max >= from && c.min < to {
					i, _ := slices.BinarySearchFunc(doubtful, c, d.compareCandidates)
					doubtful = slices.Insert(doubtful, i, c)
				}
				continue
			}
			for len(doubtful) > 0 && d.compareCandidates(doubtful[0], c) <= 0 {
				if !yield(doubtful[0], nil) {
					return
				}
				doubtful = doubtful[1:]
			}
			if !yield(c, nil) {
				return
			}
		}
		for _, c := range doubtful {
			if !yield(c, nil) {
				return
			}
		}
	}
}

// bound works out the times of the frames among c's positions. It reports false if there are none.
func (r *Reader) bound(c *candidate) (found bool, err error) {
	var long []uint64
	c.min, c.max = maxTime, minTime
	take := func(pos uint64, data []byte) {
		h, err := frame.ParseHeader(data)
		if errors.Is(err, frame.ErrShort) {
			long = append(long, pos)
		}
		if err == nil {
			lo, hi := r.bounds(h)
			c.min, c.max, found = min(c.min, lo), max(c.max, hi), true
		}
	}
	err = r.journal.Heads(c.at.From, frame.HeadSize, func(e journal.Entry) error {
		if e.Pos > c.at.To {
			return journal.ErrStop
		}
		take(e.Pos, e.Data)
		return nil
	})
	for _, pos := range long {
		var entries []journal.Entry
		if err == nil {
			entries, err = r.journal.Read(pos, 1)
		}
		if len(entries) > 0 {
			take(pos, entries[0].Data)
		}
	}
	if err != nil {
		return false, fmt.Errorf("read headers from %d on: %w", c.at.From, err)
	}
	return found, nil
}

// bounds are the earliest and latest time that a record of a frame can have by now: the instrument's own stand, the others are shifted.
func (r *Reader) bounds(h frame.Header) (lo, hi telemetry.Time) {
	delta, _ := r.clock.of(h)
	return min(h.Min, shift(h.Min, delta)), max(h.Max, shift(h.Max, delta))
}

// postings are what the index is told of a frame of count positions from pos on.
func postings(pos uint64, h frame.Header, t *Table) []index.Posting {
	p := index.Posting{First: pos, Last: pos + uint64(h.Count) - 1, Min: int64(h.Min), Max: int64(h.Max)}
	if h.Clock.Doubtful() {
		p.Min, p.Max = math.MinInt64, math.MaxInt64
	}
	with := func(key uint64) index.Posting { p.Series = key; return p }
	if t == nil {
		return []index.Posting{with(eventsKey)}
	}
	out := make([]index.Posting, 0, len(h.Columns)+2)
	out = append(out, with(readingsKey), with(nodeKey(h.Node)))
	for _, c := range h.Columns {
		s := &t.Series[c.Series]
		out = append(out, with(seriesKey(telemetry.Series{Node: h.Node, Device: s.Device, Metric: s.Name})))
	}
	return out
}
