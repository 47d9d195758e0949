package blocks

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"

	"fieldpost/api"
	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
)

// ErrDamaged is wrapped by every error that the content of a part gives.
var ErrDamaged = errors.New("damaged blocks")

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrDamaged, fmt.Sprintf(format, args...))
}

const (
	magic        = 0xF1E1DB1C
	version      = 1
	trailerSize  = 84
	entrySize    = 40
	flagDoubtful = 1
	flagTable    = 2
	flagNumbers  = 4

	// MaxChunk bounds the readings of a chunk.
	MaxChunk = 8192
	// maxContent bounds a chunk's bytes: a frame, and 12 bytes a reading for what goes with it.
	maxContent = frame.MaxSize + 12*MaxChunk + 1024
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Proof tells one state of a journal's positions from another.
type Proof struct {
	Records uint64 // that there are of them
	Mark    uint64 // of the last entry
	Sum     uint32 // CRC-32C of its data
}

// Prove makes the proof of positions with so many records, of which the last entry has this mark and data.
func Prove(records, mark uint64, data []byte) Proof {
	return Proof{records, mark, crc32.Checksum(data, castagnoli)}
}

// trailer is the last bytes of a part.
type trailer struct {
	first, next uint64
	reach       // of all chunks
	proof       Proof
	groups      uint32
	directory   uint64
	sum         uint32
}

func (t trailer) append(b []byte) []byte {
	at := len(b)
	b = binary.BigEndian.AppendUint32(b, magic)
	b = append(b, version, 0, 0, 0)
	b = binary.BigEndian.AppendUint64(b, t.first)
	b = binary.BigEndian.AppendUint64(b, t.next)
	b = binary.BigEndian.AppendUint64(b, t.proof.Records)
	b = binary.BigEndian.AppendUint64(b, t.proof.Mark)
	b = binary.BigEndian.AppendUint32(b, t.proof.Sum)
	b = binary.BigEndian.AppendUint32(b, t.groups)
	b = binary.BigEndian.AppendUint64(b, t.directory)
	b = binary.BigEndian.AppendUint32(b, t.sum)
	b = t.reach.append(b)
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b[at:], castagnoli))
}

func parseTrailer(b []byte, size int64) (t trailer, err error) {
	last := trailerSize - 4
	if len(b) < trailerSize || binary.BigEndian.Uint32(b) != magic || binary.BigEndian.Uint32(b[last:]) != crc32.Checksum(b[:last], castagnoli) {
		return t, damaged("no trailer")
	}
	if b[4] != version {
		return t, damaged("version %d; this program knows %d", b[4], version)
	}
	t = trailer{
		first: binary.BigEndian.Uint64(b[8:]), next: binary.BigEndian.Uint64(b[16:]),
		proof:  Proof{binary.BigEndian.Uint64(b[24:]), binary.BigEndian.Uint64(b[32:]), binary.BigEndian.Uint32(b[40:])},
		groups: binary.BigEndian.Uint32(b[44:]), directory: binary.BigEndian.Uint64(b[48:]), sum: binary.BigEndian.Uint32(b[56:]),
		reach: parseReach(b[60:]),
	}
	if body := uint64(size) - trailerSize; t.directory > body || body-t.directory != uint64(t.groups)*entrySize || t.next <= t.first {
		return t, damaged("file of %d bytes, directory of %d groups at %d", size, t.groups, t.directory)
	}
	return t, nil
}

// reach is the times of some chunks.
type reach struct {
	min, max telemetry.Time
	doubtful bool // they may be put right
}

// holds reports whether something with from <= time < to may be among them.
func (r reach) holds(from, to telemetry.Time) bool { return r.doubtful || r.max >= from && r.min < to }

func (r *reach) add(o reach) {
	r.min, r.max, r.doubtful = min(r.min, o.min), max(r.max, o.max), r.doubtful || o.doubtful
}

