package wire

import (
	"encoding/binary"
	"fmt"
	"hash/crc64"
	"strconv"

	"fieldpost/telemetry"
)

// Refusal gives a frame's window slot back without storing it (delivery rule 10).
type Refusal struct {
	Generation uint64
	Epoch      telemetry.Epoch
	Lane       telemetry.Lane
	First      uint64
	Count      uint32
	Reason     Reason
	Wait       uint32 // Busy: milliseconds
	Table      uint64 // Cold: the table asked for, if that is what lacks

	// Frame is the FrameID of a dense frame of which nobody can say here which records it holds: then Epoch to Count are zero, and Reason is Cold.
	Frame uint64
}

// FrameID names the bytes of a frame: CRC-64 by ECMA-182, never zero.
func FrameID(data []byte) uint64 { return max(crc64.Checksum(data, ecma), 1) }

var ecma = crc64.MakeTable(crc64.ECMA)

// Reason says why a range is lost or a frame refused. A reason of a later version is kept as its number.
type Reason uint8

// The reasons. The numbers are part of the format.
const (
	Unexplained Reason = iota
	Full               // lost: dropped to make room
	Damaged            // lost: the node's disk
	Corrupt            // lost or refused: unreadable on arrival, twice
	Abandoned          // lost: an operator said so
	Cold               // refused: unknown table or coder state; send it again, plainer
	Version            // refused: unknown version or coding; encode again, plainer
	Busy               // refused: wait
	NotAllowed         // refused: not this node's to send
	Expired            // lost: the node was told to keep it no longer than that
)

var reasonNames = [...]string{"unexplained", "full", "damaged", "corrupt", "abandoned", "cold", "version", "busy", "not-allowed", "expired"}

// String returns the reason as logs and the API spell it.
func (r Reason) String() string {
	if int(r) < len(reasonNames) {
		return reasonNames[r]
	}
	return "reason(" + strconv.Itoa(int(r)) + ")"
}

// ParseReason is the inverse of Reason.String for the reasons known.
func ParseReason(s string) (Reason, error) {
	for i, n := range reasonNames {
		if n == s {
			return Reason(i), nil
		}
	}
	return 0, fmt.Errorf("unknown reason %q", s)
}

func (m *Refusal) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint64(b, m.Generation)
	b = binary.BigEndian.AppendUint64(b, uint64(m.Epoch))
	b = append(b, byte(m.Lane))
	b = binary.AppendUvarint(b, m.First)
	b = binary.AppendUvarint(b, uint64(m.Count))
	b = append(b, byte(m.Reason))
	b = binary.AppendUvarint(b, uint64(m.Wait))
	b = binary.BigEndian.AppendUint64(b, m.Table)
	if m.Frame != 0 {
		b = binary.BigEndian.AppendUint64(append(b, extension, 8), m.Frame)
	}
	return b
}

func (d *decoder) refusal() *Refusal {
	m := &Refusal{
		Generation: d.u64(),
		Epoch:      telemetry.Epoch(d.u64()),
		Lane:       d.lane(),
		First:      d.uv(),
		Count:      d.uv32("count"),
		Reason:     Reason(d.u8()),
		Wait:       d.uv32("wait"),
		Table:      d.u64(),
	}
	d.plus(m.First, uint64(m.Count))
	return m
}
