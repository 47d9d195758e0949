package reduce

import (
	"time"

	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
)

// Reducer reduces one series. Not safe for concurrent use.
type Reducer struct {
	band    Band
	silence int64 // ns; 0: no limit

	begun  bool
	last   frame.Record // reported
	lastAt int64        // monotonic, ns

	waiting frame.Record // held back, until its successor has come
	waits   bool
}

// New returns a reducer that lets a reading through at the latest when silence has passed since the last one; 0 is no limit.
func New(band Band, silence time.Duration) *Reducer {
	return &Reducer{band: band, silence: int64(silence)}
}

// Next takes the next reading of the series, which came at mono on the monotonic clock (ns). It appends what is to be reported now to
// report, and what is held back for good to held, each in the order in which it came; that is this reading or the one before it, both or neither.
func (r *Reducer) Next(rec frame.Record, mono int64, report, held []frame.Record) (_, _ []frame.Record) {
	switch {
	case !r.begun:
	case rec.Quality != r.last.Quality || r.band.leaves(r.last.Value, rec.Value):
		if r.waits {
			report = append(report, r.waiting)
		}
	case r.overdue(rec, mono):
		held = r.Flush(held)
	default:
		held = r.Flush(held)
		r.waiting, r.waits = rec, true
		return report, held
	}
	r.begun, r.last, r.lastAt = true, rec, mono
	r.waiting, r.waits = frame.Record{}, false
	return append(report, rec), held
}

// Flush appends the held-back reading that waits for its successor, if there is one, to held. The reducer goes on as before.
func (r *Reducer) Flush(held []frame.Record) []frame.Record {
	if r.waits {
		held = append(held, r.waiting)
		r.waiting, r.waits = frame.Record{}, false
	}
	return held
}

// overdue reports whether it is time for a sign of life. An instrument that dates its readings may deliver an hour of them in one
// telegram; then its times count as well.
func (r *Reducer) overdue(rec frame.Record, mono int64) bool {
	if r.silence <= 0 {
		return false
	}
	return mono-r.lastAt >= r.silence ||
		rec.Stamped && r.last.Stamped && apart(r.last.Time, rec.Time) >= uint64(r.silence)
}

// apart returns the time between a and b, whichever comes first.
func apart(a, b telemetry.Time) uint64 {
	if a > b {
		a, b = b, a
	}
	return uint64(b) - uint64(a)
}
