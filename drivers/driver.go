// Package drivers is the contract between the edge and what reads instruments, and the catalogue of kinds.
//
// It stands at the left end of the flow: instruments → drivers → edge pipeline.
package drivers

import (
	"context"

	"fieldpost/telemetry"
)

// Driver runs one bus and serves the devices on it.
//
// Run opens the bus, reads and reports until ctx ends (it returns ctx's error, promptly: within 500 ms) or the bus fails
// (it returns why). It releases everything before it returns. The edge calls it again after a pause, for ever; state
// that must survive a pause lives in the Driver. Run is never called twice at once. A device that fails while the bus
// holds is reported (Report.Err) and never ends Run or starves the other devices.
type Driver interface {
	Run(ctx context.Context, emit Emit) error
}

// Emit takes a report. It may block while the journal is behind, but not beyond the end of the ctx that Run was given; it never
// fails. Safe for concurrent use. The report and its samples are the caller's again when it returns.
type Emit func(Report)

// Report is what one telegram of one device gave: samples taken together, or why there are none. Both where some of a
// telegram's fields could be read and others not.
type Report struct {
	Device  string
	Samples []Sample
	Err     error // a telegram that could not be read, a device that did not answer: counted and shown, never fatal
}

// Sample is one value as the instrument gave it, before scale, offset and checks.
type Sample struct {
	Metric  string
	Value   telemetry.Value
	Quality telemetry.Quality
	Time    telemetry.Time // the instrument's own time; zero: now
}

// Decoder is the pure half of a stream driver: bytes in, reports out, the same whatever the chunks. Run, the decode
// command, and fuzzing share it. Not safe for concurrent use.
type Decoder interface {
	// Decode takes the next bytes of the stream. It keeps none of p.
	Decode(p []byte, emit Emit)
	// Flush says that the stream has been quiet for long enough, or has ended: what is complete by silence is reported, the rest dropped.
	Flush(emit Emit)
}
