package blocks

import (
	"encoding/binary"
	"hash/crc32"

	"fieldpost/telemetry/frame"
)

// Source is a frame of the journal from which readings of a chunk are.
type Source struct {
	Pos, Mark uint64 // its position, and what the journal keeps with it
	Readings  int
}

// Content is the readings of a chunk.
type Content struct {
	Sources []Source // in order of position; the readings are in this order too
	Places  []uint32 // of each reading: its sequence less that of the first
	Frame   []byte   // of all of them
}

func (c *Content) append(b []byte) []byte {
	at := len(b)
	b = binary.AppendUvarint(b, uint64(len(c.Sources)))
	var before Source
	for _, s := range c.Sources {
		b = binary.AppendUvarint(b, s.Pos-before.Pos)
		b = binary.AppendVarint(b, int64(s.Mark-before.Mark))
		b = binary.AppendUvarint(b, uint64(s.Readings))
		before = s
	}
	places := make([]uint64, len(c.Places))
	for i, p := range c.Places {
		places[i] = uint64(p)
	}
	b = frame.AppendInts(b, places)
	b = binary.BigEndian.AppendUint32(b, crc32.Checksum(b[at:], castagnoli))
	return append(b, c.Frame...)
}

// parseContent is the inverse of append for n readings. The frame is not looked at.
func parseContent(b []byte, n int) (c Content, err error) {
	r := &reader{b: b}
	c.Sources = make([]Source, r.upTo(uint64(n), "sources"))
	var before Source
	sum := 0
	for i := range c.Sources {
		s := &c.Sources[i]
		s.Pos = before.Pos + r.uvarint()
		s.Mark = before.Mark + uint64(r.varint())
		s.Readings = int(r.upTo(uint64(n), "readings"))
		sum += s.Readings
		before = *s
	}
	if r.err == nil && sum != n {
		r.fail("%d readings, not %d", sum, n)
	}
	if r.err != nil {
		return c, r.err
	}
	at := len(b) - len(r.b)
	places := make([]uint64, n)
	size, err := frame.ReadInts(b[at:], places)
	if err != nil {
		return c, damaged("%v", err)
	}
	at += size
	if len(b)-at < 4 || binary.BigEndian.Uint32(b[at:]) != crc32.Checksum(b[:at], castagnoli) {
		return c, damaged("chunk has a bad checksum")
	}
	c.Places = make([]uint32, n)
	for i, p := range places {
		c.Places[i] = uint32(p)
	}
	c.Frame = b[at+4:]
	return c, nil
}
