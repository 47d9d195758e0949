package columns

import (
	"math"
	"math/bits"
	"slices"
)

const (
	samples   = 16 // floats of a column that are tried, at most
	longFloat = 5  // decimals from which a coarser lattice than the decimal one is looked for
	noExp     = maxExponent + 1
)

// meanDivisors are tried in this order. 3 to 12 are counts of samples; 36 is km/h to m/s and mixtures of the others.
var meanDivisors = [...]uint8{3, 6, 7, 9, 12, 36}

// probe is a float that is tried, and the least e for which it is m/10^e, or noExp.
type probe struct {
	x float64
	e uint8
}

// findLattice guesses the lattice of a column from some of its floats. A wrong guess costs bytes, never content.
func findLattice(v []uint64) lattice {
	var buffer [samples]probe
	n, tries := 0, min(samples, len(v), 8+len(v)/16)
	for i := range tries {
		x := math.Float64frombits(v[i*len(v)/tries])
		if x != 0 && !math.IsNaN(x) && !math.IsInf(x, 0) {
			buffer[n] = probe{x, decimals(x)}
			n++
		}
	}
	if n == 0 {
		return lattice{form: latticeDecimal}
	}
	s := buffer[:n]
	best, spacing := findDecimal(s)
	if best.form == latticeDecimal && best.e < longFloat {
		return best
	}
	try := func(l lattice) bool {
		// A coarser lattice must be worth it: 2 bits a reading.
		if f := 1 / l.scale(); f < float64(spacing*4) || !most(s, func(p probe) bool { return l.holds(p.x) }) {
			return false
		}
		best, spacing = l, 1/l.scale()
		return true
	}
	switch {
	case most(s, probe.single):
		for e := range uint8(10) {
			if try(lattice{form: latticeSingle, e: e}) {
				break
			}
		}
	case most(s, func(p probe) bool { return p.digits() <= 9 }):
		try(findPrinted(s))
	case most(s, func(p probe) bool { d := p.digits(); return d <= 8 || d >= 13 && d <= 15 }):
		for e := range uint8(7) {
			for _, d := range meanDivisors {
				if try(lattice{form: latticeMean, e: e, div: d}) {
					return best
				}
			}
		}
	}
	return best
}

func (p probe) single() bool { return float64(float32(p.x)) == p.x }

// digits returns the significant digits of the decimal that p is, or more than 15.
func (p probe) digits() int {
	if p.e == noExp {
		return 16
	}
	m, n := uint64(math.Abs(math.RoundToEven(float64(p.x*pow10[p.e])))), 0
	for n < 16 && m >= pow10u[n] {
		n++
	}
	return n
}

// findPrinted returns the coarsest latticePrinted that most of s may lie on.
func findPrinted(s []probe) lattice {
	var need [samples]int
	for i, p := range s {
		f := math.Float32bits(float32(p.x))
		exponent, mantissa := int(f>>23&0xff)-150, f&0x7fffff|0x800000
		need[i] = min(max(-exponent-bits.TrailingZeros32(mantissa), 0), 63)
	}
	slices.Sort(need[:len(s)])
	return lattice{form: latticePrinted, e: uint8(need[len(s)-1-len(s)/8])}
}

// most reports whether ok holds for all but one in eight.
func most(s []probe, ok func(probe) bool) bool {
	misses := 0
	for _, p := range s {
		if !ok(p) {
			if misses++; misses > len(s)/8 {
				return false
			}
		}
	}
	return true
}

// findDecimal returns the decimal lattice with the least expected bits and the distance of its points, or none and 0.
func findDecimal(s []probe) (lattice, float64) {
	var hist [noExp + 1]int
	top := uint8(0)
	for _, p := range s {
		hist[p.e]++
		if p.e != noExp {
			top = max(top, p.e)
		}
	}
	if hist[noExp]*2 > len(s) {
		return lattice{form: latticeBits}, 0
	}
	best, least := top, math.MaxInt
	for e := range top + 1 {
		if hist[e] == 0 {
			continue
		}
		// Each digit is 10/3 bits on every reading; each miss costs its correction and its place.
		cost := int(e) * 10 / 3 * len(s)
		for _, p := range s {
			if p.e > e {
				near := math.RoundToEven(float64(p.x*pow10[e])) / pow10[e]
				cost += 12 + bits.Len64(Zigzag(math.Float64bits(p.x)-math.Float64bits(near)))
			}
		}
		if cost < least {
			best, least = e, cost
		}
	}
	return lattice{form: latticeDecimal, e: best}, 1 / pow10[best]
}

// decimals returns the least e for which x is m/10^e, or noExp.
func decimals(x float64) uint8 {
	for e, p := range pow10 {
		y := float64(x * p)
		if !(y > -exactInteger && y < exactInteger) {
			break
		}
		if math.RoundToEven(y)/p == x {
			return uint8(e)
		}
	}
	return noExp
}