func (r reach) append(b []byte) []byte {
	flags := uint32(0)
	if r.doubtful {
		flags = flagDoubtful
	}
	b = binary.BigEndian.AppendUint32(b, flags)
	b = binary.BigEndian.AppendUint64(b, uint64(r.min))
	return binary.BigEndian.AppendUint64(b, uint64(r.max))
}

func parseReach(b []byte) reach {
	return reach{
		telemetry.Time(binary.BigEndian.Uint64(b[4:])), telemetry.Time(binary.BigEndian.Uint64(b[12:])),
		binary.BigEndian.Uint32(b)&flagDoubtful != 0,
	}
}

// nowhere is the reach of nothing.
var nowhere = reach{min: math.MaxInt64, max: math.MinInt64}

// entry is a group in the directory.
type entry struct {
	key, off uint64
	size     uint32
	reach
}

func (e entry) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint64(b, e.key)
	b = binary.BigEndian.AppendUint64(b, e.off)
	b = binary.BigEndian.AppendUint32(b, e.size)
	return e.reach.append(b)
}

func parseEntry(b []byte) entry {
	return entry{
		key: binary.BigEndian.Uint64(b), off: binary.BigEndian.Uint64(b[8:]), size: binary.BigEndian.Uint32(b[16:]),
		reach: parseReach(b[20:]),
	}
}

// Key is FNV-1a over names, a zero byte after each. It is part of the files of blocks and of the journal's index. What two names share costs a look in
// vain, no more: what is found is checked by name.
func Key(names ...string) uint64 {
	const offset, prime = 14695981039346656037, 1099511628211
	h := uint64(offset)
	for _, name := range names {
		for i := range len(name) {
			h = (h ^ uint64(name[i])) * prime
		}
		h *= prime
	}
	return h
}

func keyOf(s telemetry.Series) uint64 { return Key(s.Node, s.Device, s.Metric) }

// Chunk is what is known of some readings of a series without reading them.
type Chunk struct {
	Pos      uint64 // of the first frame they are from
	Count    int
	Min, Max telemetry.Time // as the frames have them
	Doubtful bool           // they may be put right
	Table    uint64         // that names the series
	Column   uint32         // its index there
	Summary  api.Summary

	part *part
	off  uint64
	size uint32
}

func (c *Chunk) append(b []byte, before *Chunk) []byte {
	b = binary.AppendVarint(b, int64(c.off-before.off-uint64(before.size)))
	b = binary.AppendUvarint(b, uint64(c.size))
	flags := byte(0)
	if c.Doubtful {
		flags |= flagDoubtful
	}
	if c.Table != before.Table || c.Column != before.Column {
		flags |= flagTable
	}
	if c.Summary.Numbers > 0 {
		flags |= flagNumbers
	}
	b = append(b, flags)
	if flags&flagTable != 0 {
		b = binary.BigEndian.AppendUint64(b, c.Table)
		b = binary.AppendUvarint(b, uint64(c.Column))
	}
	b = binary.AppendUvarint(b, c.Pos-before.Pos)
	b = binary.AppendUvarint(b, uint64(c.Count))
	b = binary.AppendVarint(b, int64(c.Min-before.Min))
	b = binary.AppendUvarint(b, uint64(c.Max-c.Min))
	s := &c.Summary
	b = binary.AppendUvarint(b, s.Count)
	if s.Numbers == 0 {
		return b
	}
	b = binary.AppendUvarint(b, s.Numbers)
	b = append(b, byte(s.Min.Kind())|byte(s.Max.Kind())<<4)
	for _, v := range [...]uint64{
		s.Min.Bits(), s.Max.Bits(), math.Float64bits(s.Sum), math.Float64bits(s.Lost), math.Float64bits(s.Small), math.Float64bits(s.Infinite),
	} {
		b = binary.BigEndian.AppendUint64(b, v)
	}
	return b
}

