package history

import (
	"container/heap"
	"iter"

	"fieldpost/api"
	"fieldpost/telemetry/ranges"
)

// run is a frame whose wanted records are handed out one by one, in the asked order.
type run interface {
	head() api.Cursor  // of the next record; there is one
	drop() (left bool) // takes the next record away
}

// scan yields, for each record among the candidates, in the asked order, the run at whose head it stands. It opens a candidate when
// nothing open comes before all that it holds, so memory goes with how much overlaps in time. open returns all that is wanted of a candidate's
// frames or chunk. Positions in except are passed over.
func scan[R run](d direction, except ranges.Set, candidates iter.Seq2[candidate, error], open func(candidate) ([]R, error)) iter.Seq2[R, error] {
	return func(yield func(R, error) bool) {
		var none R
		seen := except.Clone() // what is wanted lies under several keys
		h := &runHeap[R]{d: d}
		next := func() bool {
			top := h.runs[0]
			if !yield(top, nil) {
				return false
			}
			if top.drop() {
				heap.Fix(h, 0)
			} else {
				heap.Pop(h)
			}
			return true
		}
		for c, err := range candidates {
			if err != nil {
				yield(none, err)
				return
			}
			for h.Len() > 0 && c.follows(d, h.runs[0].head().Time) {
				if !next() {
					return
				}
			}
			take := func(c candidate) bool {
				runs, err := open(c)
				if err != nil {
					yield(none, err)
					return false
				}
				for _, r := range runs {
					heap.Push(h, r)
				}
				return true
			}
			if c.chunk != nil {
				if !take(c) {
					return
				}
				continue
			}
			for part := range ranges.Make(c.at).Minus(seen.Intersect(ranges.Make(c.at))).All() {
				if !take(candidate{at: part}) {
					return
				}
			}
			seen.Add(c.at)
		}
		for h.Len() > 0 {
			if !next() {
				return
			}
		}
	}
}

// mends bounds how often one question is begun again.
const mends = 16

// steady is what begin yields, begun again after the last record yielded where mend heals the error that ended it.
func steady[R run](after *api.Cursor, mend func(error) error, begin func(after *api.Cursor) iter.Seq2[R, error]) iter.Seq2[R, error] {
	return func(yield func(R, error) bool) {
		var at api.Cursor
		for tries := 0; ; tries++ {
			var failed error
			for r, err := range begin(after) {
				if err != nil {
					failed = err
					break
				}
				at = r.head()
				after = &at
				if !yield(r, nil) {
					return
				}
			}
			if failed == nil {
				return
			}
			if tries < mends {
				failed = mend(failed)
			}
			if failed != nil {
				var none R
				yield(none, failed)
				return
			}
		}
	}
}

// runHeap keeps the open runs, the one whose head comes first in the asked order on top.
type runHeap[R run] struct {
	runs []R
	d    direction
}

func (h *runHeap[R]) Len() int           { return len(h.runs) }
func (h *runHeap[R]) Less(i, j int) bool { return h.d.compare(h.runs[i].head(), h.runs[j].head()) < 0 }
func (h *runHeap[R]) Swap(i, j int)      { h.runs[i], h.runs[j] = h.runs[j], h.runs[i] }
func (h *runHeap[R]) Push(x any)         { h.runs = append(h.runs, x.(R)) }
func (h *runHeap[R]) Pop() any {
	var none R
	last := len(h.runs) - 1
	r := h.runs[last]
	h.runs[last] = none
	h.runs = h.runs[:last]
	return r
}
