package dense

import (
	"math"

	"fieldpost/telemetry/frame/internal/columns"
)

// units are how the floats of a series come from integers: those of a lattice, in steps from an offset.
type units struct {
	lattice      columns.Lattice
	step, offset int64 // step is at least 1
}

// integer returns the integer of a float's bits, and whether they come back from it.
func (u units) integer(b uint64) (n int64, exact bool) {
	x, exact := u.lattice.Integer(b)
	if u.step == 1 && u.offset == 0 {
		return x, exact
	}
	n = (x - u.offset) / u.step
	return n, exact && n*u.step+u.offset == x
}

// float is the inverse of integer.
func (u units) float(n int64) uint64 { return u.lattice.Float(n*u.step + u.offset) }

// resolution is how many integers lie between 0 and 1, near x.
func (u units) resolution(x float64) float64 { return u.lattice.Scale(x) / float64(u.step) }

// findUnits guesses the units of some floats, at least one.
func findUnits(floats []uint64) units {
	u := units{lattice: columns.FindLattice(floats), step: 1}
	var first, step int64
	n := 0
	for _, b := range floats {
		if x, exact := u.lattice.Integer(b); exact {
			if n == 0 {
				first = x
			}
			step = divisor(step, x-first)
			n++
		}
	}
	const few = 6 // floats that may have a divisor by chance
	if step > 1 && n >= few {
		u.step, u.offset = step, (first%step+step)%step
	}
	return u
}

// divisor returns the greatest common divisor, at least 0.
func divisor(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	if a < 0 {
		return -a
	}
	return a
}

// cost estimates the bits of floats in u, each as far from the one before as the next. It chooses; nothing is worked out from it that a decoder needs.
func (u units) cost(floats []uint64) (sum float64) {
	for _, b := range floats {
		x := math.Float64frombits(b)
		if !(math.Abs(x) < 1e300) {
			continue
		}
		n, exact := u.integer(b)
		sum += log2(1 + math.Abs(u.resolution(x)))
		if !exact {
			sum += 8 + float64(size(int64(b-u.float(n))))/2
		}
	}
	return sum
}

// log2 is near the logarithm of f, which is at least 1: the same on every processor, which math.Log2 need not be.
func log2(f float64) float64 {
	fraction, e := math.Frexp(f)
	return float64(e-1) + float64(2*fraction-1)
}

// better returns units that are worth a change from u for floats, of which the newest may be the first that u misses.
func (u units) better(floats []uint64) (found units, yes bool) {
	found = findUnits(floats)
	margin := 80. // what the change itself costs, and what was learned in u
	if found.lattice == u.lattice && found.step%u.step == 0 {
		margin = 20
	}
	return found, found.cost(floats)+margin < u.cost(floats)
}

// announce codes units that are new, by those that were announced before.
func (m *model) announce(a *arith, u units) units {
	form, e, div := u.lattice.Parts()
	was := m.announced
	wasForm, wasE, wasDiv := was.lattice.Parts()
	small := func(which uint32, was, is uint8) uint8 {
		if m.flag(a, kindUnits, setOther, is == was, which) {
			return was
		}
		return uint8(a.raw(uint64(is), 6))
	}
	wide := func(which uint32, usual, is int64) int64 {
		if m.flag(a, kindUnits, setOther, is == usual, which) {
			return usual
		}
		return a.wide(is)
	}
	form, e, div = small(1, wasForm, form), small(2, wasE, e), small(3, wasDiv, div)
	u.step, u.offset = wide(4, 1, u.step), wide(5, 0, u.offset)
	if a.decoding {
		var ok bool
		if u.lattice, ok = columns.LatticeOf(form, e, div); !ok || u.step < 1 {
			a.fail("units that there are not")
			u = units{step: 1}
		}
	}
	m.announced = u
	return u
}