func (c *Chunk) read(r *reader, before *Chunk) {
	c.off = before.off + uint64(before.size) + uint64(r.varint())
	c.size = uint32(r.upTo(maxContent, "chunk"))
	flags := r.byte()
	c.Doubtful = flags&flagDoubtful != 0
	c.Table, c.Column = before.Table, before.Column
	if flags&flagTable != 0 {
		c.Table, c.Column = r.uint64(), uint32(r.upTo(frame.MaxSeries, "column"))
	}
	c.Pos = before.Pos + r.uvarint()
	c.Count = int(r.upTo(MaxChunk, "readings"))
	c.Min = before.Min + telemetry.Time(r.varint())
	c.Max = c.Min + telemetry.Time(r.uvarint())
	s := &c.Summary
	s.Count = r.uvarint()
	if flags&flagNumbers == 0 {
		return
	}
	s.Numbers = r.uvarint()
	kinds := r.byte()
	s.Min = r.value(telemetry.Kind(kinds & 15))
	s.Max = r.value(telemetry.Kind(kinds >> 4))
	for _, f := range [...]*float64{&s.Sum, &s.Lost, &s.Small, &s.Infinite} {
		*f = math.Float64frombits(r.uint64())
	}
}

// group is the chunks of a series in a part.
func appendGroup(b []byte, s telemetry.Series, chunks []Chunk) []byte {
	at := len(b)
	b = append(b, 0, 0, 0, 0)
	for _, text := range [...]string{s.Node, s.Device, s.Metric} {
		b = binary.AppendUvarint(b, uint64(len(text)))
		b = append(b, text...)
	}
	b = binary.AppendUvarint(b, uint64(len(chunks)))
	before := &Chunk{}
	for i := range chunks {
		b = chunks[i].append(b, before)
		before = &chunks[i]
	}
	binary.BigEndian.PutUint32(b[at:], crc32.Checksum(b[at+4:], castagnoli))
	return b
}

func parseGroup(b []byte, p *part) (s telemetry.Series, chunks []Chunk, err error) {
	if len(b) < 4 || binary.BigEndian.Uint32(b) != crc32.Checksum(b[4:], castagnoli) {
		return s, nil, damaged("group has a bad checksum")
	}
	r := &reader{b: b[4:]}
	s = telemetry.Series{Node: r.text(), Device: r.text(), Metric: r.text()}
	n := r.uvarint()
	if n > uint64(len(r.b)) { // a chunk takes more than a byte
		return s, nil, damaged("group of %d chunks", n)
	}
	chunks = make([]Chunk, n)
	before := &Chunk{}
	for i := range chunks {
		c := &chunks[i]
		c.read(r, before)
		c.part = p
		if r.err == nil && (c.off > p.directory || uint64(c.size) > p.directory-c.off) {
			r.fail("chunk at %d", c.off)
		}
		before = c
	}
	return s, chunks, r.err
}

// reader takes a group's parts one after the other. Its first error sticks, and all that is read after it is zero.
type reader struct {
	b   []byte
	err error
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = damaged(format, args...)
	}
	r.b = nil
}

func (r *reader) bytes(n uint64) []byte {
	if n > uint64(len(r.b)) {
		r.fail("ends early")
		return nil
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

func (r *reader) byte() byte {
	if b := r.bytes(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) uint64() uint64 {
	if b := r.bytes(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.fail("bad number")
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.fail("bad number")
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) upTo(limit uint64, what string) uint64 {
	v := r.uvarint()
	if v > limit {
		r.fail("%d is too much for %s", v, what)
		return 0
	}
	return v
}

func (r *reader) text() string { return string(r.bytes(r.uvarint())) }

func (r *reader) value(k telemetry.Kind) telemetry.Value {
	bits := r.uint64()
	if k != telemetry.KindFloat && k != telemetry.KindInt {
		r.fail("extreme of kind %d", k)
		return telemetry.Value{}
	}
	return telemetry.ValueOfBits(k, bits)
}
