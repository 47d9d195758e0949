package front

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
)

const (
	recordMagic = 0xF1E1D9F0
	recordHead  = 32
)

var (
	magicBytes = binary.BigEndian.AppendUint32(nil, recordMagic)
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
)

// part is what one journal has in a record.
type part struct {
	name    string
	payload []byte
}

func (p part) size() int { return 1 + len(p.name) + 4 + len(p.payload) }

// appendRecord appends a record of the parts.
func appendRecord(b []byte, generation, number uint64, parts ...part) []byte {
	at := len(b)
	b = append(b, make([]byte, recordHead)...)
	for _, p := range parts {
		b = append(b, byte(len(p.name)))
		b = append(b, p.name...)
		b = binary.BigEndian.AppendUint32(b, uint32(len(p.payload)))
		b = append(b, p.payload...)
	}
	head, body := b[at:], b[at+recordHead:]
	binary.BigEndian.PutUint32(head, recordMagic)
	binary.BigEndian.PutUint32(head[4:], uint32(len(body)))
	binary.BigEndian.PutUint64(head[8:], generation)
	binary.BigEndian.PutUint64(head[16:], number)
	binary.BigEndian.PutUint32(head[24:], crc32.Checksum(body, castagnoli))
	binary.BigEndian.PutUint32(head[28:], crc32.Checksum(head[:28], castagnoli))
	return b
}

// parseRecord reads the record that b begins with; ok is false if there is none of that generation, or it is not whole. The parts lie in b.
func parseRecord(b []byte, generation uint64) (number uint64, parts []part, size int, ok bool) {
	if len(b) < recordHead || !bytes.HasPrefix(b, magicBytes) ||
		crc32.Checksum(b[:28], castagnoli) != binary.BigEndian.Uint32(b[28:]) || binary.BigEndian.Uint64(b[8:]) != generation {
		return 0, nil, 0, false
	}
	length := uint64(binary.BigEndian.Uint32(b[4:]))
	if length > uint64(len(b)-recordHead) {
		return 0, nil, 0, false
	}
	body := b[recordHead : recordHead+int(length)]
	if crc32.Checksum(body, castagnoli) != binary.BigEndian.Uint32(b[24:]) {
		return 0, nil, 0, false
	}
	for len(body) > 0 {
		n := 1 + int(body[0])
		if len(body) < n+4 {
			return 0, nil, 0, false
		}
		name := string(body[1:n])
		length := uint64(binary.BigEndian.Uint32(body[n:]))
		if body = body[n+4:]; length > uint64(len(body)) {
			return 0, nil, 0, false
		}
		parts = append(parts, part{name, body[:length:length]})
		body = body[length:]
	}
	return binary.BigEndian.Uint64(b[16:]), parts, recordHead + int(length), true
}

// scan calls each for the records of a file in order and reports whether it is sound: bytes that are no record are followed by zeros only, or by
// what is no record either, as a crash leaves it.
func scan(b []byte, generation uint64, each func(parts []part)) (sound bool) {
	sound = true
	last := uint64(0)
	for at := 0; ; {
		next := bytes.Index(b[at:], magicBytes)
		if next < 0 {
			return sound
		}
		at += next
		number, parts, size, ok := parseRecord(b[at:], generation)
		if !ok || number <= last {
			at++
			continue
		}
		sound = sound && number == last+1
		last = number
		each(parts)
		at += size
	}
}
