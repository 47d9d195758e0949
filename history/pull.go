package history

import (
	"container/heap"
	"iter"

	"fieldpost/api"
)

// merge makes one sequence of several, each in the asked order. The first error ends it.
func merge[T any](d direction, cursor func(*T) api.Cursor, seqs []iter.Seq2[T, error]) iter.Seq2[T, error] {
	if len(seqs) == 1 {
		return seqs[0]
	}
	return func(yield func(T, error) bool) {
		var none T
		h := &pullHeap[T]{d: d, cursor: cursor}
		for _, seq := range seqs {
			next, stop := iter.Pull2(seq)
			defer stop()
			head, err, ok := next()
			if err != nil {
				yield(none, err)
				return
			}
			if ok {
				h.pulls = append(h.pulls, pull[T]{head, next})
			}
		}
		heap.Init(h)
		for h.Len() > 0 {
			if !yield(h.pulls[0].head, nil) {
				return
			}
			head, err, ok := h.pulls[0].next()
			switch {
			case err != nil:
				yield(none, err)
				return
			case !ok:
				heap.Pop(h)
			default:
				h.pulls[0].head = head
				heap.Fix(h, 0)
			}
		}
	}
}

// pull is a sequence with its next record in hand.
type pull[T any] struct {
	head T
	next func() (T, error, bool)
}

type pullHeap[T any] struct {
	pulls  []pull[T]
	d      direction
	cursor func(*T) api.Cursor
}

func (h *pullHeap[T]) Len() int { return len(h.pulls) }
func (h *pullHeap[T]) Less(i, j int) bool {
	return h.d.compare(h.cursor(&h.pulls[i].head), h.cursor(&h.pulls[j].head)) < 0
}
func (h *pullHeap[T]) Swap(i, j int) { h.pulls[i], h.pulls[j] = h.pulls[j], h.pulls[i] }
func (h *pullHeap[T]) Push(x any)    { h.pulls = append(h.pulls, x.(pull[T])) }
func (h *pullHeap[T]) Pop() any {
	last := len(h.pulls) - 1
	p := h.pulls[last]
	h.pulls[last] = pull[T]{}
	h.pulls = h.pulls[:last]
	return p
}
