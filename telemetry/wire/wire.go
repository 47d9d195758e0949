// Package wire holds every message between a node and its gateway, on every kind of link: what a node
// says on connecting (Hello), the frames and tables it sends (Frame, Table), and what the gateway answers
// (Welcome, Ack, Refusal). The frame codec itself is telemetry/frame; here a frame is opaque bytes.
// The package knows no sockets and keeps no state. Its rules are those of delivery in ARCHITECTURE.md.
//
// # Bytes
//
// A message is a version byte, a type byte, the fields of its type, and room for what later versions add.
//
//	u8        one byte
//	u64       eight bytes, big endian: what is random (nonces, epochs, hashes), so that a varint would not pay
//	uv        unsigned varint, base 128, least significant group first, at most 10 bytes, no needless zero group at the end
//	sv        signed number as zigzag uv
//	text      uv length, then that many bytes of UTF-8; at most 255
//	set       uv n, then n times: uv skip, uv more. A range begins skip after the earliest place it may
//	          begin at (0 for the first, the previous range's end + 2 for the others) and holds more+1 sequences.
//	          So ranges are in order, disjoint and do not touch, whatever the bytes are.
//	list(x)   uv n, then n times x
//	rest      all bytes up to the end of the message
//	more      extensions up to the end of the message: uv tag, uv length, that many bytes, again and again.
//	          Tag 1 is bases in a Hello and in a Welcome, u64 each, and u64 frame in a Refusal. A reader skips the tags it does not know.
//
//	message   u8 version = 1 | u8 type | body
//
//	type  1   Hello    u64 nonce | text link | text software | 16 bytes store | uv codings |
//	                   list(epoch) | list(boot) | more
//	          epoch    u64 epoch | u64 parent | list(lane)
//	          lane     u8 lane | uv first | uv next-first | set kept | set held | list(loss)
//	          loss     u8 reason | uv from | uv to-from | sv time (Unix ns)
//	          boot     uv ordinal | u64 id | u8 clock | sv offset (ns) | sv error (ns)
//	type  2   Table    uv n | n bytes of more | rest data
//	type  3   Frame    uv n | n bytes of more | rest data
//	type  4   Frame    the same, whose ack may wait (delivery rule 8): only to a gateway whose Welcome has flag 2, by a node that reads Brief
//	type 16   Welcome  u64 nonce | 16 bytes store | u64 generation | u8 flags (1: direct, 2: patient; others ignored) |
//	                   uv credit | uv max frame | uv codings | sv time (Unix ns) | u8 clock | list(stored) | more
//	          stored   u64 epoch | u8 lane | set ranges
//	type 17   Ack      u64 generation | list(stored) | more
//	type 18   Refusal  u64 generation | u64 epoch | u8 lane | uv first | uv count | u8 reason | uv wait (ms) | u64 table | more
//	type 19   Brief    4 bytes tag | u8 lane | uv from | uv to-from | more
//
// Types 1–15 go up, 16–31 down. A message of an unknown version is ErrVersion; one of an unknown type is an *Unknown, which
// the reader counts and ignores. All else that does not fit is ErrMalformed. Every count is checked against the bytes that are
// left before anything is allocated, so that reading costs at most some twenty times the message in memory.
package wire

import (
	"errors"
	"fmt"
	"time"
)

// ProtocolVersion is the version byte that Append writes and Parse accepts.
const ProtocolVersion = 1

// Errors that callers decide by. They are wrapped with detail.
var (
	ErrVersion   = errors.New("message of an unknown version")
	ErrMalformed = errors.New("malformed message")
)

// Message is one of *Hello, *Table, *Frame (up) or *Welcome, *Ack, *Brief, *Refusal (down), or *Unknown.
type Message interface{ isMessage() }

// Table carries an encoded series table (frame.Table), before the first frame on a connection that names it.
type Table struct{ Data []byte }

// Frame carries one encoded frame.
type Frame struct {
	Data    []byte
	Patient bool // its ack may wait for others, up to AckHold
}

// AckHold is the longest that the ack of a patient frame waits, from its commit on. A Hello ends the wait.
const AckHold = 5 * time.Second

// Unknown is a message of a type this version does not know: count it, ignore it. Append cannot write one.
type Unknown struct{ Type uint8 }

func (*Hello) isMessage()   {}
func (*Table) isMessage()   {}
func (*Frame) isMessage()   {}
func (*Welcome) isMessage() {}
func (*Ack) isMessage()     {}
func (*Brief) isMessage()   {}
func (*Refusal) isMessage() {}
func (*Unknown) isMessage() {}

const (
	typeHello   = 1
	typeTable   = 2
	typeFrame   = 3
	typePatient = 4
	typeWelcome = 16
	typeAck     = 17
	typeRefusal = 18
	typeBrief   = 19
)

// Overhead is how many bytes a Frame or Table message is longer than its Data.
const Overhead = 3

// Append appends m's bytes to dst. Texts longer than 255 bytes are cut; an *Unknown is a bug of the caller and panics.
func Append(dst []byte, m Message) []byte {
	switch m := m.(type) {
	case *Hello:
		return m.append(append(dst, ProtocolVersion, typeHello))
	case *Table:
		return append(append(dst, ProtocolVersion, typeTable, 0), m.Data...)
	case *Frame:
		t := byte(typeFrame)
		if m.Patient {
			t = typePatient
		}
		return append(append(dst, ProtocolVersion, t, 0), m.Data...)
	case *Welcome:
		return m.append(append(dst, ProtocolVersion, typeWelcome))
	case *Ack:
		return m.append(append(dst, ProtocolVersion, typeAck))
	case *Brief:
		return m.append(append(dst, ProtocolVersion, typeBrief))
	case *Refusal:
		return m.append(append(dst, ProtocolVersion, typeRefusal))
	}
	panic(fmt.Sprintf("wire: cannot append a %T", m))
}

// Parse reads one message. The Data of a Table or Frame is a part of b, not a copy; nothing else refers to b.
func Parse(b []byte) (Message, error) {
	if len(b) < 2 {
		return nil, fmt.Errorf("%w: %d bytes", ErrMalformed, len(b))
	}
	if b[0] != ProtocolVersion {
		return nil, fmt.Errorf("%w: %d; this program speaks %d", ErrVersion, b[0], ProtocolVersion)
	}
	d := decoder{b: b[2:]}
	var m Message
	var known func(body *decoder) // what its extension says
	switch b[1] {
	case typeHello:
		h := d.hello()
		m, known = h, func(body *decoder) { h.Bases = body.bases() }
	case typeTable:
		m = &Table{d.data()}
	case typeFrame, typePatient:
		m = &Frame{Data: d.data(), Patient: b[1] == typePatient}
	case typeWelcome:
		w := d.welcome()
		m, known = w, func(body *decoder) { w.Bases = body.bases() }
	case typeAck:
		m = d.ack()
	case typeBrief:
		m = d.brief()
	case typeRefusal:
		r := d.refusal()
		m, known = r, func(body *decoder) { r.Frame = body.u64() }
	default:
		return &Unknown{b[1]}, nil
	}
	d.extensions(known)
	if d.err != nil {
		return nil, fmt.Errorf("read %s: %w", typeName(b[1]), d.err)
	}
	return m, nil
}

func typeName(t uint8) string {
	switch t {
	case typeHello:
		return "hello"
	case typeTable:
		return "table"
	case typeFrame, typePatient:
		return "frame"
	case typeWelcome:
		return "welcome"
	case typeAck:
		return "ack"
	case typeBrief:
		return "brief ack"
	}
	return "refusal"
}
