package index

import (
	"cmp"
	"errors"
	"maps"
	"slices"
)

// Span is the times of a series.
type Span struct {
	Min, Max  int64 // first and last of the certain ones; Min > Max: there are none
	Uncertain bool  // there are postings without certain times
}

// Span returns the first and last time of a series over the whole journal; ok is false if it does not occur. It looks only into
// side files that can change the answer, so for a series that is alive into few.
func (x *Index) Span(series uint64) (s Span, ok bool, err error) {
	found := noSpan
	x.mu.Lock()
	parts := slices.Clone(x.parts)
	for _, p := range x.memory[series] {
		found.add(p)
		ok = true
	}
	x.mu.Unlock()
	// From the newest on, and those that reach furthest back.
	slices.SortStableFunc(parts, func(a, b *part) int { return cmp.Compare(b.span.max, a.span.max) })
	visited := map[*part]bool{}
	visit := func(p *part) error {
		if visited[p] {
			return nil
		}
		visited[p] = true
		return p.with(func(r *reader) error {
			e, in, err := r.find(series)
			if in {
				found.join(e.span)
				ok = true
			}
			return err
		})
	}
	var errs []error
	for _, p := range parts {
		if p.span.max > found.max || p.span.uncertain && !found.uncertain {
			errs = append(errs, visit(p))
		}
	}
	slices.SortStableFunc(parts, func(a, b *part) int { return cmp.Compare(a.span.min, b.span.min) })
	for _, p := range parts {
		if p.span.min < found.min {
			errs = append(errs, visit(p))
		}
	}
	return Span{found.min, found.max, found.uncertain}, ok, errors.Join(errs...)
}

// with runs f on the part, if it is still there.
func (p *part) with(f func(*reader) error) error {
	r, err := p.open()
	if err == nil {
		err = f(r)
		r.f.Close()
	}
	if err != nil {
		return p.fault(err)
	}
	return nil
}

// Series lists all series that occur, ascending. Its memory grows with their number.
func (x *Index) Series() ([]uint64, error) {
	x.mu.Lock()
	parts := slices.Clone(x.parts)
	all := map[uint64]struct{}{}
	for id := range x.memory {
		all[id] = struct{}{}
	}
	x.mu.Unlock()
	for _, p := range parts {
		err := p.with(func(r *reader) error {
			for i := range int(r.series) {
				e, err := r.at(i)
				if err != nil {
					return err
				}
				all[e.series] = struct{}{}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return slices.Sorted(maps.Keys(all)), nil
}
