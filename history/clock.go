package history

import (
	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
	"fieldpost/telemetry/wire"
)

// Clock says what is known by now of the clock under which the frame with header h was taken: delta (ns) is to be added to the
// times that are not the instrument's own, and unset says that they are still in doubt. A nil Clock takes the frame's word.
// It is called from several goroutines.
type Clock func(h frame.Header) (delta int64, unset bool)

func (c Clock) of(h frame.Header) (delta int64, unset bool) {
	if c == nil {
		return 0, h.Clock.Doubtful()
	}
	return c(h)
}

// Resolve is a Clock's answer for a frame whose boot has row b in the boot table: if the clock was doubtful while the frame was taken and
// became known later in that boot, its monotonic times (Time - h.Offset) get the offset known by then.
func Resolve(h frame.Header, b wire.Boot, known bool) (delta int64, unset bool) {
	switch {
	case !h.Clock.Doubtful():
		return 0, false
	case !known || b.Clock.Doubtful():
		return 0, true
	}
	return b.Offset - h.Offset, false
}

// shift adds delta to t. It clamps rather than wraps.
func shift(t telemetry.Time, delta int64) telemetry.Time {
	s := t + telemetry.Time(delta)
	switch {
	case delta > 0 && s < t:
		return maxTime
	case delta < 0 && s > t:
		return minTime
	}
	return s
}

const (
	minTime telemetry.Time = -1 << 63
	maxTime telemetry.Time = 1<<63 - 1
)
