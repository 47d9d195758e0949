package frame

import (
	"encoding/binary"

	"fieldpost/telemetry/frame/internal/columns"
)

// The ways to write a column's times: the low half of a block's first byte. The numbers are part of the format.
const (
	timesOwn    = iota // start - Min, unit, then ints of (t-start)/unit
	timesSame          // those of the last block with times of its own, from its first on
	timesLikeIt        // back, skip, offset: those of an earlier block with times of its own
	timesWays

	lookBack = 4 // blocks that the encoder looks back at
)

// span is where the times of a block with times of its own lie.
type span struct{ start, n int }

// appendTimes writes the times of the block at; it returns the way beside.
func (e *encoder) appendTimes(dst []byte, at span, earliest uint64) ([]byte, byte) {
	t := e.times[at.start : at.start+at.n]
	for back := range min(lookBack, len(e.own)) {
		ref := e.own[len(e.own)-1-back]
		for skip := range 2 {
			if at.n+skip > ref.n {
				break
			}
			r := e.times[ref.start+skip:][:at.n]
			offset := t[0] - r[0]
			if back == 0 && skip == 0 && offset == 0 && apart(t, r, 0) {
				return dst, timesSame
			}
			if at.n > 2 && apart(t, r, offset) {
				dst = binary.AppendUvarint(dst, uint64(back))
				dst = binary.AppendUvarint(dst, uint64(skip))
				return columns.AppendScaled(dst, columns.Zigzag(offset)), timesLikeIt
			}
		}
	}
	e.own = append(e.own, at)
	dst = columns.AppendScaled(dst, t[0]-earliest)
	s := columns.Measure(t)
	unit := s.Step
	dst = columns.AppendScaled(dst, unit)
	switch {
	case unit == 0:
	case s.Linear:
		dst = columns.AppendLinear(dst, 0, uint64(int64(t[1]-t[0])/int64(unit)))
	default:
		m := columns.Grown(&e.units, len(t))
		for i, x := range t {
			m[i] = uint64(int64(x-t[0]) / int64(unit))
		}
		dst = e.AppendInts(dst, m)
	}
	return dst, timesOwn
}

// apart reports whether every a lies offset after its b.
func apart(a, b []uint64, offset uint64) bool {
	b = b[:len(a)]
	for i, x := range a {
		if x-b[i] != offset {
			return false
		}
	}
	return true
}

// ownTimes reads times of the block at that are its own.
func (d *decoder) ownTimes(at span, earliest uint64) {
	t := d.times[at.start : at.start+at.n]
	start, unit := earliest+d.Scaled(), d.Scaled()
	if unit == 0 {
		for i := range t {
			t[i] = start
		}
		return
	}
	d.Ints(t)
	for i, x := range t {
		t[i] = start + x*unit
	}
}

// likeTimes reads times of the block at that follow those of an earlier block, which is read first where it was passed over.
func (d *decoder) likeTimes(at span, way byte, body []byte, earliest uint64) {
	back, skip, offset := 0, 0, uint64(0)
	if way == timesLikeIt {
		back = d.UpTo(MaxSeries, "distance to times")
		skip = d.UpTo(MaxRecords, "times left out")
		offset = columns.Unzigzag(d.Scaled())
	}
	if back >= len(d.own) || at.n+skip > d.own[len(d.own)-1-back].n {
		d.Fail("times of an earlier column that lacks them")
		return
	}
	ref := &d.own[len(d.own)-1-back]
	if !ref.read {
		here := d.Reader
		d.Reader = columns.Reader{B: body[:ref.to], Off: ref.from}
		d.ownTimes(ref.span, earliest)
		if d.Err != nil {
			return
		}
		d.Reader, ref.read = here, true
	}
	t := d.times[at.start : at.start+at.n]
	copy(t, d.times[ref.start+skip:])
	if offset == 0 {
		return
	}
	for i := range t {
		t[i] += offset
	}
}
