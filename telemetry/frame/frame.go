package frame

import (
	"errors"

	"fieldpost/telemetry"
)

// SKELETON: signatures are fixed, bodies to be written.

// Limits that every decoder holds before it allocates.
const (
	MaxSize    = 1 << 20 // bytes of a frame
	MaxRecords = 1 << 16 // records of a frame
	MaxSeries  = 1 << 14 // series of a table
	MaxTable   = 4 << 20 // bytes of an encoded table
	HeadSize   = 512     // this many leading bytes always suffice for ParseHeader when the frame has few columns; see ParseHeader
)

// Errors that callers decide by. They are wrapped with detail.
var (
	ErrCorrupt = errors.New("corrupt frame")
	ErrVersion = errors.New("frame of an unknown version or coding")
	ErrShort   = errors.New("frame header cut off") // ParseHeader was given too little of the frame
)

// Content says what kind of records a frame holds.
type Content uint8

const (
	Readings Content = iota
	Events
)

// Coding says how the records are coded.
type Coding uint8

const (
	Plain Coding = iota
	Dense        // reserved
)

// Header is what can be read of a frame without decoding its records.
type Header struct {
	Version uint8
	Coding  Coding
	Content Content
	Node    string
	Epoch   telemetry.Epoch
	Lane    telemetry.Lane
	First   uint64 // sequence of the first record
	Count   uint32 // records
	Boot    telemetry.Boot
	Clock   telemetry.ClockState
	Offset  int64          // wall clock minus monotonic (CLOCK_BOOTTIME), ns, the same for the whole frame: monotonic = Time - Offset for records not Stamped
	Min     telemetry.Time // earliest and latest record time
	Max     telemetry.Time
	Table   uint64   // hash of the series table; 0 for events
	Columns []Column // one per series in the frame, ascending by Series; empty for events
	Size    int      // bytes of the whole frame
}

// Last returns the sequence of the last record.
func (h Header) Last() uint64 { return h.First + uint64(h.Count) - 1 }

// Column is where a series lies in a frame.
type Column struct {
	Series uint32 // index into the table
	Count  uint32 // records
}

// Record is one reading inside a frame; its sequence is Header.First plus its place.
type Record struct {
	Series  uint32 // index into the table
	Time    telemetry.Time
	Value   telemetry.Value
	Quality telemetry.Quality
	Stamped bool // Time came from the instrument, not from the node's clock
}

// Encode appends the plain frame of recs to dst. Of h it takes Node, Epoch, Lane, First, Boot, Clock, Offset and Table; all else is worked out.
func Encode(dst []byte, h Header, recs []Record) ([]byte, error) { panic("skeleton") }

// EncodeEvents is Encode for events.
func EncodeEvents(dst []byte, h Header, events []telemetry.Event) ([]byte, error) { panic("skeleton") }

// ParseHeader reads and checks the header of a frame of which b is the whole or a leading part.
func ParseHeader(b []byte) (Header, error) { panic("skeleton") }

// Check reports whether b is a whole, intact frame (both checksums) without decoding the columns.
func Check(b []byte) (Header, error) { panic("skeleton") }

// Decode checks a frame of readings and appends its records to dst in sequence order.
func Decode(b []byte, dst []Record) (Header, []Record, error) { panic("skeleton") }

// Selected is a record of DecodeColumns with its place in the frame.
type Selected struct {
	Record
	Place uint32
}

// DecodeColumns is Decode for those series that want says yes to, at the price of those only.
func DecodeColumns(b []byte, want func(series uint32) bool, dst []Selected) (Header, []Selected, error) {
	panic("skeleton")
}

// DecodeEvents checks a frame of events and returns them in sequence order.
func DecodeEvents(b []byte) (Header, []telemetry.Event, error) { panic("skeleton") }

// Cut appends to dst a frame that holds only the records from..to (sequences, inclusive) of b; identities stay.
func Cut(dst, b []byte, from, to uint64) ([]byte, error) { panic("skeleton") }

// Joinable reports whether b can be appended to a: same node, epoch, lane, boot, clock state, offset, table, content, and b.First == a.Last()+1.
func Joinable(a, b Header) bool { panic("skeleton") }

// Join appends to dst one frame with the records of all frames, each Joinable to the one before.
func Join(dst []byte, frames ...[]byte) ([]byte, error) { panic("skeleton") }
