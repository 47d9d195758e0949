// Package columns writes and reads the columns that frames are made of: integers, and floats as integers on a lattice. The
// comment of package frame draws each byte. Everything is bit-exact, and the same on every processor.
//
// An Encoder, Decoder or Reader is for one goroutine at a time; the zero value is ready.
package columns

import (
	"errors"
	"fmt"
)

// ErrCorrupt is what Readers wrap.
var ErrCorrupt = errors.New("corrupt frame")

// Corrupt returns an ErrCorrupt with detail.
func Corrupt(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrCorrupt}, args...)...)
}

// Encoder writes columns. It holds buffers only.
type Encoder struct {
	units, run, scaled, misses []uint64
}

// Decoder reads columns. Beside its Reader it holds buffers only.
type Decoder struct {
	Reader
	run []uint64
}

// Grown returns *p with n elements of no particular value.
func Grown[T any](p *[]T, n int) []T {
	if cap(*p) < n {
		*p = make([]T, n+n/4)
	}
	*p = (*p)[:n]
	return *p
}
