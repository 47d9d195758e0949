package wire

import (
	"encoding/hex"

	"fieldpost/telemetry"
	"fieldpost/telemetry/ranges"
)

// SKELETON: types are fixed (fields may be added), bodies to be written.

// StoreID names a gateway's store for its life; zero is none.
type StoreID [16]byte

func (s StoreID) String() string { return hex.EncodeToString(s[:]) }

// Message is one of *Hello, *Table, *Frame (up) or *Welcome, *Ack, *Refusal (down), or *Unknown.
type Message interface{ isMessage() }

// Hello is what a node says first on every connection, and again when what it keeps has changed.
type Hello struct {
	Nonce    uint64 // of this connection
	Link     string
	Software string  // e.g. "fieldpost-edge 0.1.0"
	Store    StoreID // the store it met first on this link; zero: none yet
	Codings  uint32  // bit n: it can send coding n
	Epochs   []Epoch // oldest first; the last is the open one
	Boots    []Boot
}

// Epoch is one epoch of a node as its Hello tells it.
type Epoch struct {
	Epoch  telemetry.Epoch
	Parent telemetry.Epoch
	Lanes  []Lane
}

// Lane is one lane of an Epoch.
type Lane struct {
	Lane  telemetry.Lane
	First uint64     // first sequence of this epoch (also if nothing was issued yet)
	Next  uint64     // one past the last issued and committed in this epoch
	Kept  ranges.Set // on the node's disk still
	Held  ranges.Set // the part of Kept that will not be sent unasked
	Lost  []Loss     // what it knows to be gone, with the reason
}

// Loss is a range that will not come.
type Loss struct {
	ranges.Range
	Reason Reason
	Time   telemetry.Time
}

// Reason says why a range is lost or a frame refused.
type Reason uint8

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
)

// Boot is one row of a node's boot table.
type Boot struct {
	telemetry.Boot
	Clock  telemetry.ClockState // best state reached in this boot
	Offset int64                // wall minus monotonic at that best state, ns
	Error  int64                // estimated error of Offset, ns
}

// Table carries an encoded series table (frame.Table), before the first frame on a connection that names it.
type Table struct{ Data []byte }

// Frame carries one encoded frame.
type Frame struct{ Data []byte }

// Welcome answers a Hello.
type Welcome struct {
	Nonce      uint64 // of the Hello it answers
	Store      StoreID
	Generation uint64
	Credit     uint64 // bytes the node may have unacknowledged; 0: no limit beyond the node's own window
	Direct     bool   // the broker is the gateway's own: QoS 0 will do
	MaxFrame   uint32 // largest Frame.Data
	Codings    uint32
	Time       telemetry.Time
	Clock      telemetry.ClockState
	Stored     []Stored
}

// Stored is what the gateway has on its disk of one lane of one epoch.
type Stored struct {
	Epoch  telemetry.Epoch
	Lane   telemetry.Lane
	Ranges ranges.Set
}

// Ack says what is on the gateway's disk. It is cumulative: the whole runs around what was newly stored.
type Ack struct {
	Generation uint64
	Stored     []Stored
}

// Refusal gives a frame's window slot back without storing it.
type Refusal struct {
	Generation uint64
	Epoch      telemetry.Epoch
	Lane       telemetry.Lane
	First      uint64
	Count      uint32
	Reason     Reason
	Wait       uint32 // Busy: milliseconds
	Table      uint64 // Cold: the table asked for, if that is what lacks
}

// Unknown is a message of a type this version does not know: count it, ignore it.
type Unknown struct{ Type uint8 }

func (*Hello) isMessage()   {}
func (*Table) isMessage()   {}
func (*Frame) isMessage()   {}
func (*Welcome) isMessage() {}
func (*Ack) isMessage()     {}
func (*Refusal) isMessage() {}
func (*Unknown) isMessage() {}

// Append appends m's bytes to dst.
func Append(dst []byte, m Message) []byte { panic("skeleton") }

// Parse reads one message. The Data of a Table or Frame is a part of b, not a copy.
func Parse(b []byte) (Message, error) { panic("skeleton") }

// Up, Down and State return the MQTT topics of a node under a prefix ("fp").
func Up(prefix, node string) string          { return prefix + "/" + node + "/up" }
func Down(prefix, node string) string        { return prefix + "/" + node + "/down" }
func State(prefix, node, link string) string { return prefix + "/" + node + "/state/" + link }
