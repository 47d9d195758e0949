package columns

import (
	"math"
	"math/bits"
)

// The lattices: how floats come from integers m. The numbers are part of the format.
const (
	latticeBits    = iota // no lattice: the bits of the float, put in order
	latticeDecimal        // m/10^e: what is printed in decimals
	latticeSingle         // the float32 nearest to m/10^e: a decimal that went through a 4-byte register
	latticePrinted        // the shortest decimal of the float32 m/2^e: a converter's code, printed by a microcontroller
	latticeMean           // m/(div·10^e) rounded to 15 digits: means of few samples, minutes of arc
	latticeForms
)

// lattice is a rule to work out floats from integers. Every rule is exact arithmetic or single IEEE operations, each
// rounded by itself, so that all processors get the same bits; and the encoder keeps what a rule misses as a correction.
type lattice struct {
	form uint8
	e    uint8 // at most maxExponent
	div  uint8 // latticeMean only; at least 1
}

const (
	maxExponent  = 22 // 10^22 is the last power of ten that is a float64
	exactInteger = 1 << 53
)

var pow10 = [maxExponent + 1]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22}

// scale is what a float is multiplied with to come near its integer.
func (l lattice) scale() float64 {
	switch l.form {
	case latticePrinted:
		return float64(uint64(1) << l.e)
	case latticeMean:
		return float64(float64(l.div) * pow10[l.e])
	}
	return pow10[l.e]
}

// floats replaces each integer by the bits of its float.
func (l lattice) floats(v []uint64) {
	switch l.form {
	case latticeBits:
		for i, m := range v {
			v[i] = disorder(m)
		}
	case latticeDecimal:
		p := pow10[l.e]
		for i, m := range v {
			v[i] = math.Float64bits(float64(int64(m)) / p)
		}
	case latticeSingle:
		p := pow10[l.e]
		for i, m := range v {
			v[i] = math.Float64bits(float64(float32(float64(int64(m)) / p)))
		}
	case latticePrinted:
		p := float64(uint64(1) << l.e)
		for i, m := range v {
			v[i] = math.Float64bits(printSingle(float32(float64(int64(m)) / p)))
		}
	case latticeMean:
		for i, m := range v {
			v[i] = math.Float64bits(printQuotient(int64(m), uint64(l.div), int(l.e)))
		}
	}
}

// at is floats for one integer.
func (l lattice) at(m int64) float64 {
	v := [1]uint64{uint64(m)}
	l.floats(v[:])
	return math.Float64frombits(v[0])
}

// order maps a float's bits so that greater floats are greater integers; disorder is its inverse.
func order(b uint64) uint64    { return b ^ uint64(int64(b)>>63)>>1 }
func disorder(b uint64) uint64 { return order(b) }

// integers puts into m, for each float's bits in v, its integer in l, and into miss what is to be added to the bits
// that l gives for it (zigzag). It returns the number of misses.
func (l lattice) integers(m, miss, v []uint64) int {
	if l.form == latticeBits {
		for i, b := range v {
			m[i] = order(b)
		}
		return 0
	}
	scale, last := l.scale(), uint64(0)
	for i, b := range v {
		y := float64(math.Float64frombits(b) * scale)
		if y > -exactInteger && y < exactInteger { // so not for NaN
			last = uint64(int64(math.RoundToEven(y)))
		}
		m[i] = last
	}
	copy(miss, m)
	l.floats(miss)
	misses := 0
	for i, b := range v {
		c := b - miss[i]
		if c != 0 {
			misses++
		}
		miss[i] = Zigzag(c)
	}
	return misses
}

// holds reports whether l gives x from some integer.
func (l lattice) holds(x float64) bool {
	y := float64(x * l.scale())
	if !(y > -exactInteger && y < exactInteger) {
		return false
	}
	return math.Float64bits(l.at(int64(math.RoundToEven(y)))) == math.Float64bits(x)
}

// printSingle returns the float64 nearest to the shortest decimal that reads back as f, as far as that has 6 to 9 digits
// and f lies between 0.0001 and 100,000; else f itself.
func printSingle(f float32) float64 {
	x := float64(f)
	a := math.Abs(x)
	if !(a >= 1e-4 && a < 1e5) {
		return x
	}
	k := 5 - decade(a) // to get 6 digits before the point
	for end := k + 3; k < end; k++ {
		if s := math.RoundToEven(float64(x*pow10[k])) / pow10[k]; float32(s) == f {
			return s
		}
	}
	return math.RoundToEven(float64(x*pow10[k])) / pow10[k]
}

// decade returns d with 10^d <= a < 10^(d+1) for a of 0.0001 to 100,000.
func decade(a float64) int {
	switch {
	case a >= 10:
		switch {
		case a >= 1e4:
			return 4
		case a >= 1e3:
			return 3
		case a >= 1e2:
			return 2
		}
		return 1
	case a >= 1:
		return 0
	case a >= 1e-1:
		return -1
	case a >= 1e-2:
		return -2
	case a >= 1e-3:
		return -3
	}
	return -4
}

// printQuotient returns the float64 nearest to m/(div·10^e) rounded to 15 digits, or 0 where that has no 15 digits
// that a float64 holds.
func printQuotient(m int64, div uint64, e int) float64 {
	a := magnitude(uint64(m))
	low := div * 1e14 // a·10^s lies between low and 10·low for a quotient of 15 digits
	if a == 0 || a >= low {
		return 0
	}
	// 10^s is about low/a; 1233/4096 is log10(2).
	s := max((bits.Len64(low)-bits.Len64(a)-1)*1233>>12, 0)
	for a*pow10u[s] < low { // at most 17 times, for low is below 10^17
		s++
	}
	if e+s > maxExponent {
		return 0
	}
	q := float64((a*pow10u[s]+div/2)/div) / pow10[e+s]
	if m < 0 {
		return -q
	}
	return q
}
