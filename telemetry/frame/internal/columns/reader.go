package columns

import (
	"encoding/binary"
	"math"
)

// Reader takes a frame's parts one after the other. Its first error sticks, and everything read after it is zero,
// so that callers check once per part.
type Reader struct {
	B   []byte // what may be read; behind its length, up to its capacity, nothing is relied on
	Off int    // what was read
	Err error
}

// Fail makes an ErrCorrupt of the message the reader's error, if it has none yet.
func (r *Reader) Fail(format string, args ...any) {
	if r.Err == nil {
		r.Err = Corrupt(format, args...)
		r.B = r.B[:r.Off]
	}
}

// Left returns the bytes that were not read yet.
func (r *Reader) Left() int { return len(r.B) - r.Off }

// Byte reads one byte.
func (r *Reader) Byte() byte {
	if r.Off >= len(r.B) {
		r.Fail("ends early")
		return 0
	}
	r.Off++
	return r.B[r.Off-1]
}

// Bytes returns the next n bytes, not copied.
func (r *Reader) Bytes(n int) []byte {
	if n < 0 || n > r.Left() {
		r.Fail("ends early")
		return nil
	}
	r.Off += n
	return r.B[r.Off-n : r.Off]
}

// Uint64 reads 8 bytes.
func (r *Reader) Uint64() uint64 {
	b := r.Bytes(8)
	if b == nil {
		return 0
	}
	return binary.LittleEndian.Uint64(b)
}

// Uvarint reads an unsigned varint.
func (r *Reader) Uvarint() uint64 {
	v, n := binary.Uvarint(r.B[r.Off:])
	if n <= 0 {
		r.Fail("bad varint")
		return 0
	}
	r.Off += n
	return v
}

// Varint reads a signed varint.
func (r *Reader) Varint() uint64 { return Unzigzag(r.Uvarint()) }

// UpTo reads a uvarint that must not exceed limit.
func (r *Reader) UpTo(limit int, what string) int {
	v := r.Uvarint()
	if v > uint64(limit) {
		r.Fail("%s %d, at most %d", what, v, limit)
		return 0
	}
	return int(v)
}

// Text reads a length and as many bytes.
func (r *Reader) Text(limit int) string { return string(r.Bytes(r.UpTo(limit, "text length"))) }

// AppendText is the inverse of Text.
func AppendText(dst []byte, s string) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	return append(dst, s...)
}

// Zigzag maps a signed number, in two's complement, to one that is small where its magnitude is.
func Zigzag(v uint64) uint64 { return v<<1 ^ uint64(int64(v)>>63) }

// Unzigzag is the inverse of Zigzag.
func Unzigzag(v uint64) uint64 { return v>>1 ^ -(v & 1) }

// AppendVarint is the inverse of Varint.
func AppendVarint(dst []byte, v uint64) []byte { return binary.AppendUvarint(dst, Zigzag(v)) }

const (
	maxScale = 14
	rawScale = 15 // the number follows in 8 bytes
)

// AppendScaled writes v as uvarint(m<<4|k) for v = m·10^k with k at most 14: durations and instants in ns mostly end in zeros.
func AppendScaled(dst []byte, v uint64) []byte {
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

// Scaled is the inverse of AppendScaled.
func (r *Reader) Scaled() uint64 {
	v := r.Uvarint()
	m, k := v>>4, v&15
	if k == rawScale {
		if m != 0 {
			r.Fail("bad scaled number")
			return 0
		}
		return r.Uint64()
	}
	p := pow10u[k]
	if m > math.MaxUint64/p {
		r.Fail("scaled number overflows")
		return 0
	}
	return m * p
}

var pow10u = [...]uint64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17}
