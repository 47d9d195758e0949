package index

import (
	"cmp"
	"container/heap"
	"iter"
	"slices"

	"fieldpost/telemetry/ranges"
)

// Query asks for postings of any of Series that may hold records with From <= time < To.
type Query struct {
	Series     []uint64
	From, To   int64
	Descending bool       // by Max, then Last, from the highest down, in place of by Min, then First
	Except     ranges.Set // of segments that lie in it altogether nothing is looked for
}

// Select yields the postings that q asks for, in order. Memory grows with the number of segments and series, not with what is stored. It shows
// the index as it was when the iteration began. The first error, a *DamageError for a damaged side file, ends it.
func (x *Index) Select(q Query) iter.Seq2[Posting, error] {
	q.Series = slices.Compact(slices.Sorted(slices.Values(q.Series)))
	return func(yield func(Posting, error) bool) {
		s := selection{Query: q, open: map[*part]*reader{}}
		defer s.close()
		s.start(x)
		var err error
		for err == nil && len(s.sources) > 0 {
			src := s.sources[0]
			if src.part != nil {
				err = s.advance(src)
				continue
			}
			p := src.postings[0]
			if src.postings = src.postings[1:]; len(src.postings) == 0 {
				heap.Pop(&s)
			} else {
				src.key = s.keyOf(src.postings[0])
				heap.Fix(&s, 0)
			}
			if !yield(p, nil) {
				return
			}
		}
		if err != nil {
			yield(Posting{}, err)
		}
	}
}

// source is a part that is not open yet, or the blocks of a series in it that are not read yet, or some postings in order.
type source struct {
	key      int64 // of the first posting; of what is not read, a bound that it does not pass
	postings []Posting

	part   *part
	opened bool
	series uint64
	off    uint64 // of the next block
	blocks uint32 // left
}

// selection merges sources: a heap, the next posting on top.
type selection struct {
	Query
	sources []*source
	open    map[*part]*reader
}

// start gathers the sources: what is in memory, and the parts.
func (s *selection) start(x *Index) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, id := range s.Series {
		s.push(slices.DeleteFunc(slices.Clone(x.memory[id]), s.unwanted))
	}
	for _, p := range x.parts {
		if lo, hi := p.span.reach(); s.wants(lo, hi) && !s.Except.HasAll(ranges.Range{From: p.first, To: p.next - 1}) {
			heap.Push(s, &source{key: s.bound(lo, hi), part: p})
		}
	}
}

func (s *selection) unwanted(p Posting) bool { return !s.wants(p.Min, p.Max) }

func (s *selection) wants(lo, hi int64) bool { return lo < s.To && hi >= s.From }

func (s *selection) bound(lo, hi int64) int64 {
	if s.Descending {
		return hi
	}
	return lo
}

func (s *selection) keyOf(p Posting) int64 { return s.bound(p.Min, p.Max) }

// push adds postings as a source of their own.
func (s *selection) push(found []Posting) {
	if len(found) == 0 {
		return
	}
	slices.SortFunc(found, s.compare)
	heap.Push(s, &source{key: s.keyOf(found[0]), postings: found})
}

func (s *selection) compare(a, b Posting) int {
	if s.Descending {
		return cmp.Or(cmp.Compare(b.Max, a.Max), cmp.Compare(b.Last, a.Last), cmp.Compare(b.Series, a.Series))
	}
	return byMin(a, b)
}

// advance reads on in the part of src, which is on top.
func (s *selection) advance(src *source) (err error) {
	if src.opened {
		err = s.readBlock(src, s.open[src.part])
	} else {
		heap.Pop(s)
		err = s.openPart(src.part)
	}
	if err == nil {
		return nil
	}
	if err = src.part.fault(err); err == nil { // dropped meanwhile
		s.sources = slices.DeleteFunc(s.sources, func(o *source) bool { return o.part == src.part })
		heap.Init(s)
		s.release(src.part)
	}
	return err
}

// openPart finds the series in a part.
func (s *selection) openPart(p *part) error {
	r, err := p.open()
	if err != nil {
		return err
	}
	s.open[p] = r
	for _, id := range s.Series {
		e, ok, err := r.find(id)
		if err != nil {
			return err
		}
		lo, hi := e.span.reach()
		if !ok || e.blocks == 0 || !s.wants(lo, hi) {
			continue
		}
		src := &source{key: s.bound(lo, hi), part: p, opened: true, series: id, off: e.first, blocks: e.blocks}
		if s.Descending {
			src.off = e.last
		}
		r.users++
		heap.Push(s, src)
	}
	if r.users == 0 {
		s.release(p)
	}
	return nil
}

// readBlock turns the next block of src into a source of its own.
func (s *selection) readBlock(src *source, r *reader) error {
	b, err := r.block(src.series, src.off)
	if err != nil {
		return err
	}
	more := src.blocks > 1
	if s.Descending && more && b.previous == 0 {
		return damaged("block at %d has none before it", src.off)
	}
	// The next block holds nothing beyond key, in the order asked for.
	src.blocks--
	if s.Descending {
		src.off -= uint64(b.previous)
		src.key = b.before
		more = more && src.key >= s.From
	} else {
		src.off += uint64(b.size)
		src.key = b.postings[len(b.postings)-1].Min
		more = more && src.key < s.To
	}
	if more {
		heap.Fix(s, 0)
	} else {
		heap.Pop(s)
		if r.users--; r.users == 0 {
			s.release(src.part)
		}
	}
	s.push(slices.DeleteFunc(b.postings, s.unwanted))
	return nil
}

// release closes a part that nothing is left to be read of.
func (s *selection) release(p *part) {
	if r := s.open[p]; r != nil {
		r.f.Close()
		delete(s.open, p)
	}
}

func (s *selection) close() {
	for p := range s.open {
		s.release(p)
	}
}

// Len, Less, Swap, Push and Pop make a heap of the sources. Of equal keys what is not read yet comes first, as it may hold what has to.
func (s *selection) Len() int      { return len(s.sources) }
func (s *selection) Swap(i, j int) { s.sources[i], s.sources[j] = s.sources[j], s.sources[i] }
func (s *selection) Push(v any)    { s.sources = append(s.sources, v.(*source)) }
func (s *selection) Pop() any {
	n := len(s.sources) - 1
	last := s.sources[n]
	s.sources = s.sources[:n]
	return last
}

func (s *selection) Less(i, j int) bool {
	a, b := s.sources[i], s.sources[j]
	if a.key != b.key {
		return (a.key < b.key) != s.Descending
	}
	if a.part != nil || b.part != nil {
		return a.part != nil && b.part == nil
	}
	return s.compare(a.postings[0], b.postings[0]) < 0
}
