package frame

import (
	"encoding/binary"
	"fmt"

	"fieldpost/telemetry"
)

// The first byte of a value column. The numbers are part of the format.
const (
	valueKind   = 0x07 // telemetry.Kind, or mixed
	valueForm   = 0x38 // of a float: its lattice
	valueMisses = 0x40 // of a float: corrections follow
	formShift   = 3
	mixed       = 4 // values of several kinds
)

// appendValues writes the values of a column: bits by place in the column, and for text the records themselves.
func (e *encoder) appendValues(dst []byte, c *column, recs []Record) ([]byte, error) {
	v := e.bits[c.start : c.start+c.n]
	if !c.mixed {
		return e.appendKind(dst, c.kind, v, e.place[c.start:c.start+c.n], recs)
	}
	kinds := e.kinds[c.start : c.start+c.n]
	wide := make([]uint64, 2*c.n) // rare enough to allocate
	part, places := wide[c.n:], make([]uint32, c.n)
	for i, k := range kinds {
		wide[i] = uint64(k)
	}
	dst = e.appendInts(append(dst, mixed), wide[:c.n], 0)
	for k := telemetry.KindFloat; k.Valid(); k++ {
		n := 0
		for i, is := range kinds {
			if is == k {
				part[n], places[n] = v[i], e.place[c.start+i]
				n++
			}
		}
		if n == 0 {
			continue
		}
		var err error
		if dst, err = e.appendKind(dst, k, part[:n], places[:n], recs); err != nil {
			return nil, err
		}
	}
	return dst, nil
}

func (e *encoder) appendKind(dst []byte, k telemetry.Kind, v []uint64, places []uint32, recs []Record) ([]byte, error) {
	switch k {
	case telemetry.KindFloat:
		return e.appendFloats(dst, v), nil
	case telemetry.KindText:
		return e.appendTexts(append(dst, byte(k)), v, places, recs)
	}
	return e.appendInts(append(dst, byte(k)), v, 0), nil
}

func (e *encoder) appendFloats(dst []byte, v []uint64) []byte {
	l := findLattice(v)
	if l.form == latticeBits {
		return e.appendLattice(dst, l, v)
	}
	at := len(dst)
	dst = e.appendLattice(dst, l, v)
	// Where the guess was poor, the bits may be shorter.
	if e.misses <= len(v)/16 {
		return dst
	}
	mid := len(dst)
	dst = e.appendLattice(dst, lattice{}, v)
	if len(dst)-mid < mid-at {
		return append(dst[:at], dst[mid:]...)
	}
	return dst[:mid]
}

