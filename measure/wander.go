package measure

import (
	"fmt"
	"math/rand/v2"
)

// wander writes n lines, a value each that wanders by up to a thousand: 11 bits of news.
type wander struct {
	n      int // left
	value  int
	random *rand.Rand
	lines  []byte
}

// next returns some more of them, valid until the next call; nil: that was all.
func (w *wander) next() []byte {
	const enough = 32 << 10
	if w.random == nil {
		w.random = rand.New(rand.NewPCG(1, 2))
	}
	w.lines = w.lines[:0]
	for ; w.n > 0 && len(w.lines) < enough; w.n-- {
		w.value += w.random.IntN(2001) - 1000
		w.lines = fmt.Appendf(w.lines, "%d\n", w.value)
	}
	if len(w.lines) == 0 {
		return nil
	}
	return w.lines
}
