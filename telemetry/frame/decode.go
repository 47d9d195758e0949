package frame

import (
	"slices"

	"fieldpost/telemetry"
	"fieldpost/telemetry/frame/internal/columns"
)

// decoder holds the buffers of one decoding; see scratch.go.
type decoder struct {
	columns.Decoder
	order              []uint64 // by record: its column
	times, bits, flags []uint64 // by column and place in it
	kinds              []telemetry.Kind
	cols               []column
	own                []ownTimes
	sizes              []int
	next, miss         []uint64
	count              []uint32
	cursors            []uint32
}

// ownTimes is a block with times of its own that other blocks may refer to.
type ownTimes struct {
	span
	from, to int // in the body, after the block's first byte
	read     bool
}

func (d *decoder) missing(n int) []uint64   { return columns.Grown(&d.miss, n) }
func (d *decoder) following(n int) []uint64 { return zeroed(&d.next, n) }
func (d *decoder) counts(n int) []uint32    { return zeroed(&d.count, n) }

func (d *decoder) release() {
	d.Reader = columns.Reader{}
	clear(d.cols) // they hold texts
	decoders.Put(d)
}

// Decode checks a frame of readings and appends its records to dst in sequence order. All errors are ErrCorrupt or
// ErrVersion, and dst is returned as it was with them. It is safe to call from several goroutines.
func Decode(b []byte, dst []Record) (Header, []Record, error) {
	d := decoders.Get().(*decoder)
	defer d.release()
	h, err := d.open(b, nil)
	if err != nil {
		return h, dst, err
	}
	base, n := len(dst), len(d.order)
	dst = slices.Grow(dst, n)[:base+n]
	d.gather(dst[base:])
	return h, dst, nil
}

// DecodeColumns is Decode for those series that want says yes to, at the price of those only: of the others nothing but the
// frame's checksums is checked. want is called once for each series in the frame.
func DecodeColumns(b []byte, want func(series uint32) bool, dst []Selected) (Header, []Selected, error) {
	d := decoders.Get().(*decoder)
	defer d.release()
	h, err := d.open(b, want)
	if err != nil {
		return h, dst, err
	}
	total := 0
	for i := range d.cols {
		total += d.cols[i].n
	}
	base := len(dst)
	dst = slices.Grow(dst, total)[:base+total]
	out := dst[base:]
	cursors := d.starts()
	for i, c := range d.order {
		col := &d.cols[c]
		if col.n == 0 {
			continue
		}
		at := cursors[c]
		cursors[c] = at + 1
		d.put(&out[0].Record, col, int(at))
		out[0].Place = uint32(i)
		out = out[1:]
	}
	return h, dst, nil
}

// DecodeByColumn is Decode with the records of each column together, in the order of the header's columns: for those who sort by series anyway, and at less than
// the price of Decode where columns are many.
func DecodeByColumn(b []byte, dst []Selected) (Header, []Selected, error) {
	d := decoders.Get().(*decoder)
	defer d.release()
	h, err := d.open(b, nil)
	if err != nil {
		return h, dst, err
	}
	base, n := len(dst), len(d.order)
	dst = slices.Grow(dst, n)[:base+n]
	out := dst[base:]
	cursors := d.starts()
	for i, c := range d.order {
		out[cursors[c]].Place = uint32(i)
		cursors[c]++
	}
	for i := range d.cols {
		c := &d.cols[i]
		for at := c.start; at < c.start+c.n; at++ {
			d.put(&out[at].Record, c, at)
		}
	}
	return h, dst, nil
}

// open checks b and reads its order and wanted columns; the others are left with n 0. A nil want wants all, and then the header's times are checked too.
func (d *decoder) open(b []byte, want func(series uint32) bool) (Header, error) {
	if d.sizes == nil {
		d.sizes = make([]int, 0, 16)
	}
	h, l, err := check(b, d.sizes[:0])
	if err != nil {
		return h, err
	}
	if h.Content != Readings {
		return Header{}, columns.Corrupt("holds %s, want readings", h.Content)
	}
	d.sizes = l.sizes
	n := int(h.Count)
	columns.Grown(&d.order, n)
	columns.Grown(&d.times, n)
	columns.Grown(&d.bits, n)
	columns.Grown(&d.flags, n)
	columns.Grown(&d.cols, len(h.Columns))
	d.own = d.own[:0]
	body := b[l.body:l.end:h.Size] // bits loads whole words from beyond what it reads
	blocks := len(body)
	for _, s := range d.sizes {
		blocks -= s
	}
	d.Reader = columns.Reader{B: body[:blocks]}
	d.readOrder(h.Columns)
	d.finish("order")
	start, from := 0, blocks
	for i, c := range h.Columns {
		if d.Err != nil {
			return Header{}, d.Err
		}
		d.cols[i] = column{series: c.Series, start: start, n: int(c.Count)}
		d.Reader = columns.Reader{B: body[:from+d.sizes[i]], Off: from}
		d.block(&d.cols[i], body, uint64(h.Min), want == nil || want(c.Series))
		start += int(c.Count)
		from += d.sizes[i]
	}
	if d.Err != nil {
		return Header{}, d.Err
	}
	if want == nil {
		if err := d.spanHolds(&h); err != nil {
			return Header{}, err
		}
	}
	return h, nil
}

