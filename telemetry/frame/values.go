package frame

import (
	"encoding/binary"
	"fmt"

	"fieldpost/telemetry"
)

// The first byte of a value column. The numbers are part of the format.
const (
	valueKind = 0x07 // telemetry.Kind, or mixed; a float's other bits are package columns'
	mixed     = 4    // values of several kinds
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
	dst = e.AppendInts(append(dst, mixed), wide[:c.n])
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
		return e.AppendFloats(dst, v), nil
	case telemetry.KindText:
		return e.appendTexts(append(dst, byte(k)), v, places, recs)
	}
	return e.AppendInts(append(dst, byte(k)), v), nil
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
	return e.AppendInts(dst, v), nil
}

// values reads a value column into c: bits, and for text an index into c.texts.
func (d *decoder) values(c *column) {
	v := d.bits[c.start : c.start+c.n]
	head := d.Byte()
	if head != mixed {
		c.kind = d.kind(head, v, c)
		return
	}
	c.mixed = true
	if d.kinds == nil || len(d.kinds) < len(d.bits) {
		d.kinds = make([]telemetry.Kind, len(d.bits))
	}
	d.Ints(v)
	kinds := d.kinds[c.start : c.start+c.n]
	var count [mixed]int
	for i, k := range v {
		if k >= mixed {
			d.Fail("value of kind %d", k)
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
		if got := d.kind(d.Byte(), part[:n], c); d.Err == nil && got != telemetry.Kind(k) {
			d.Fail("values of kind %d, want %d", got, k)
		}
		if d.Err != nil {
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
	case k == telemetry.KindFloat:
		d.Floats(head, v)
	case k == telemetry.KindInt && head == byte(k):
		d.Ints(v)
	case k == telemetry.KindBool && head == byte(k):
		d.Ints(v)
		d.below(v, 2, "boolean")
	case k == telemetry.KindText && head == byte(k):
		c.texts = d.texts(len(v))
		d.Ints(v)
		d.below(v, len(c.texts), "text")
	default:
		d.Fail("unknown value column %#x", head)
	}
	return k
}

func (d *decoder) below(v []uint64, limit int, what string) {
	for _, x := range v {
		if x >= uint64(limit) {
			d.Fail("%s %d, want below %d", what, x, limit)
			return
		}
	}
}

// texts reads the distinct texts of at most n values. They share one copy of their bytes.
func (d *decoder) texts(n int) []string {
	count := d.UpTo(n, "number of texts")
	if d.Err != nil || count > d.Left() {
		d.Fail("%d texts in %d bytes", count, d.Left())
		return nil
	}
	lengths := d.missing(count)
	total := 0
	for i := range lengths {
		l := d.UpTo(MaxSize, "text length")
		lengths[i] = uint64(l)
		total += l
		if total > d.Left() {
			d.Fail("texts of over %d bytes in %d", total, d.Left())
			return nil
		}
	}
	all := string(d.Bytes(total))
	out := make([]string, len(lengths))
	for i, l := range lengths {
		out[i], all = all[:l], all[l:]
	}
	return out
}
