package frame

import (
	"sync"

	"fieldpost/telemetry/frame/internal/columns"
)

// Encoders and decoders carry buffers from one frame to the next. The pools are free lists: what comes out of them
// holds nothing that a result depends on.
var (
	encoders = sync.Pool{New: func() any { return new(encoder) }}
	decoders = sync.Pool{New: func() any { return new(decoder) }}
)

// zeroed returns *p with n elements, all zero.
func zeroed[T any](p *[]T, n int) []T {
	s := columns.Grown(p, n)
	clear(s)
	return s
}
