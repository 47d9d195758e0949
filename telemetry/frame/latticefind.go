package frame

import (
	"math"
	"math/bits"
	"slices"
)

const (
	samples   = 16 // floats of a column that are tried
	longFloat = 5  // decimals from which a coarser lattice than the decimal one is looked for
	noExp     = maxExponent + 1
)

// meanDivisors are tried in this order. 3 to 12 are counts of samples; 36 is km/h to m/s and mixtures of the others.
var meanDivisors = [...]uint8{3, 6, 7, 9, 12, 36}

// findLattice guesses the lattice of a column from some of its floats. A wrong guess costs bytes, never content.
func findLattice(v []uint64) lattice {
	var sample [samples]float64
	n := 0
	// An odd stride would still meet patterns of 2, 4 …; spread by position instead.
	for i := range min(samples, len(v)) {
		x := math.Float64frombits(v[i*len(v)/min(samples, len(v))])
		if x != 0 && !math.IsNaN(x) && !math.IsInf(x, 0) {
			sample[n] = x
			n++
		}
	}
	if n == 0 {
		return lattice{form: latticeDecimal}
	}
	s := sample[:n]
	best, spacing := findDecimal(s)
	if best.form == latticeDecimal && best.e < longFloat {
		return best
	}
	try := func(l lattice) bool {
		// A coarser lattice must be worth it: a quarter, that is 2 bits a reading.
		if f := 1 / l.scale(); f < float64(spacing*4) || !most(s, l.holds) {
			return false
		}
		best, spacing = l, 1/l.scale()
		return true
	}
	switch {
	case most(s, isSingle):
		for e := range uint8(10) {
			if try(lattice{form: latticeSingle, e: e}) {
				break
			}
		}
	case most(s, func(x float64) bool { return digits(x) <= 9 }):
		try(findPrinted(s))
	case most(s, func(x float64) bool { d := digits(x); return d <= 8 || d >= 13 && d <= 15 }):
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

func isSingle(x float64) bool { return float64(float32(x)) == x }

// digits returns the significant digits of the decimal that x is, or more than 15.
func digits(x float64) int {
	e := decimals(x)
	if e == noExp {
		return 16
	}
	n, m := 0, uint64(math.Abs(math.RoundToEven(float64(x*pow10[e]))))
	for m > 0 {
		m /= 10
		n++
	}
	return n
}

// findPrinted returns the coarsest latticePrinted that most of s may lie on.
func findPrinted(s []float64) lattice {
	var need [samples]int
	for i, x := range s {
		f := math.Float32bits(float32(x))
		exponent, mantissa := int(f>>23&0xff)-150, f&0x7fffff|0x800000
		need[i] = min(max(-exponent-bits.TrailingZeros32(mantissa), 0), 63)
	}
	slices.Sort(need[:len(s)])
	return lattice{form: latticePrinted, e: uint8(need[len(s)-1-len(s)/8])}
}

// most reports whether ok holds for all but one in eight.
func most(s []float64, ok func(float64) bool) bool {
	misses := 0
	for _, x := range s {
		if !ok(x) {
			if misses++; misses > len(s)/8 {
				return false
			}
		}
	}
	return true
}

// findDecimal returns the decimal lattice with the least expected bits and the distance of its points, or none and 0.
func findDecimal(s []float64) (lattice, float64) {
	var need [samples]uint8
	var hist [noExp + 1]int
	top := uint8(0)
	for i, x := range s {
		need[i] = decimals(x)
		hist[need[i]]++
		if need[i] != noExp {
			top = max(top, need[i])
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
		l := lattice{form: latticeDecimal, e: e}
		for i, x := range s {
			if need[i] > e {
				cost += 12 + l.correction(x)
			}
		}
		if cost < least {
			best, least = e, cost
		}
	}
	return lattice{form: latticeDecimal, e: best}, 1 / pow10[best]
}

// correction returns the bits that a miss of x takes.
func (l lattice) correction(x float64) int {
	var m, miss [1]uint64
	l.integers(m[:], miss[:], []uint64{math.Float64bits(x)})
	return bits.Len64(miss[0])
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
