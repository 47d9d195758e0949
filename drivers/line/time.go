package line

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"fieldpost/telemetry"
)

// The names of layouts that time.Parse cannot do, or that are too long to write.
const (
	layoutRFC3339 = "rfc3339"
	layoutUnix    = "unix"
	layoutMilli   = "unix_ms"
)

// checkLayout reports why a layout cannot tell an instant, or nil.
func checkLayout(layout string) error {
	switch layout {
	case "", layoutRFC3339, layoutUnix, layoutMilli:
		return nil
	}
	// A layout that tells the day gives the day back that it was given. One in the style of strftime, or of a clock without a date, does not.
	day := time.Date(2017, 11, 23, 0, 0, 0, 0, time.UTC)
	back, err := time.Parse(layout, day.Format(layout))
	if err != nil || !back.UTC().Equal(day) {
		return fmt.Errorf("layout %q does not tell year, month and day; use rfc3339, unix, unix_ms, or the moment 2006-01-02 15:04:05 as the instrument would write it", layout)
	}
	return nil
}

var errTime = errors.New("is not a time of the layout")

// clock reads the times of one layout.
type clock struct {
	slot    int
	layout  string
	decimal byte
}

func (c clock) parse(text []byte) (telemetry.Time, error) {
	switch c.layout {
	case layoutUnix:
		return parseUnix(text, c.decimal, 9)
	case layoutMilli:
		return parseUnix(text, c.decimal, 6)
	}
	layout := c.layout
	if layout == "" || layout == layoutRFC3339 {
		layout = time.RFC3339
	}
	t, err := time.Parse(layout, string(text)) // takes a fraction of a second where the layout has none
	if err != nil {
		return 0, errTime
	}
	n := telemetry.TimeOf(t)
	if !n.Go().Equal(t) {
		return 0, errRange
	}
	return n, nil
}

// parseUnix reads a decimal in units of 10^places ns exactly; what is below 1 ns is cut off.
func parseUnix(text []byte, decimal byte, places int) (telemetry.Time, error) {
	whole, fraction, _ := bytes.Cut(text, []byte{decimal})
	negative := len(whole) > 0 && whole[0] == '-'
	n, err := strconv.ParseInt(string(whole), 10, 64)
	if err != nil {
		if errors.Is(err, strconv.ErrRange) {
			return 0, errRange
		}
		return 0, errTime
	}
	unit := int64(1)
	for range places {
		unit *= 10
	}
	if n > math.MaxInt64/unit-1 || n < math.MinInt64/unit+1 {
		return 0, errRange
	}
	n *= unit
	for _, c := range fraction {
		if !digit(c) {
			return 0, errTime
		}
		unit /= 10
		if negative {
			n -= unit * int64(c-'0')
		} else {
			n += unit * int64(c-'0')
		}
	}
	return telemetry.Time(n), nil
}
