package frame

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"

	"fieldpost/telemetry"
	"fieldpost/telemetry/frame/internal/columns"
)

// column is a series in the frame under work. Its records take places start … start+n-1 of the buffers.
type column struct {
	series   uint32
	start, n int
	kind     telemetry.Kind // unless mixed
	mixed    bool
	seen     uint8    // the encoder's: a bit for each kind, and seenFlags
	flagged  bool     // some record is not good or is stamped
	texts    []string // the decoder's, indexed by bits
}

const (
	seenFlags = 0x80
	manyTexts = 1 << 10 // past which the words are not kept
)

// encoder holds the buffers of one encoding; see scratch.go.
type encoder struct {
	columns.Encoder
	slots []uint16 // by series: index of its column plus one; zero between frames
	cols  []column
	order []uint64 // by record: its column

	// By column and place in it.
	times, bits, flags []uint64
	kinds              []telemetry.Kind
	place              []uint32 // the record

	own                []span
	words              map[string]uint64
	texts              []string
	units              []uint64
	next, gaps, missed []uint64
	sizes              []int
	directory          []Column
	frameBody, front   []byte
}

func (e *encoder) following(n int) []uint64 { return zeroed(&e.next, n) }

// Encode appends the plain frame of recs to dst. Of h it takes Node, Epoch, Lane, First, Boot, Clock, Offset and Table; all else is
// worked out. The error is ErrTooLarge where recs are more than MaxRecords or their frame would pass MaxSize: encode half of
// them. dst is returned as it was with any error. It is safe to call from several goroutines.
func Encode(dst []byte, h Header, recs []Record) ([]byte, error) {
	if err := checkHeader(&h, len(recs)); err != nil {
		return dst, err
	}
	e := encoders.Get().(*encoder)
	defer e.release()
	if err := e.survey(&h, recs); err != nil {
		return dst, fmt.Errorf("encode frame of node %s: %w", h.Node, err)
	}
	e.scatter(recs)
	if err := e.body(&h, recs); err != nil {
		return dst, fmt.Errorf("encode frame of node %s: %w", h.Node, err)
	}
	h.Coding, h.Content, h.Count = Plain, Readings, uint32(len(recs))
	out, front, err := appendFrame(dst, &h, e.sizes, e.frameBody, e.front)
	e.front = front
	return out, err
}

// release gives e back, holding on to no caller's text.
func (e *encoder) release() {
	for _, c := range e.cols {
		e.slots[c.series] = 0
	}
	clear(e.texts)
	clear(e.words)
	if len(e.texts) > manyTexts {
		e.words = nil // clearing takes the time of the most it ever held
	}
	e.texts = e.texts[:0]
	encoders.Put(e)
}

// survey finds the columns, which of them each record belongs to, and the span of times.
func (e *encoder) survey(h *Header, recs []Record) error {
	if e.slots == nil {
		e.slots = make([]uint16, MaxSeries)
	}
	e.cols = e.cols[:0]
	order := columns.Grown(&e.order, len(recs))
	lo, hi := recs[0].Time, recs[0].Time
	for i := 0; i < len(recs); {
		series := recs[i].Series
		if series >= MaxSeries {
			return fmt.Errorf("record %d: series %d, at most %d", i, series, MaxSeries-1)
		}
		s := e.slots[series]
		if s == 0 {
			e.cols = append(e.cols, column{series: series})
			s = uint16(len(e.cols))
			e.slots[series] = s
		}
		from, seen := i, uint8(0)
		for ; i < len(recs) && recs[i].Series == series; i++ {
			r := &recs[i]
			if r.Quality > telemetry.Bad || !r.Value.Kind().Valid() {
				return fmt.Errorf("record %d: unknown %s or %s", i, r.Quality, r.Value.Kind())
			}
			seen |= 1 << r.Value.Kind()
			if r.Quality != telemetry.Good || r.Stamped {
				seen |= seenFlags
			}
			lo, hi = min(lo, r.Time), max(hi, r.Time)
			order[i] = uint64(s - 1)
		}
		c := &e.cols[s-1]
		c.n += i - from
		c.seen |= seen
	}
	h.Min, h.Max = lo, hi
	e.arrange()
	h.Columns = e.directory
	return nil
}

// arrange puts the columns into the order of their series, and says where the records of each will lie.
func (e *encoder) arrange() {
	bySeries := func(a, b column) int { return cmp.Compare(a.series, b.series) }
	if !slices.IsSortedFunc(e.cols, bySeries) {
		found := columns.Grown(&e.next, len(e.cols))
		slices.SortFunc(e.cols, bySeries)
		for i, c := range e.cols {
			found[e.slots[c.series]-1] = uint64(i)
		}
		for i, c := range e.order {
			e.order[i] = found[c]
		}
	}
	start := 0
	e.directory = e.directory[:0]
	for i := range e.cols {
		c := &e.cols[i]
		c.start = start
		start += c.n
		kinds := c.seen &^ seenFlags
		c.flagged, c.mixed = c.seen&seenFlags != 0, kinds&(kinds-1) != 0
		c.kind = telemetry.Kind(bits.TrailingZeros8(kinds))
		e.directory = append(e.directory, Column{Series: c.series, Count: uint32(c.n)})
	}
}

// scatter sorts the records into their columns.
func (e *encoder) scatter(recs []Record) {
	n := len(recs)
	order, times, values := e.order[:n], columns.Grown(&e.times, n), columns.Grown(&e.bits, n)
	flags, kinds, places := columns.Grown(&e.flags, n), columns.Grown(&e.kinds, n), columns.Grown(&e.place, n)
	next := columns.Grown(&e.next, len(e.cols))
	for i, c := range e.cols {
		next[i] = uint64(c.start)
	}
	for i := range recs {
		r := &recs[i]
		c := order[i]
		at := next[c]
		next[c] = at + 1
		times[at] = uint64(r.Time)
		values[at] = r.Value.Bits()
		flags[at] = packFlags(r)
		kinds[at] = r.Value.Kind()
		places[at] = uint32(i)
	}
}

// body writes the order and the columns' blocks.
func (e *encoder) body(h *Header, recs []Record) error {
	b := e.frameBody[:0]
	if len(e.cols) > 1 {
		b = e.appendOrder(b, e.order, len(e.cols))
	}
	e.own, e.sizes = e.own[:0], e.sizes[:0]
	for i := range e.cols {
		c := &e.cols[i]
		at := len(b)
		var way byte
		b, way = e.appendTimes(append(b, 0), span{c.start, c.n}, uint64(h.Min))
		b[at] = way
		if c.flagged {
			b[at] |= blockFlags
			b = e.AppendInts(b, e.flags[c.start:c.start+c.n])
		}
		var err error
		if b, err = e.appendValues(b, c, recs); err != nil {
			return err
		}
		if e.frameBody = b; len(b) > MaxSize {
			return fmt.Errorf("%w: over %d bytes", ErrTooLarge, MaxSize)
		}
		e.sizes = append(e.sizes, len(b)-at)
	}
	return nil
}

// The flags of a record, and the bit of a block's first byte that says that they are there. The numbers are part of the format.
const (
	flagQuality = 0x03
	flagStamped = 0x04

	blockTimes = 0x0f
	blockFlags = 0x10
)

func packFlags(r *Record) uint64 {
	f := uint64(r.Quality)
	if r.Stamped {
		f |= flagStamped
	}
	return f
}
