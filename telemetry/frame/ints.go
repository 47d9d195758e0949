package frame

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

// shape is what one pass over a column tells.
type shape struct {
	min, max int64
	minDelta int64
	runs     int
	step     uint64 // greatest common divisor of the deltas; 0: all equal
	linear   bool
}

func measure(v []uint64) shape {
	s := shape{min: int64(v[0]), max: int64(v[0]), runs: 1, linear: true}
	if len(v) < 2 {
		return s
	}
	first := v[1] - v[0]
	last := first
	s.minDelta = int64(first)
	s.step = magnitude(first)
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
			s.linear = false
			last = d
			if s.step != 1 {
				s.step = gcd(s.step, magnitude(d))
			}
		}
		s.min, s.max = min(s.min, int64(v[i])), max(s.max, int64(v[i]))
		s.minDelta = min(s.minDelta, int64(d))
	}
	// Where a delta may have wrapped round, a step does not divide what is written.
	if uint64(s.max)-uint64(s.min) >= 1<<61 && s.step > 1 {
		s.step = 1
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

// appendInts writes v, which is not empty, in what looks the shortest way.
func (e *encoder) appendInts(dst []byte, v []uint64, o intsOptions) []byte {
	s := measure(v)
	switch {
	case s.runs == 1:
		return appendVarint(append(dst, intsConstant), v[0])
	case s.linear:
		return appendLinear(dst, v[0], v[1]-v[0])
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

func appendLinear(dst []byte, first, step uint64) []byte {
	return appendVarint(appendVarint(append(dst, intsLinear), first), step)
}

// choose compares the ways on up to probes blocks and returns the shortest with its estimated bits for all of v.
func choose(v []uint64, s shape, o intsOptions) (way, cost int) {
	var block [blockLen]uint64
	var costs [intsWays]int
	blocks := (len(v) + blockLen - 1) / blockLen
	stride := (blocks + probes - 1) / probes
	looked := 0
	for b := 0; b < blocks; b += stride {
		from := b * blockLen
		to := min(from+blockLen, len(v))
		looked += to - from
		base := uint64(s.min)
		for i, x := range v[from:to] {
			block[i] = x - base
		}
		costs[intsOffset] += packedCost(block[:to-from])
		from = max(from, 1)
		if from == to {
			continue
		}
		n := to - from
		prev := v[from-1]
		base = uint64(s.minDelta)
		for i, x := range v[from:to] {
			block[i] = x - prev - base
			prev = x
		}
		costs[intsDeltaBase] += packedCost(block[:n])
		for i := range block[:n] {
			block[i] = zigzag(block[i] + base)
		}
		costs[intsDelta] += packedCost(block[:n])
		if o&tryXor != 0 {
			prev = v[from-1]
			for i, x := range v[from:to] {
				block[i] = x ^ prev
				prev = x
			}
			costs[intsXor] += packedCost(block[:n])
		}
		from = max(from, 2)
		if from >= to {
			continue
		}
		n = to - from
		p1, p2 := v[from-1], v[from-2]
		for i, x := range v[from:to] {
			block[i] = zigzag(x - p1 - p1 + p2)
			p1, p2 = x, p1
		}
		costs[intsDelta2] += packedCost(block[:n])
	}
	// What stands before the packed run, and what the step saves, which is alike for all but xor.
	costs[intsOffset] += varintBits(uint64(s.min))
	costs[intsDelta] += varintBits(v[0])
	costs[intsDeltaBase] += varintBits(v[0]) + varintBits(uint64(s.minDelta))
	costs[intsDelta2] += varintBits(v[0]) + varintBits(v[1]-v[0])
	costs[intsXor] += varintBits(v[0]) + 8 + (bits.Len64(s.step)-1)*looked
	way = intsOffset
	for w := intsDelta; w < intsXor; w++ {
		if costs[w] < costs[way] {
			way = w
		}
	}
	if o&tryXor != 0 && costs[intsXor] < costs[way] {
		way = intsXor
	}
	saved := (bits.Len64(s.step) - 1) * looked
	return way, max(costs[way]-saved, 8) * len(v) / looked
}

func varintBits(v uint64) int { return 8 * ((bits.Len64(zigzag(v)|1) + 6) / 7) }

func (e *encoder) appendWay(dst []byte, v []uint64, s shape, way int) []byte {
	step := max(s.step, 1)
	head := byte(way)
	if step > 1 && way != intsXor {
		head |= intsStep
	}
	dst = append(dst, head)
	if head&intsStep != 0 {
		dst = binary.AppendUvarint(dst, step)
	}
	u := e.packing(len(v))
	switch way {
	case intsOffset:
		base := uint64(s.min)
		dst = appendVarint(dst, base)
		for i, x := range v {
			u[i] = x - base
		}
		divide(u, step)
	case intsDelta, intsDeltaBase:
		dst = appendVarint(dst, v[0])
		var base uint64
		if way == intsDeltaBase {
			base = uint64(s.minDelta)
			dst = appendVarint(dst, base)
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
		dst = appendVarint(appendVarint(dst, v[0]), v[1]-v[0])
		u = u[:len(v)-2]
		p1, p2 := v[1], v[0]
		for i, x := range v[2:] {
			u[i] = x - p1 - p1 + p2
			p1, p2 = x, p1
		}
		divideSigned(u, step)
	case intsXor:
		dst = appendVarint(dst, v[0])
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
			u[i] = zigzag(u[i])
		}
		return
	}
	for i := range u {
		u[i] = zigzag(uint64(int64(u[i]) / int64(step)))
	}
}

func (e *encoder) appendRuns(dst []byte, v []uint64, runs int, o intsOptions) []byte {
	scratch := e.running(2 * runs)
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
