package columns

import (
	"encoding/binary"
	"math/bits"
)

// The ways to write a column of integers. The numbers are part of the format.
const (
	intsConstant  = iota // v
	intsLinear           // v0, step
	intsOffset           // base, packed (v-base)/step
	intsDelta            // v0, packed zigzag(d/step)
	intsDeltaBase        // v0, base, packed (d-base)/step
	intsDelta2           // v0, d1, packed zigzag(dd/step)
	intsXor              // v0, shift, packed (v^previous)>>shift
	intsRuns             // number of runs, ints of lengths-1, ints of values
	intsWays
)

const (
	intsStep = 0x10 // in the first byte: a common step follows
	probes   = 4    // blocks looked at to choose a way, at most
)

// intsOptions widen or narrow the choice of ways.
type intsOptions uint8

const (
	tryXor intsOptions = 1 << iota
	noRuns
)

// Shape is what one pass over a column tells.
type Shape struct {
	min, max int64
	minDelta int64
	runs     int
	Step     uint64 // greatest common divisor of the deltas; 0: all equal
	Linear   bool   // all deltas are equal
}

// Measure makes that pass over v, which is not empty.
func Measure(v []uint64) Shape {
	s := Shape{min: int64(v[0]), max: int64(v[0]), runs: 1, Linear: true}
	if len(v) < 2 {
		return s
	}
	first := v[1] - v[0]
	last := first
	s.minDelta = int64(first)
	s.Step = magnitude(first)
	if first != 0 {
		s.runs++
	}
	s.min, s.max = min(s.min, int64(v[1])), max(s.max, int64(v[1]))
	for i := 2; i < len(v); i++ {
		d := v[i] - v[i-1]
		if d != 0 {
			s.runs++
		}
		if d != last {
			s.Linear = false
			last = d
			if s.Step != 1 {
				s.Step = gcd(s.Step, magnitude(d))
			}
		}
		s.min, s.max = min(s.min, int64(v[i])), max(s.max, int64(v[i]))
		s.minDelta = min(s.minDelta, int64(d))
	}
	// Where a delta may have wrapped round, a step does not divide what is written.
	if uint64(s.max)-uint64(s.min) >= 1<<61 && s.Step > 1 {
		s.Step = 1
	}
	return s
}

func magnitude(d uint64) uint64 {
	if int64(d) < 0 {
		return -d
	}
	return d
}

