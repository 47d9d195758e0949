package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// errVersion is not damage: the file is whole, and must not be set aside.
var errVersion = errors.New("written by another version of the program: format")

// kind says what a cell holds.
type kind uint8

const (
	metaCell kind = iota
	entryCell
	blobCell
)

// Cells of the bucket meta, by key.
const (
	itemBinding  uint64 = iota + 1 // data: the binding
	itemOpening                    // opening, mark: the latest opening and the position at which it began
	itemNext                       // mark: positions below are used up (SkipTo)
	itemKept                       // data: the ranges on disk. Written when the segment is sealed
	itemSalvaged                   // present: made from what could be read of a damaged segment
	itemFirst                      // mark: the segment's first position, as in its name
)

const (
	cellMagic   = 0xF1E1D905
	cellVersion = 1
	cellHead    = 48
	maxData     = 1 << 28 // bytes of a cell's data; bbolt's own bound is 2 GiB
)

var magicBytes = binary.BigEndian.AppendUint32(nil, cellMagic)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// cell is the head of a value; see the package comment.
type cell struct {
	kind    kind
	key     uint64
	count   uint32
	length  uint32
	opening uint64
	mark    uint64
	sum     uint32 // CRC-32C of the data
}

// appendCell appends head and data. length and sum are worked out.
func appendCell(b []byte, c cell, data []byte) []byte {
	at := len(b)
	b = binary.BigEndian.AppendUint32(b, cellMagic)
	b = append(b, cellVersion, byte(c.kind), 0, 0)
	b = binary.BigEndian.AppendUint64(b, c.key)
	b = binary.BigEndian.AppendUint32(b, c.count)
	b = binary.BigEndian.AppendUint32(b, uint32(len(data)))
	b = binary.BigEndian.AppendUint64(b, c.opening)
	b = binary.BigEndian.AppendUint64(b, c.mark)
	b = binary.BigEndian.AppendUint32(b, crc32.Checksum(data, castagnoli))
	b = binary.BigEndian.AppendUint32(b, crc32.Checksum(b[at:], castagnoli))
	return append(b, data...)
}

// parseHead reads a head, which has a checksum of its own.
func parseHead(b []byte) (cell, error) {
	if len(b) < cellHead || binary.BigEndian.Uint32(b) != cellMagic {
		return cell{}, damaged("value has no head")
	}
	if crc32.Checksum(b[:cellHead-4], castagnoli) != binary.BigEndian.Uint32(b[cellHead-4:]) {
		return cell{}, damaged("head has a bad checksum")
	}
	c := cell{
		kind:    kind(b[5]),
		key:     binary.BigEndian.Uint64(b[8:]),
		count:   binary.BigEndian.Uint32(b[16:]),
		length:  binary.BigEndian.Uint32(b[20:]),
		opening: binary.BigEndian.Uint64(b[24:]),
		mark:    binary.BigEndian.Uint64(b[32:]),
		sum:     binary.BigEndian.Uint32(b[40:]),
	}
	switch {
	case b[4] != cellVersion:
		return c, fmt.Errorf("%w %d; this one knows %d", errVersion, b[4], cellVersion)
	case c.kind > blobCell:
		return c, damaged("value of unknown kind %d", c.kind)
	case c.length > maxData:
		return c, damaged("value of %d bytes", c.length)
	case c.kind == entryCell && (c.count == 0 || c.key+uint64(c.count)-1 < c.key):
		return c, damaged("entry of %d positions at %d", c.count, c.key)
	}
	return c, nil
}

// parseCell reads a whole value of the wanted kind. data is a part of b.
func parseCell(b []byte, want kind) (c cell, data []byte, err error) {
	if c, err = parseHead(b); err != nil {
		return c, nil, err
	}
	data = b[cellHead:]
	if c.kind != want || len(data) != int(c.length) {
		return c, nil, damaged("value of kind %d and %d bytes, wanted kind %d and %d", c.kind, len(data), want, c.length)
	}
	if crc32.Checksum(data, castagnoli) != c.sum {
		return c, nil, damaged("data has a bad checksum")
	}
	return c, data, nil
}

// last returns an entry's last position.
func (c cell) last() uint64 { return c.key + uint64(c.count) - 1 }

// entryKey sorts entries by their last position, so that the first key at or after a position is the entry that holds it, or the next.
func entryKey(last uint64, count uint32) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint64(make([]byte, 0, 12), last), count)
}

// parseEntryKey returns the positions that an entry's key names.
func parseEntryKey(k []byte) (first uint64, count uint32, err error) {
	if len(k) != 12 {
		return 0, 0, damaged("entry key of %d bytes", len(k))
	}
	last, count := binary.BigEndian.Uint64(k), binary.BigEndian.Uint32(k[8:])
	if count == 0 || uint64(count)-1 > last {
		return 0, 0, damaged("entry key of %d positions up to %d", count, last)
	}
	return last - uint64(count) + 1, count, nil
}

// wordKey is the key of a blob or a meta cell.
func wordKey(key uint64) []byte { return binary.BigEndian.AppendUint64(nil, key) }
