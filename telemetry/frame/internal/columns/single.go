package columns

import "math"

// Lattice is how the floats of one series come from integers; see package frame.
type Lattice struct{ lattice }

// FindLattice guesses the lattice of some floats, of which there is one at least. A wrong guess costs bytes, never content.
func FindLattice(floats []uint64) Lattice { return Lattice{findLattice(floats)} }

// Integer returns the integer of a float's bits, and whether the lattice gives them back from it.
func (l Lattice) Integer(b uint64) (m int64, exact bool) {
	if l.form == latticeBits {
		return int64(order(b)), true
	}
	y := float64(math.Float64frombits(b) * l.scale())
	if !(y > -exactInteger && y < exactInteger) {
		return 0, false
	}
	m = int64(math.RoundToEven(y))
	return m, l.Float(m) == b
}

// Scale returns how many integers lie between 0 and 1, about: near x, where l is of bits.
func (l Lattice) Scale(x float64) float64 {
	if l.form == latticeBits {
		_, e := math.Frexp(x)
		return math.Ldexp(1, 53-e)
	}
	return l.scale()
}

// Float returns the bits of the float that m stands for.
func (l Lattice) Float(m int64) uint64 { return math.Float64bits(l.at(m)) }

// Parts returns what tells l from others, for LatticeOf.
func (l Lattice) Parts() (form, e, div uint8) { return l.form, l.e, l.div }

// LatticeOf is the inverse of Parts. It reports false where there is no such lattice.
func LatticeOf(form, e, div uint8) (l Lattice, ok bool) {
	l = Lattice{lattice{form, e, div}}
	if form >= latticeForms || e > maxLatticeExponent(form) || (form == latticeMean) != (div > 0) {
		return Lattice{}, false
	}
	return l, true
}