func (e *encoder) appendLattice(dst []byte, l lattice, v []uint64) []byte {
	m, miss := e.scaling(len(v))
	e.misses = l.integers(m, miss, v)
	head := uint8(telemetry.KindFloat) | l.form<<formShift
	if e.misses > 0 {
		head |= valueMisses
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
	if e.misses > 0 {
		dst = appendPacked(dst, miss)
	}
	return dst
}

// appendTexts writes the distinct texts in order of appearance, then which one each value is. It overwrites v.
func (e *encoder) appendTexts(dst []byte, v []uint64, places []uint32, recs []Record) ([]byte, error) {
	if e.words == nil {
		e.words = make(map[string]uint64)
	}
	clear(e.words)
	e.texts = e.texts[:0]
	size := 0
	for i, p := range places {
		s := recs[p].Value.Text()
		w, ok := e.words[s]
		if !ok {
			w = uint64(len(e.texts))
			e.words[s] = w
			e.texts = append(e.texts, s)
			if size += len(s); size > MaxSize {
				return nil, fmt.Errorf("%w: over %d bytes of text", ErrTooLarge, MaxSize)
			}
		}
		v[i] = w
	}
	dst = binary.AppendUvarint(dst, uint64(len(e.texts)))
	for _, s := range e.texts {
		dst = binary.AppendUvarint(dst, uint64(len(s)))
	}
	for _, s := range e.texts {
		dst = append(dst, s...)
	}
	return e.appendInts(dst, v, 0), nil
}

// values reads a value column into c: bits, and for text an index into c.texts.
func (d *decoder) values(c *column) {
	v := d.bits[c.start : c.start+c.n]
	head := d.byte()
	if head != mixed {
		c.kind = d.kind(head, v, c)
		return
	}
	c.mixed = true
	if d.kinds == nil || len(d.kinds) < len(d.bits) {
		d.kinds = make([]telemetry.Kind, len(d.bits))
	}
	d.ints(v, 0)
	kinds := d.kinds[c.start : c.start+c.n]
	var count [mixed]int
	for i, k := range v {
		if k >= mixed {
			d.fail("value of kind %d", k)
			return
		}
		kinds[i] = telemetry.Kind(k)
		count[k]++
	}
	part := make([]uint64, c.n)
	for k, n := range count {
		if n == 0 {
			continue
		}
		if got := d.kind(d.byte(), part[:n], c); d.err == nil && got != telemetry.Kind(k) {
			d.fail("values of kind %d, want %d", got, k)
		}
		if d.err != nil {
			return
		}
		n = 0
		for i, is := range kinds {
			if is == telemetry.Kind(k) {
				v[i] = part[n]
				n++
			}
		}
	}
}

// kind reads values of one kind whose first byte is head.
func (d *decoder) kind(head byte, v []uint64, c *column) telemetry.Kind {
	k := telemetry.Kind(head & valueKind)
	switch {
	case k == telemetry.KindFloat && head&^(valueKind|valueForm|valueMisses) == 0:
		d.floats(head, v)
	case k == telemetry.KindInt && head == byte(k):
		d.ints(v, 0)
	case k == telemetry.KindBool && head == byte(k):
		d.ints(v, 0)
		d.below(v, 2, "boolean")
	case k == telemetry.KindText && head == byte(k):
		c.texts = d.texts(len(v))
		d.ints(v, 0)
		d.below(v, len(c.texts), "text")
	default:
		d.fail("unknown value column %#x", head)
	}
	return k
}

func (d *decoder) below(v []uint64, limit int, what string) {
	for _, x := range v {
		if x >= uint64(limit) {
			d.fail("%s %d, want below %d", what, x, limit)
			return
		}
	}
}

func (d *decoder) floats(head byte, v []uint64) {
	l := lattice{form: head & valueForm >> formShift}
	o := intsOptions(0)
	if l.form == latticeBits {
		o = tryXor
	} else {
		l.e = d.byte()
	}
	if l.form == latticeMean {
		l.div = d.byte()
	}
	if l.form >= latticeForms || l.e > maxLatticeExponent(l.form) || l.form == latticeMean && l.div == 0 {
		d.fail("unknown lattice %d, exponent %d, divisor %d", l.form, l.e, l.div)
		return
	}
	d.ints(v, o)
	l.floats(v)
	if head&valueMisses == 0 {
		return
	}
	miss := d.running(len(v))
	d.packed(miss)
	for i, c := range miss {
		v[i] += unzigzag(c)
	}
}

func maxLatticeExponent(form uint8) uint8 {
	if form == latticePrinted {
		return 63
	}
	return maxExponent
}

// texts reads the distinct texts of at most n values. They share one copy of their bytes.
func (d *decoder) texts(n int) []string {
	count := d.upTo(n, "number of texts")
	if d.err != nil || count > d.left() {
		d.fail("%d texts in %d bytes", count, d.left())
		return nil
	}
	lengths := d.running(count)
	total := 0
	for i := range lengths {
		l := d.upTo(MaxSize, "text length")
		lengths[i] = uint64(l)
		total += l
		if total > d.left() {
			d.fail("texts of over %d bytes in %d", total, d.left())
			return nil
		}
	}
	all := string(d.bytes(total))
	out := make([]string, len(lengths))
	for i, l := range lengths {
		out[i], all = all[:l], all[l:]
	}
	return out
}
