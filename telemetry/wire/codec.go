package wire

import (
	"encoding/binary"
	"fmt"
	"math"
	"unicode/utf8"

	"fieldpost/telemetry"
	"fieldpost/telemetry/ranges"
)

const maxText = 255

func appendText(b []byte, s string) []byte {
	if len(s) > maxText {
		n := maxText
		for n > 0 && !utf8.RuneStart(s[n]) {
			n--
		}
		s = s[:n]
	}
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendSet(b []byte, s ranges.Set) []byte {
	rs := s.Ranges()
	b = binary.AppendUvarint(b, uint64(len(rs)))
	var at uint64
	for _, r := range rs {
		b = binary.AppendUvarint(b, r.From-at)
		b = binary.AppendUvarint(b, r.To-r.From)
		at = r.To + 2
	}
	return b
}

// decoder reads fields off the front of b. After the first error all further reads give zeros, so that a message is
// read straight through and the error looked at once.
type decoder struct {
	b   []byte
	err error
}

func (d *decoder) fail(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf("%w: %s", ErrMalformed, fmt.Sprintf(format, args...))
		d.b = nil
	}
}

func (d *decoder) take(n int) []byte {
	if d.err != nil || n > len(d.b) {
		d.fail("cut off")
		return nil
	}
	out := d.b[:n:n]
	d.b = d.b[n:]
	return out
}

func (d *decoder) u8() uint8 {
	if b := d.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (d *decoder) u64() uint64 {
	if b := d.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

func (d *decoder) uv() uint64 {
	v, n := binary.Uvarint(d.b)
	switch {
	case n <= 0:
		d.fail("cut off or oversized number")
		return 0
	case n > 1 && d.b[n-1] == 0:
		d.fail("number with needless bytes")
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) uv32(what string) uint32 {
	v := d.uv()
	if v > math.MaxUint32 {
		d.fail("%s %d is beyond 32 bits", what, v)
		return 0
	}
	return uint32(v)
}

func (d *decoder) sv() int64 {
	v := d.uv()
	return int64(v>>1) ^ -int64(v&1)
}

// plus adds, and fails where the sum leaves 64 bits.
func (d *decoder) plus(a, b uint64) uint64 {
	if a+b < a {
		d.fail("sequence beyond 64 bits")
		return 0
	}
	return a + b
}

func (d *decoder) text() string {
	n := d.uv()
	if n > maxText {
		d.fail("text of %d bytes", n)
		return ""
	}
	b := d.take(int(n))
	if !utf8.Valid(b) {
		d.fail("text that is not UTF-8")
		return ""
	}
	return string(b)
}

func (d *decoder) store() (id StoreID) {
	copy(id[:], d.take(len(id)))
	return id
}

func (d *decoder) lane() telemetry.Lane {
	l := telemetry.Lane(d.u8())
	if !l.Valid() {
		d.fail("unknown %s", l)
		return 0
	}
	return l
}

// count reads how many elements follow, each of at least size bytes.
func (d *decoder) count(size int) int {
	n := d.uv()
	if n > uint64(len(d.b)/size) {
		d.fail("%d elements in %d bytes", n, len(d.b))
		return 0
	}
	return int(n)
}

func list[T any](d *decoder, size int, read func() T) []T {
	n := d.count(size)
	if n == 0 {
		return nil
	}
	out := make([]T, 0, n)
	for range n {
		v := read()
		if d.err != nil {
			return nil
		}
		out = append(out, v)
	}
	return out
}

func (d *decoder) set() ranges.Set {
	n := d.count(2)
	if n == 0 {
		return ranges.Set{}
	}
	var s ranges.Set
	var at uint64
	for i := range n {
		if i > 0 {
			at = d.plus(at, 2)
		}
		from := d.plus(at, d.uv())
		to := d.plus(from, d.uv())
		if d.err != nil {
			return ranges.Set{}
		}
		s.Add(ranges.Range{From: from, To: to}) // always at the end: no search to speak of
		at = to
	}
	return s
}

// data reads the body of a Table or Frame.
func (d *decoder) data() []byte {
	n := d.uv()
	if n > uint64(len(d.b)) {
		d.fail("%d bytes of extensions in %d bytes", n, len(d.b))
		return nil
	}
	more := decoder{b: d.take(int(n))}
	more.extensions(nil)
	if more.err != nil && d.err == nil {
		d.err = more.err
	}
	rest := d.b
	d.b = nil
	return rest
}

// extension is the tag of the one extension that a type of message has so far.
const extension = 1

// extensions reads the extensions up to the end: known is given the body of that which is known. Others are skipped.
func (d *decoder) extensions(known func(body *decoder)) {
	for len(d.b) > 0 {
		tag, n := d.uv(), d.uv()
		if n > uint64(len(d.b)) {
			d.fail("extension cut off")
			return
		}
		body := decoder{b: d.take(int(n))}
		if tag != extension || known == nil || d.err != nil {
			continue
		}
		if known(&body); body.err != nil {
			d.fail("extension: %v", body.err)
		}
	}
}

func appendBases(b []byte, bases []uint64) []byte {
	if bases == nil {
		return b
	}
	b = binary.AppendUvarint(append(b, extension), uint64(8*len(bases)))
	for _, n := range bases {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	return b
}

func (d *decoder) bases() []uint64 {
	out := []uint64{}
	for len(d.b) > 0 && d.err == nil {
		if out = append(out, d.u64()); len(out) > MaxBases {
			d.fail("more than %d bases", MaxBases)
		}
	}
	return out
}
