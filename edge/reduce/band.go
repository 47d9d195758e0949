package reduce

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"fieldpost/telemetry"
)

// Band is how far a number may be from the last reported one before it is reported itself. The zero Band reports every change.
type Band struct {
	Width   float64 // in the metric's unit, or with Percent in hundredths of the last reported value; 0 or more
	Percent bool
}

// UnmarshalText reads a number, such as 0.5, or a percentage, such as 2%.
func (b *Band) UnmarshalText(text []byte) error {
	number, percent := strings.CutSuffix(string(text), "%")
	number = strings.TrimSpace(number)
	width, err := strconv.ParseFloat(number, 64)
	// ParseFloat also takes hexadecimal, inf and nan.
	if err != nil || strings.Trim(number, "+-.eE0123456789") != "" {
		return fmt.Errorf("%q is neither: write a number in the metric's unit, such as 0.5, or a percentage, such as 2%%", text)
	}
	if width < 0 {
		return fmt.Errorf("%q: it cannot be negative", text)
	}
	*b = Band{Width: math.Abs(width), Percent: percent} // Abs: -0
	return nil
}

// String writes b so that UnmarshalText reads the same back.
func (b Band) String() string {
	s := strconv.FormatFloat(b.Width, 'g', -1, 64)
	if b.Percent {
		s += "%"
	}
	return s
}

// MarshalText is String for encoders.
func (b Band) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// around returns the width of b around a reported value of that magnitude. A percentage closes towards zero: after a reported 0 every
// change is outside it.
func (b Band) around(magnitude float64) float64 {
	if b.Percent {
		return b.Width / 100 * magnitude
	}
	return b.Width
}

// leaves reports whether v says something new after last, which was reported.
func (b Band) leaves(last, v telemetry.Value) bool {
	if v.Kind() != last.Kind() {
		return true
	}
	switch v.Kind() {
	case telemetry.KindFloat:
		return b.leavesFloat(last.Float(), v.Float())
	case telemetry.KindInt:
		return b.leavesInt(last.Int(), v.Int())
	}
	return v != last
}

func (b Band) leavesFloat(last, v float64) bool {
	switch {
	case math.IsNaN(last) || math.IsNaN(v):
		return math.IsNaN(last) != math.IsNaN(v)
	case last == v:
		return false
	case math.IsInf(last, 0) || math.IsInf(v, 0):
		return true
	}
	width := b.around(math.Abs(last))
	if width > 0 {
		// 0.4 and 0.3 are 0.10000000000000003 apart: what the decimals lost on becoming binary is no change.
		width += width*slack + math.Abs(last)*epsilon + math.Abs(v)*epsilon
	}
	return math.Abs(v-last) > width
}

func (b Band) leavesInt(last, v int64) bool {
	if last == v {
		return false
	}
	apart := uint64(v) - uint64(last) // exact modulo 2^64, however far they are apart
	if v < last {
		apart = -apart
	}
	width := b.around(math.Abs(float64(last)))
	return float64(apart) > width*(1+slack)
}

const (
	epsilon = 0x1p-52 // the distance from 1 to the next float64
	slack   = 4 * epsilon
)
