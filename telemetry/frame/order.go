package frame

import "encoding/binary"

// The ways to write which column each record belongs to. The numbers are part of the format.
const (
	orderCycle     = iota // period, ints of the first period's columns
	orderFollowers        // misses, ints of their distances, ints of their columns
	orderInts             // ints of all columns
)

const longestCycle = 1 << 10 // that the encoder looks for

// appendOrder writes order, one column index per record, for a frame of several columns.
func (e *encoder) appendOrder(dst []byte, order []uint64, columns int) []byte {
	if p := period(order); p > 0 {
		dst = binary.AppendUvarint(append(dst, orderCycle), uint64(p))
		return e.AppendInts(dst, order[:p])
	}
	at := len(dst)
	dst = e.appendFollowers(dst, order, columns)
	mid := len(dst)
	if mid-at <= len(order)/16 {
		return dst
	}
	dst = e.AppendInts(append(dst, orderInts), order)
	if len(dst)-mid < mid-at {
		return append(dst[:at], dst[mid:]...)
	}
	return dst[:mid]
}

// period returns the least p with v[i] == v[i-p] for all i from p on, or 0 where none is found with reasonable effort.
func period(v []uint64) int {
	effort := 8 * len(v)
	for p := 1; p <= min(longestCycle, len(v)-1) && effort > 0; p++ {
		i := p
		for i < len(v) && v[i] == v[i-p] {
			i++
		}
		if i == len(v) {
			return p
		}
		effort -= i - p
	}
	return 0
}

// appendFollowers guesses for each record that the column follows that followed the last time, and writes the misses.
func (e *encoder) appendFollowers(dst []byte, order []uint64, columns int) []byte {
	next := e.following(columns)
	gaps, missed := e.gaps[:0], e.missed[:0]
	at, last := 0, uint64(0)
	for i, c := range order {
		if next[last] != c {
			gaps = append(gaps, uint64(i-at))
			missed = append(missed, c)
			at = i + 1
			next[last] = c
		}
		last = c
	}
	e.gaps, e.missed = gaps, missed
	dst = binary.AppendUvarint(append(dst, orderFollowers), uint64(len(gaps)))
	if len(gaps) == 0 {
		return dst
	}
	return e.AppendInts(e.AppendInts(dst, gaps), missed)
}

// readOrder reads the columns of all records and checks that each has as many as the header says.
func (d *decoder) readOrder(columns []Column) {
	out := d.order
	if len(columns) == 1 {
		clear(out)
		return
	}
	switch way := d.Byte(); way {
	case orderCycle:
		p := d.UpTo(len(out), "period")
		if p == 0 {
			d.Fail("period 0")
			return
		}
		d.Ints(out[:p])
		for n := p; n < len(out); n *= 2 {
			copy(out[n:], out[:n])
		}
	case orderFollowers:
		d.followers(out, len(columns))
	case orderInts:
		d.Ints(out)
	default:
		d.Fail("unknown way %d to write the order", way)
		return
	}
	d.below(out, len(columns), "column")
	if d.Err != nil {
		return
	}
	counts := d.counts(len(columns))
	for _, c := range out {
		counts[c]++
	}
	for i, c := range columns {
		if counts[i] != c.Count {
			d.Fail("series %d has %d records, its header says %d", c.Series, counts[i], c.Count)
			return
		}
	}
}

func (d *decoder) followers(out []uint64, columns int) {
	n := d.UpTo(len(out), "number of misses")
	if n > 0 {
		scratch := d.missing(2 * n)
		d.Ints(scratch[:n])
		d.Ints(scratch[n:])
		d.below(scratch[n:], columns, "column")
	}
	if d.Err != nil {
		return
	}
	gaps, missed := d.miss[:n], d.miss[n:2*n]
	next := d.following(columns)
	last := uint64(0)
	for k := 0; ; k++ {
		run := uint64(len(out))
		if k < n {
			run = gaps[k]
			if run >= uint64(len(out)) {
				d.Fail("miss beyond the records")
				return
			}
		}
		for i := range out[:run] {
			last = next[last]
			out[i] = last
		}
		out = out[run:]
		if k == n {
			return
		}
		next[last] = missed[k]
		last = missed[k]
		out[0] = last
		out = out[1:]
	}
}
