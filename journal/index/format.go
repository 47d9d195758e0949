package index

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"math"
	"os"
	"slices"

	"fieldpost/journal/durable"
)

// ErrDamaged is wrapped by every error that the content of a side file gives.
var ErrDamaged = errors.New("damaged index")

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrDamaged, fmt.Sprintf(format, args...))
}

const (
	fileMagic  = 0xF1E1D91D
	version    = 1
	headerSize = 64
	entrySize  = 48
	blockHead  = 36
	blockLimit = 128 // postings
	maxPayload = blockLimit * 4 * binary.MaxVarintLen64

	flagUncertain = 1
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// span is what is known of the times of several postings.
type span struct {
	min, max  int64 // of the certain ones; min > max: none
	uncertain bool  // there are others
}

var noSpan = span{min: math.MaxInt64, max: math.MinInt64}

func (s *span) add(p Posting) {
	if p.uncertain() {
		s.uncertain = true
		return
	}
	s.min, s.max = min(s.min, p.Min), max(s.max, p.Max)
}

func (s *span) join(o span) {
	s.min, s.max, s.uncertain = min(s.min, o.min), max(s.max, o.max), s.uncertain || o.uncertain
}

// reach returns the lowest Min and the highest Max of all.
func (s span) reach() (lo, hi int64) {
	if s.uncertain {
		return math.MinInt64, math.MaxInt64
	}
	return s.min, s.max
}

func (s span) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint64(b, uint64(s.min))
	return binary.BigEndian.AppendUint64(b, uint64(s.max))
}

func (s span) flags() uint32 {
	if s.uncertain {
		return flagUncertain
	}
	return 0
}

func parseSpan(b []byte, flags uint32) span {
	return span{int64(binary.BigEndian.Uint64(b)), int64(binary.BigEndian.Uint64(b[8:])), flags&flagUncertain != 0}
}

// header is the first 64 bytes of a side file.
type header struct {
	first, next uint64
	series      uint32
	sum         uint32 // of the directory
	directory   uint64 // its offset
	span        span
}

func (h header) append(b []byte) []byte {
	at := len(b)
	b = binary.BigEndian.AppendUint32(b, fileMagic)
	b = append(b, version, 0, 0, 0)
	b = binary.BigEndian.AppendUint64(b, h.first)
	b = binary.BigEndian.AppendUint64(b, h.next)
	b = binary.BigEndian.AppendUint32(b, h.series)
	b = binary.BigEndian.AppendUint32(b, h.sum)
	b = binary.BigEndian.AppendUint64(b, h.directory)
	b = h.span.append(b)
	b = binary.BigEndian.AppendUint32(b, h.span.flags())
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b[at:], castagnoli))
}

func parseHeader(b []byte, size int64) (header, error) {
	if len(b) < headerSize || binary.BigEndian.Uint32(b) != fileMagic || binary.BigEndian.Uint32(b[60:]) != crc32.Checksum(b[:60], castagnoli) {
		return header{}, damaged("no header")
	}
	if b[4] != version {
		return header{}, damaged("version %d; this program knows %d", b[4], version) // made again, not kept: it is disposable
	}
	h := header{
		first: binary.BigEndian.Uint64(b[8:]), next: binary.BigEndian.Uint64(b[16:]),
		series: binary.BigEndian.Uint32(b[24:]), sum: binary.BigEndian.Uint32(b[28:]), directory: binary.BigEndian.Uint64(b[32:]),
		span: parseSpan(b[40:], binary.BigEndian.Uint32(b[56:])),
	}
	if h.directory < headerSize || h.directory > uint64(size) || uint64(size)-h.directory != uint64(h.series)*entrySize {
		return h, damaged("file of %d bytes, directory of %d series at %d", size, h.series, h.directory)
	}
	return h, nil
}

// entry is a series in the directory.
type entry struct {
	series      uint64
	first, last uint64 // offsets of blocks
	blocks      uint32
	span        span
}

func (e entry) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint64(b, e.series)
	b = binary.BigEndian.AppendUint64(b, e.first)
	b = binary.BigEndian.AppendUint64(b, e.last)
	b = binary.BigEndian.AppendUint32(b, e.blocks)
	b = binary.BigEndian.AppendUint32(b, e.span.flags())
	return e.span.append(b)
}

func parseEntry(b []byte) entry {
	return entry{
		series: binary.BigEndian.Uint64(b), first: binary.BigEndian.Uint64(b[8:]), last: binary.BigEndian.Uint64(b[16:]),
		blocks: binary.BigEndian.Uint32(b[24:]), span: parseSpan(b[32:], binary.BigEndian.Uint32(b[28:])),
	}
}

// block is a decoded block.
type block struct {
	postings []Posting
	size     int // bytes
	previous int // bytes of the block before, 0: none
	max      int64
	before   int64 // highest Max in all blocks before
}

