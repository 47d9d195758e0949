package frame

import (
	"errors"
	"fmt"

	"fieldpost/telemetry"
	"fieldpost/telemetry/frame/internal/columns"
)

// Limits that every decoder holds before it allocates.
const (
	MaxSize    = 1 << 20 // bytes of a frame
	MaxRecords = 1 << 16 // records of a frame
	MaxSeries  = 1 << 14 // series of a table
	MaxTable   = 4 << 20 // bytes of an encoded table
	HeadSize   = 512     // this many leading bytes hold the header of a frame with up to about 40 columns; see ParseHeader
)

// Errors that callers decide by. They are wrapped with detail.
var (
	ErrCorrupt  = columns.ErrCorrupt
	ErrVersion  = errors.New("frame of an unknown version or coding")
	ErrShort    = errors.New("frame header cut off") // ParseHeader was given too little of the frame
	ErrTooLarge = errors.New("too much for one frame")
)

// Content says what kind of records a frame holds.
type Content uint8

// The contents. The numbers are part of the format.
const (
	Readings Content = iota
	Events
)

// String returns readings or events.
func (c Content) String() string {
	switch c {
	case Readings:
		return "readings"
	case Events:
		return "events"
	}
	return fmt.Sprintf("content(%d)", uint8(c))
}

// Coding says how the records are coded.
type Coding uint8

// The codings. The numbers are part of the format.
const (
	Plain Coding = iota
	Dense        // reserved
)

// String returns plain or dense.
func (c Coding) String() string {
	switch c {
	case Plain:
		return "plain"
	case Dense:
		return "dense"
	}
	return fmt.Sprintf("coding(%d)", uint8(c))
}

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

// Selected is a record of DecodeColumns or DecodeByColumn with its place in the frame.
type Selected struct {
	Record
	Place uint32
}
