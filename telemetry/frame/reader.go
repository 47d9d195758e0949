package frame

import (
	"encoding/binary"
	"math"
)

// reader takes a frame's parts one after the other. Its first error sticks, and everything read after it is zero,
// so that callers check once per part.
type reader struct {
	b   []byte
	off int
	err error
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = corrupt(format, args...)
		r.b = r.b[:r.off]
	}
}

func (r *reader) left() int { return len(r.b) - r.off }

func (r *reader) byte() byte {
	if r.off >= len(r.b) {
		r.fail("ends early")
		return 0
	}
	r.off++
	return r.b[r.off-1]
}

// bytes returns the next n bytes, not copied.
func (r *reader) bytes(n int) []byte {
	if n < 0 || n > r.left() {
		r.fail("ends early")
		return nil
	}
	r.off += n
	return r.b[r.off-n : r.off]
}

func (r *reader) uint64() uint64 {
	b := r.bytes(8)
	if b == nil {
		return 0
	}
	return binary.LittleEndian.Uint64(b)
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b[r.off:])
	if n <= 0 {
		r.fail("bad varint")
		return 0
	}
	r.off += n
	return v
}

func (r *reader) varint() uint64 { return unzigzag(r.uvarint()) }

// upTo reads a uvarint that must not exceed limit.
func (r *reader) upTo(limit int, what string) int {
	v := r.uvarint()
	if v > uint64(limit) {
		r.fail("%s %d, at most %d", what, v, limit)
		return 0
	}
	return int(v)
}

// text reads a length and as many bytes.
func (r *reader) text(limit int) string { return string(r.bytes(r.upTo(limit, "text length"))) }

func appendText(dst []byte, s string) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	return append(dst, s...)
}

// Signed numbers travel in two's complement as uint64, so that arithmetic wraps the same way everywhere.

func zigzag(v uint64) uint64   { return v<<1 ^ uint64(int64(v)>>63) }
func unzigzag(v uint64) uint64 { return v>>1 ^ -(v & 1) }

func appendVarint(dst []byte, v uint64) []byte { return binary.AppendUvarint(dst, zigzag(v)) }

const (
	maxScale = 14
	rawScale = 15 // the number follows in 8 bytes
)

// appendScaled writes v as uvarint(m<<4|k) for v = m·10^k with k at most 14: durations and instants in ns mostly end in zeros.
func appendScaled(dst []byte, v uint64) []byte {
	m, k := v, uint64(0)
	if m != 0 && m%1e6 == 0 { // the common case first: milliseconds
		m, k = m/1e6, 6
	}
	for m != 0 && m%10 == 0 && k < maxScale {
		m, k = m/10, k+1
	}
	if m >= 1<<60 {
		return binary.LittleEndian.AppendUint64(append(dst, rawScale), v)
	}
	return binary.AppendUvarint(dst, m<<4|k)
}

func (r *reader) scaled() uint64 {
	v := r.uvarint()
	m, k := v>>4, v&15
	if k == rawScale {
		if m != 0 {
			r.fail("bad scaled number")
			return 0
		}
		return r.uint64()
	}
	p := pow10u[k]
	if m > math.MaxUint64/p {
		r.fail("scaled number overflows")
		return 0
	}
	return m * p
}

var pow10u = [...]uint64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14}
