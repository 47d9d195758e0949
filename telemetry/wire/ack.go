package wire

import (
	"encoding/binary"
	"hash/crc32"

	"fieldpost/telemetry"
	"fieldpost/telemetry/ranges"
)

// Ack says what is on the gateway's disk (delivery rule 8). It is cumulative: the whole runs around what was newly stored, so that a lost
// Ack costs nothing once a later one has come.
type Ack struct {
	Generation uint64
	Stored     []Stored
}

func (m *Ack) append(b []byte) []byte {
	return appendStored(binary.BigEndian.AppendUint64(b, m.Generation), m.Stored)
}

func (d *decoder) ack() *Ack {
	return &Ack{Generation: d.u64(), Stored: d.stored()}
}

// Brief is an Ack of one range, by half of the bytes: it names generation and epoch by a tag that whoever was welcomed can check. It goes to nodes
// that have sent a patient frame on this connection, of which one expects them to read it, and only in the generation that welcomed them.
type Brief struct {
	Tag   uint32 // by AckTag
	Lane  telemetry.Lane
	Range ranges.Range
}

// AckTag returns what a Brief names a generation and an epoch by: CRC-32C over both. An ack of another generation or epoch, which an
// ordered connection does not carry, would pass for one of this once in four billion times.
func AckTag(generation uint64, epoch telemetry.Epoch) uint32 {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], generation)
	binary.BigEndian.PutUint64(b[8:], uint64(epoch))
	return crc32.Checksum(b[:], crc32.MakeTable(crc32.Castagnoli))
}

// Brief returns the same in brief; nil: it is not of one range.
func (m *Ack) Brief() *Brief {
	if len(m.Stored) != 1 || len(m.Stored[0].Ranges.Ranges()) != 1 {
		return nil
	}
	s := &m.Stored[0]
	return &Brief{Tag: AckTag(m.Generation, s.Epoch), Lane: s.Lane, Range: s.Ranges.Ranges()[0]}
}

func (m *Brief) append(b []byte) []byte {
	b = append(binary.BigEndian.AppendUint32(b, m.Tag), byte(m.Lane))
	return binary.AppendUvarint(binary.AppendUvarint(b, m.Range.From), m.Range.To-m.Range.From)
}

func (d *decoder) brief() *Brief {
	var m Brief
	if b := d.take(4); b != nil {
		m.Tag = binary.BigEndian.Uint32(b)
	}
	m.Lane = d.lane()
	m.Range.From = d.uv()
	m.Range.To = d.plus(m.Range.From, d.uv())
	return &m
}
