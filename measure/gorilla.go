package measure

import (
	"math"
	"math/bits"

	"fieldpost/telemetry/frame"
)

// gorillaSize returns the bytes of a batch in the way of Gorilla (Pelkonen et al., VLDB 2015, section 4.1): a block for each series, times by the change of
// their distance, in ms, values by what differs from the one before, bit by bit. Of a block's head there is what a reader needs: a byte for the series, one for the
// count, 6 bytes for the first time.
func gorillaSize(records []frame.Record) int {
	type column struct {
		n            int
		time, step   int64
		value        uint64
		lead, length int // of the window of the last value that opened one; length 0: none
		bits         int
	}
	columns := map[uint32]*column{}
	for i := range records {
		r := &records[i]
		t, v := int64(r.Time)/1e6, r.Value.Bits()
		if f, ok := r.Value.Number(); ok {
			v = math.Float64bits(f)
		}
		c := columns[r.Series]
		if c == nil {
			columns[r.Series] = &column{n: 1, time: t, value: v, bits: 8 * (1 + 1 + 6 + 8)}
			continue
		}
		step := t - c.time
		switch d := step - c.step; {
		case d == 0:
			c.bits++
		case d >= -63 && d <= 64:
			c.bits += 2 + 7
		case d >= -255 && d <= 256:
			c.bits += 3 + 9
		case d >= -2047 && d <= 2048:
			c.bits += 4 + 12
		default:
			c.bits += 4 + 32
		}
		x := v ^ c.value
		lead, trail := min(bits.LeadingZeros64(x), 31), bits.TrailingZeros64(x)
		switch {
		case x == 0:
			c.bits++
		case c.length > 0 && lead >= c.lead && trail >= 64-c.lead-c.length:
			c.bits += 2 + c.length
		default:
			c.lead, c.length = lead, 64-lead-trail
			c.bits += 2 + 5 + 6 + c.length
		}
		c.n, c.time, c.step, c.value = c.n+1, t, step, v
	}
	size := 0
	for _, c := range columns {
		size += (c.bits + 7) / 8
	}
	return size
}
