package frame

import "sync"

// Encoders and decoders carry buffers from one frame to the next. The pools are free lists: what comes out of them
// holds nothing that a result depends on.
var (
	encoders = sync.Pool{New: func() any { return new(encoder) }}
	decoders = sync.Pool{New: func() any { return new(decoder) }}
)

// grown returns *p with n elements of no particular value.
func grown[T any](p *[]T, n int) []T {
	if cap(*p) < n {
		*p = make([]T, n+n/4)
	}
	*p = (*p)[:n]
	return *p
}

// zeroed is grown with every element zero.
func zeroed[T any](p *[]T, n int) []T {
	s := grown(p, n)
	clear(s)
	return s
}