// finish reports bytes after the end of a part.
func (d *decoder) finish(part string) {
	if d.Err == nil && d.Left() > 0 {
		d.Fail("%d bytes after the end of its %s", d.Left(), part)
	}
}

// block reads a column's block, or only what later blocks may need of it.
func (d *decoder) block(c *column, body []byte, earliest uint64, wanted bool) {
	head := d.Byte()
	way := head & blockTimes
	if head&^(blockTimes|blockFlags) != 0 || way >= timesWays {
		d.Fail("unknown block %#x", head)
		return
	}
	at := span{c.start, c.n}
	if way == timesOwn {
		d.own = append(d.own, ownTimes{span: at, from: d.Off, to: len(d.B), read: wanted})
	}
	if !wanted {
		c.n = 0
		return
	}
	if way == timesOwn {
		d.ownTimes(at, earliest)
	} else {
		d.likeTimes(at, way, body, earliest)
	}
	if d.Err != nil {
		return
	}
	if head&blockFlags != 0 {
		c.flagged = true
		f := d.flags[c.start : c.start+c.n]
		d.Ints(f)
		for _, x := range f {
			if x&^(flagQuality|flagStamped) != 0 || x&flagQuality == flagQuality {
				d.Fail("flags %#x", x)
				return
			}
		}
	}
	if d.Err == nil {
		d.values(c)
	}
	d.finish("column")
}

// starts returns where each column's next record lies: at first its first.
func (d *decoder) starts() []uint32 {
	cursors := columns.Grown(&d.cursors, len(d.cols))
	for i := range d.cols {
		cursors[i] = uint32(d.cols[i].start)
	}
	return cursors
}

// put puts together the record at a place of the buffers.
func (d *decoder) put(r *Record, c *column, at int) {
	r.Series, r.Time = c.series, telemetry.Time(d.times[at])
	r.Quality, r.Stamped = telemetry.Good, false
	if c.flagged {
		f := d.flags[at]
		r.Quality, r.Stamped = telemetry.Quality(f&flagQuality), f&flagStamped != 0
	}
	kind := c.kind
	if c.mixed {
		kind = d.kinds[at]
	}
	if kind == telemetry.KindText {
		r.Value = telemetry.Text(c.texts[d.bits[at]])
	} else {
		r.Value = telemetry.ValueOfBits(kind, d.bits[at])
	}
}

// gather puts all records into out.
func (d *decoder) gather(out []Record) {
	plain := true
	for i := range d.cols {
		c := &d.cols[i]
		plain = plain && !c.flagged && !c.mixed && c.kind != telemetry.KindText
	}
	times, values := d.times[:len(out)], d.bits[:len(out)]
	if plain && len(d.cols) == 1 {
		c := d.cols[0]
		for i := range out {
			out[i] = Record{Series: c.series, Time: telemetry.Time(times[i]), Value: telemetry.ValueOfBits(c.kind, values[i])}
		}
		return
	}
	cursors := d.starts()
	for i, c := range d.order[:len(out)] {
		at := cursors[c]
		cursors[c] = at + 1
		col := &d.cols[c]
		if !plain {
			d.put(&out[i], col, int(at))
			continue
		}
		out[i] = Record{Series: col.series, Time: telemetry.Time(times[at]), Value: telemetry.ValueOfBits(col.kind, values[at])}
	}
}

// spanHolds reports whether the header's times are those of the records: what selects frames by time relies on it.
func (d *decoder) spanHolds(h *Header) error {
	lo, hi := int64(d.times[0]), int64(d.times[0])
	for _, t := range d.times {
		lo, hi = min(lo, int64(t)), max(hi, int64(t))
	}
	if lo != int64(h.Min) || hi != int64(h.Max) {
		return columns.Corrupt("times from %d to %d, its header says %d to %d", lo, hi, h.Min, h.Max)
	}
	return nil
}
