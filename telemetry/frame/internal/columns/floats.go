package columns

// The first byte of a column of floats. The numbers are part of the format.
const (
	floatForm   = 0x38 // its lattice
	floatMisses = 0x40 // corrections follow
	floatBits   = 0x07 | floatForm | floatMisses
	formShift   = 3
)

// AppendFloats writes v, the bits of floats. Its first byte has its low 3 bits zero, for the caller to use.
func (e *Encoder) AppendFloats(dst []byte, v []uint64) []byte {
	at := len(dst)
	l := findLattice(v)
	dst, misses := e.appendLattice(dst, l, v)
	if l.form == latticeBits || misses <= len(v)/16 {
		return dst
	}
	// Where the guess was poor, the bits may be shorter.
	mid := len(dst)
	dst, _ = e.appendLattice(dst, lattice{}, v)
	if len(dst)-mid < mid-at {
		return append(dst[:at], dst[mid:]...)
	}
	return dst[:mid]
}

// appendLattice writes v on l and returns how many floats l misses.
func (e *Encoder) appendLattice(dst []byte, l lattice, v []uint64) ([]byte, int) {
	m, miss := Grown(&e.scaled, len(v)), Grown(&e.misses, len(v))
	misses := l.integers(m, miss, v)
	head := l.form << formShift
	if misses > 0 {
		head |= floatMisses
	}
	dst = append(dst, head)
	o := intsOptions(0)
	switch l.form {
	case latticeBits:
		o = tryXor
	case latticeMean:
		dst = append(dst, l.e, l.div)
	default:
		dst = append(dst, l.e)
	}
	dst = e.appendInts(dst, m, o)
	if misses > 0 {
		dst = appendPacked(dst, miss)
	}
	return dst, misses
}

// Floats fills v, which is not empty, with a column that AppendFloats wrote and whose first byte is head.
func (d *Decoder) Floats(head byte, v []uint64) {
	l := lattice{form: head & floatForm >> formShift}
	o := intsOptions(0)
	if l.form == latticeBits {
		o = tryXor
	} else {
		l.e = d.Byte()
	}
	if l.form == latticeMean {
		l.div = d.Byte()
	}
	if head&^floatBits != 0 || l.form >= latticeForms || l.e > maxLatticeExponent(l.form) || l.form == latticeMean && l.div == 0 {
		d.Fail("unknown lattice %#x, exponent %d, divisor %d", head, l.e, l.div)
		return
	}
	d.ints(v, o)
	l.floats(v)
	if head&floatMisses == 0 {
		return
	}
	miss := Grown(&d.run, len(v))
	d.packed(miss)
	for i, c := range miss {
		v[i] += Unzigzag(c)
	}
}

func maxLatticeExponent(form uint8) uint8 {
	if form == latticePrinted {
		return 63
	}
	return maxExponent
}