// appendBlock appends the block of postings, which are sorted.
func appendBlock(b []byte, first uint64, postings []Posting, previous int, before int64) []byte {
	at := len(b)
	b = append(b, make([]byte, blockHead)...)
	lo, hi := postings[0].Min, int64(math.MinInt64)
	at0, pos := lo, first
	for _, p := range postings {
		b = binary.AppendUvarint(b, uint64(p.Min)-uint64(at0))
		b = binary.AppendUvarint(b, uint64(p.Max)-uint64(p.Min))
		b = binary.AppendVarint(b, int64(p.First-pos))
		b = binary.AppendUvarint(b, p.Last-p.First)
		at0, pos, hi = p.Min, p.First, max(hi, p.Max)
	}
	h := b[at:]
	binary.BigEndian.PutUint16(h[4:], uint16(len(postings)))
	binary.BigEndian.PutUint16(h[6:], uint16(len(h)-blockHead))
	binary.BigEndian.PutUint16(h[8:], uint16(previous))
	binary.BigEndian.PutUint64(h[12:], uint64(lo))
	binary.BigEndian.PutUint64(h[20:], uint64(hi))
	binary.BigEndian.PutUint64(h[28:], uint64(before))
	binary.BigEndian.PutUint32(h, crc32.Checksum(h[4:], castagnoli))
	return b
}

// blockSize returns the length of the block that begins with b.
func blockSize(b []byte) (int, error) {
	if len(b) < blockHead {
		return 0, damaged("block cut off")
	}
	n := int(binary.BigEndian.Uint16(b[6:]))
	if n > maxPayload {
		return 0, damaged("block of %d bytes", n)
	}
	return blockHead + n, nil
}

// parseBlock reads the block b of series in the segment of the positions first … next-1.
func parseBlock(b []byte, series, first, next uint64) (block, error) {
	size, err := blockSize(b)
	if err != nil {
		return block{}, err
	}
	if len(b) < size || binary.BigEndian.Uint32(b) != crc32.Checksum(b[4:size], castagnoli) {
		return block{}, damaged("block has a bad checksum")
	}
	k := block{
		size: size, previous: int(binary.BigEndian.Uint16(b[8:])),
		max: int64(binary.BigEndian.Uint64(b[20:])), before: int64(binary.BigEndian.Uint64(b[28:])),
	}
	n := int(binary.BigEndian.Uint16(b[4:]))
	if n == 0 || n > blockLimit {
		return k, damaged("block of %d postings", n)
	}
	k.postings = make([]Posting, n)
	d := decoder{b: b[blockHead:size]}
	lo, hi, pos := int64(binary.BigEndian.Uint64(b[12:])), int64(math.MinInt64), first
	for i := range k.postings {
		p := Posting{Series: series}
		p.Min = d.above(lo)
		p.Max = d.above(p.Min)
		p.First = pos + uint64(d.signed())
		p.Last = p.First + d.unsigned()
		if d.failed || p.First < first || p.First >= next || p.Last < p.First || p.Last >= next {
			return k, damaged("posting %d of a block", i)
		}
		k.postings[i] = p
		lo, pos, hi = p.Min, p.First, max(hi, p.Max)
	}
	if len(d.b) != 0 || hi != k.max {
		return k, damaged("block does not hold what its head says")
	}
	return k, nil
}

// decoder reads varints; failed tells at the end.
type decoder struct {
	b      []byte
	failed bool
}

func (d *decoder) unsigned() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.failed = true
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) signed() int64 {
	v, n := binary.Varint(d.b)
	if n <= 0 {
		d.failed = true
		return 0
	}
	d.b = d.b[n:]
	return v
}

// above reads a time that is some way above t.
func (d *decoder) above(t int64) int64 {
	v := d.unsigned()
	if v > uint64(math.MaxInt64)-uint64(t) {
		d.failed = true
	}
	return int64(uint64(t) + v)
}

// byMin is the order of postings in a file and in ascending selections.
func byMin(a, b Posting) int {
	return cmp.Or(cmp.Compare(a.Min, b.Min), cmp.Compare(a.First, b.First), cmp.Compare(a.Series, b.Series))
}

// writePart makes the side file at path durable, in one step.
func writePart(path string, first, next uint64, runs map[uint64][]Posting) (err error) {
	temp := path + ".tmp"
	f, err := os.OpenFile(temp, os.O_CREATE|os.O_TRUNC|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(temp)
		}
	}()
	h, err := writeRuns(f, first, next, runs)
	if err == nil {
		_, err = f.WriteAt(h.append(nil), 0)
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return durable.Rename(temp, path)
}

// writeRuns writes blocks and directory and returns the header that goes before them.
func writeRuns(f io.Writer, first, next uint64, runs map[uint64][]Posting) (header, error) {
	w := bufio.NewWriterSize(f, 64<<10)
	h := header{first: first, next: next, series: uint32(len(runs)), span: noSpan}
	off := uint64(headerSize)
	if _, err := w.Write(make([]byte, headerSize)); err != nil {
		return h, err
	}
	var directory, b []byte
	for _, series := range slices.Sorted(maps.Keys(runs)) {
		run := slices.Clone(runs[series])
		slices.SortFunc(run, byMin)
		e := entry{series: series, first: off, span: noSpan}
		previous, before := 0, int64(math.MinInt64)
		for part := range slices.Chunk(run, blockLimit) {
			b = appendBlock(b[:0], first, part, previous, before)
			if _, err := w.Write(b); err != nil {
				return h, err
			}
			for _, p := range part {
				e.span.add(p)
				before = max(before, p.Max)
			}
			e.last, e.blocks, previous = off, e.blocks+1, len(b)
			off += uint64(len(b))
		}
		h.span.join(e.span)
		directory = e.append(directory)
	}
	h.directory, h.sum = off, crc32.Checksum(directory, castagnoli)
	if _, err := w.Write(directory); err != nil {
		return h, err
	}
	return h, w.Flush()
}
