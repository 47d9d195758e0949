package frame

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"slices"

	"fieldpost/telemetry"
	"fieldpost/telemetry/frame/internal/columns"
)

// reader reads what is not in columns: headers, events, tables.
type reader struct{ columns.Reader }

const (
	version  = 1
	checkLen = 4
	// headMax bounds a header: the fixed part and, for each of MaxSeries columns, three varints of at most 3 bytes.
	headMax = 256 + 9*MaxSeries
)

func checksum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

func appendChecksum(dst, over []byte) []byte {
	return binary.LittleEndian.AppendUint32(dst, checksum(over))
}

func checksumHolds(b []byte) bool {
	n := len(b) - checkLen
	return checksum(b[:n]) == binary.LittleEndian.Uint32(b[n:])
}

// checkHeader reports what of h, as given to an encoder of count records, cannot be written.
func checkHeader(h *Header, count int) error {
	if err := telemetry.CheckNode(h.Node); err != nil {
		return fmt.Errorf("encode frame: %w", err)
	}
	switch {
	case count == 0:
		return fmt.Errorf("encode frame of node %s: no records", h.Node)
	case count > MaxRecords:
		return fmt.Errorf("encode frame of node %s: %w: %d records, at most %d", h.Node, ErrTooLarge, count, MaxRecords)
	case h.Epoch == 0:
		return fmt.Errorf("encode frame of node %s: epoch 0 is none", h.Node)
	case !h.Lane.Valid():
		return fmt.Errorf("encode frame of node %s: unknown %s", h.Node, h.Lane)
	case h.Clock > telemetry.ClockSync:
		return fmt.Errorf("encode frame of node %s: unknown %s", h.Node, h.Clock)
	case h.First+uint64(count)-1 < h.First:
		return fmt.Errorf("encode frame of node %s: %d records from sequence %d on pass the last number", h.Node, count, h.First)
	}
	return nil
}

// appendFrame appends header, body and checksums. sizes are the bytes of the columns' blocks.
func appendFrame(dst []byte, h *Header, sizes []int, body, scratch []byte) (frame, scratchOut []byte, err error) {
	b := appendHeader(scratch[:0], h, sizes)
	start := len(dst)
	dst = slices.Grow(dst, 16+len(b)+checkLen+len(body)+checkLen)
	dst = append(dst, version, byte(h.Coding)|byte(h.Content)<<4, 0)
	dst = binary.AppendUvarint(dst, uint64(len(b)))
	dst = binary.AppendUvarint(dst, uint64(len(body)))
	dst = append(dst, b...)
	dst = appendChecksum(dst, dst[start:])
	dst = append(dst, body...)
	dst = appendChecksum(dst, dst[start:])
	if n := len(dst) - start; n > MaxSize {
		return dst[:start], b, fmt.Errorf("encode frame of node %s: %w: %d bytes, at most %d", h.Node, ErrTooLarge, n, MaxSize)
	}
	return dst, b, nil
}

func appendHeader(b []byte, h *Header, sizes []int) []byte {
	b = append(b, byte(h.Lane)|byte(h.Clock)<<4)
	b = columns.AppendText(b, h.Node)
	b = binary.LittleEndian.AppendUint64(b, uint64(h.Epoch))
	b = binary.AppendUvarint(b, h.First)
	b = binary.AppendUvarint(b, uint64(h.Count))
	b = binary.AppendUvarint(b, uint64(h.Boot.Ordinal))
	b = binary.LittleEndian.AppendUint64(b, h.Boot.ID)
	b = binary.LittleEndian.AppendUint64(b, uint64(h.Offset))
	b = columns.AppendScaled(b, columns.Zigzag(uint64(h.Min)))
	b = columns.AppendScaled(b, uint64(h.Max)-uint64(h.Min))
	if h.Content == Events {
		return b
	}
	b = binary.LittleEndian.AppendUint64(b, h.Table)
	b = binary.AppendUvarint(b, uint64(len(h.Columns)))
	next := uint32(0)
	for i, c := range h.Columns {
		b = binary.AppendUvarint(b, uint64(c.Series-next))
		b = binary.AppendUvarint(b, uint64(c.Count))
		b = binary.AppendUvarint(b, uint64(sizes[i]))
		next = c.Series + 1
	}
	return b
}

// layout is where a frame's parts lie.
type layout struct {
	body  int   // offset of the body
	end   int   // offset of the checksum after it
	sizes []int // bytes of the columns' blocks, which end the body; only where asked for
}

// ParseHeader reads and checks the header of a frame of which b is the whole or a leading part. The error is ErrShort where b
// ends before the header does: HeadSize bytes hold most headers, MaxSize all. It is ErrVersion where the rest is of another version
// or coding; if only the coding is unknown the header comes with it, so that the frame can be refused by its identity.
func ParseHeader(b []byte) (Header, error) {
	h, _, err := parseHeader(b, nil)
	return h, err
}