func gcd(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// AppendInts writes v, which is not empty, in what looks the shortest way.
func (e *Encoder) AppendInts(dst []byte, v []uint64) []byte { return e.appendInts(dst, v, 0) }

func (e *Encoder) appendInts(dst []byte, v []uint64, o intsOptions) []byte {
	s := Measure(v)
	switch {
	case s.runs == 1:
		return AppendVarint(append(dst, intsConstant), v[0])
	case s.Linear:
		return AppendLinear(dst, v[0], v[1]-v[0])
	}
	way, cost := choose(v, s, o)
	if o&noRuns == 0 && s.runs <= len(v)/4 {
		at := len(dst)
		dst = e.appendRuns(dst, v, s.runs, o)
		if 8*(len(dst)-at) <= cost {
			return dst
		}
		dst = dst[:at]
	}
	return e.appendWay(dst, v, s, way)
}

// AppendLinear writes first, first+step, first+2·step ….
func AppendLinear(dst []byte, first, step uint64) []byte {
	return AppendVarint(AppendVarint(append(dst, intsLinear), first), step)
}

// choose compares the ways on up to probes blocks and returns the shortest with its estimated bits for all of v.
func choose(v []uint64, s Shape, o intsOptions) (way, cost int) {
	var costs [intsWays]int
	blocks := (len(v) + blockLen - 1) / blockLen
	stride := (blocks + probes - 1) / probes
	looked := 0
	for b := 0; b < blocks; b += stride {
		from := b * blockLen
		to := min(from+blockLen, len(v))
		looked += to - from
		compare(&costs, v[:to], from, s, o)
	}
	// What the step saves is alike for all but xor.
	saved := (bits.Len64(max(s.Step, 1)) - 1) * looked
	costs[intsXor] += saved
	// What stands before the packed run.
	costs[intsOffset] += varintBits(uint64(s.min))
	costs[intsDelta] += varintBits(v[0])
	costs[intsDeltaBase] += varintBits(v[0]) + varintBits(uint64(s.minDelta))
	costs[intsDelta2] += varintBits(v[0]) + varintBits(v[1]-v[0])
	costs[intsXor] += varintBits(v[0]) + 8
	way = intsOffset
	for w := intsDelta; w < intsXor || w == intsXor && o&tryXor != 0; w++ {
		if costs[w] < costs[way] {
			way = w
		}
	}
	return way, max(costs[way]-saved, 8) * len(v) / looked
}

// compare adds to costs the bits that the numbers of v from from on, a block, take in each way.
func compare(costs *[intsWays]int, v []uint64, from int, s Shape, o intsOptions) {
	var block [blockLen]uint64
	add := func(way, n int) {
		if n > 0 {
			_, _, cost := plan(block[:n])
			costs[way] += cost
		}
	}
	base := uint64(s.min)
	for i, x := range v[from:] {
		block[i] = x - base
	}
	add(intsOffset, len(v)-from)

	from = max(from, 1)
	last, n := v[from-1], len(v)-from
	base = uint64(s.minDelta)
	for i, x := range v[from:] {
		block[i] = x - last - base
		last = x
	}
	add(intsDeltaBase, n)
	for i, x := range block[:n] {
		block[i] = Zigzag(x + base)
	}
	add(intsDelta, n)
	if o&tryXor != 0 {
		for i, x := range v[from:] {
			block[i] = x ^ v[from+i-1]
		}
		add(intsXor, n)
	}

	from = max(from, 2)
	last, before := v[from-1], v[from-2]
	for i, x := range v[from:] {
		block[i] = Zigzag(x - last - last + before)
		last, before = x, last
	}
	add(intsDelta2, len(v)-from)
}

func varintBits(v uint64) int { return 8 * ((bits.Len64(Zigzag(v)|1) + 6) / 7) }

func (e *Encoder) appendWay(dst []byte, v []uint64, s Shape, way int) []byte {
	step := max(s.Step, 1)
	head := byte(way)
	if step > 1 && way != intsXor {
		head |= intsStep
	}
	dst = append(dst, head)
	if head&intsStep != 0 {
		dst = binary.AppendUvarint(dst, step)
	}
	u := Grown(&e.units, len(v))
	switch way {
	case intsOffset:
		base := uint64(s.min)
		dst = AppendVarint(dst, base)
		for i, x := range v {
			u[i] = x - base
		}
		divide(u, step)
	case intsDelta, intsDeltaBase:
		dst = AppendVarint(dst, v[0])
		var base uint64
		if way == intsDeltaBase {
			base = uint64(s.minDelta)
			dst = AppendVarint(dst, base)
		}
		u = u[:len(v)-1]
		prev := v[0]
		for i, x := range v[1:] {
			u[i] = x - prev - base
			prev = x
		}
		if way == intsDelta {
			divideSigned(u, step)
		} else {
			divide(u, step)
		}
	case intsDelta2:
		dst = AppendVarint(AppendVarint(dst, v[0]), v[1]-v[0])
		u = u[:len(v)-2]
		p1, p2 := v[1], v[0]
		for i, x := range v[2:] {
			u[i] = x - p1 - p1 + p2
			p1, p2 = x, p1
		}
		divideSigned(u, step)
	case intsXor:
		dst = AppendVarint(dst, v[0])
		u = u[:len(v)-1]
		prev, or := v[0], uint64(0)
		for i, x := range v[1:] {
			u[i] = x ^ prev
			or |= u[i]
			prev = x
		}
		shift := bits.TrailingZeros64(or)
		dst = append(dst, byte(shift))
		for i := range u {
			u[i] >>= shift & 63
		}
	}
	return appendPacked(dst, u)
}

func divide(u []uint64, step uint64) {
	if step == 1 {
		return
	}
	for i := range u {
		u[i] /= step
	}
}

func divideSigned(u []uint64, step uint64) {
	if step == 1 {
		for i := range u {
			u[i] = Zigzag(u[i])
		}
		return
	}
	for i := range u {
		u[i] = Zigzag(uint64(int64(u[i]) / int64(step)))
	}
}

func (e *Encoder) appendRuns(dst []byte, v []uint64, runs int, o intsOptions) []byte {
	scratch := Grown(&e.run, 2*runs)
	lengths, values := scratch[:0:runs], scratch[runs:runs]
	from := 0
	for i := 1; i <= len(v); i++ {
		if i == len(v) || v[i] != v[from] {
			lengths = append(lengths, uint64(i-from-1))
			values = append(values, v[from])
			from = i
		}
	}
	dst = binary.AppendUvarint(append(dst, intsRuns), uint64(runs))
	dst = e.appendInts(dst, lengths, noRuns)
	return e.appendInts(dst, values, o|noRuns)
}