// parseHeader is ParseHeader; it appends the sizes of the columns' blocks to sizes if that is not nil.
func parseHeader(b []byte, sizes []int) (h Header, l layout, err error) {
	if len(b) == 0 {
		return h, l, fmt.Errorf("%w: nothing of it is there", ErrShort)
	}
	if b[0] != version {
		return h, l, fmt.Errorf("%w: version %d", ErrVersion, b[0])
	}
	if len(b) < 3 {
		return h, l, fmt.Errorf("%w after %d bytes", ErrShort, len(b))
	}
	h = Header{Version: version, Coding: Coding(b[1] & 15), Content: Content(b[1] >> 4)}
	if b[2] != 0 || h.Content > Events {
		return Header{}, l, fmt.Errorf("%w: flags %#x, %s", ErrVersion, b[2], h.Content)
	}
	at, lengths := 3, [2]int{}
	for i, limit := range [...]int{headMax, MaxSize} {
		v, n := binary.Uvarint(b[at:min(at+4, len(b))])
		switch {
		case n == 0 && len(b) < at+4:
			return Header{}, l, fmt.Errorf("%w after %d bytes", ErrShort, len(b))
		case n <= 0 || v > uint64(limit):
			return Header{}, l, columns.Corrupt("header or body longer than %d bytes", limit)
		}
		lengths[i] = int(v)
		at += n
	}
	l.body = at + lengths[0] + checkLen
	l.end = l.body + lengths[1]
	h.Size = l.end + checkLen
	if h.Size > MaxSize {
		return Header{}, l, columns.Corrupt("%d bytes long, at most %d", h.Size, MaxSize)
	}
	if len(b) < l.body {
		return Header{}, l, fmt.Errorf("%w: %d bytes of %d", ErrShort, len(b), l.body)
	}
	if !checksumHolds(b[:l.body]) {
		return Header{}, l, columns.Corrupt("header's checksum is wrong")
	}
	r := reader{columns.Reader{B: b[at : l.body-checkLen]}}
	r.header(&h)
	if h.Coding != Plain {
		if r.Err == nil {
			r.Err = fmt.Errorf("%w: %s", ErrVersion, h.Coding)
		}
		return h, l, r.Err
	}
	if h.Content == Readings {
		l.sizes = r.columns(&h, lengths[1], sizes)
	}
	if r.Err == nil && r.Left() > 0 {
		r.Fail("%d bytes after the header's last field", r.Left())
	}
	if r.Err != nil {
		return Header{}, l, fmt.Errorf("header: %w", r.Err)
	}
	return h, l, nil
}

// header reads what stands before the column directory.
func (r *reader) header(h *Header) {
	b := r.Byte()
	h.Lane, h.Clock = telemetry.Lane(b&15), telemetry.ClockState(b>>4)
	h.Node = r.Text(telemetry.MaxName)
	h.Epoch = telemetry.Epoch(r.Uint64())
	h.First = r.Uvarint()
	h.Count = uint32(r.UpTo(MaxRecords, "record count"))
	ordinal := r.Uvarint()
	h.Boot.Ordinal = uint32(ordinal)
	if ordinal > math.MaxUint32 {
		r.Fail("boot ordinal %d", ordinal)
	}
	h.Boot.ID = r.Uint64()
	h.Offset = int64(r.Uint64())
	h.Min = telemetry.Time(columns.Unzigzag(r.Scaled()))
	h.Max = telemetry.Time(uint64(h.Min) + r.Scaled())
	if h.Content == Readings {
		h.Table = r.Uint64()
	}
	if r.Err != nil {
		return
	}
	if err := checkHeader(h, int(h.Count)); err != nil {
		r.Fail("%v", err)
	} else if h.Max < h.Min {
		r.Fail("times from %d to %d", h.Min, h.Max)
	}
}

// columns reads the column directory of a frame whose body has so many bytes.
func (r *reader) columns(h *Header, body int, sizes []int) []int {
	n := r.UpTo(min(MaxSeries, int(h.Count)), "number of series")
	if r.Err != nil || 3*n > r.Left() {
		r.Fail("%d series in %d bytes", n, r.Left())
		return nil
	}
	h.Columns = make([]Column, n)
	next, records := 0, uint32(0)
	for i := range h.Columns {
		series := next + r.UpTo(MaxSeries, "series")
		count := uint32(r.UpTo(int(h.Count), "records of a series"))
		size := r.UpTo(body, "bytes of a series")
		if count == 0 || series >= MaxSeries {
			r.Fail("series %d with %d records", series, count)
		}
		if r.Err != nil {
			return nil
		}
		h.Columns[i] = Column{Series: uint32(series), Count: count}
		next = series + 1
		records += count
		if body -= size; sizes != nil {
			sizes = append(sizes, size)
		}
	}
	if records != h.Count {
		r.Fail("%d records, of series %d", h.Count, records)
	}
	return sizes
}

// Check reports whether b is a whole, intact frame (both checksums) without decoding the columns.
func Check(b []byte) (Header, error) {
	h, _, err := check(b, nil)
	return h, err
}

func check(b []byte, sizes []int) (Header, layout, error) {
	h, l, err := parseHeader(b, sizes)
	switch {
	case err != nil:
		if errors.Is(err, ErrShort) {
			return h, l, columns.Corrupt("cut off after %d bytes", len(b))
		}
		return h, l, err
	case len(b) != h.Size:
		return h, l, columns.Corrupt("%d bytes, its header says %d", len(b), h.Size)
	case !checksumHolds(b):
		return h, l, columns.Corrupt("checksum is wrong")
	}
	return h, l, nil
}
