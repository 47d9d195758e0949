package nmea

import (
	"errors"
	"time"

	"fieldpost/telemetry"
)

var (
	errTime = errors.New("is not a time of day")
	errDate = errors.New("is not a date")
)

const (
	day     = telemetry.Time(24 * time.Hour)
	halfDay = day / 2
)

// forget is how long a silence is after which nobody knows the day any more.
const forget = time.Hour

// clock gives sentences without a date the day on which they were sent.
type clock struct {
	last  telemetry.Time // of a sentence with a fix
	known bool
}

// set notes an instant and returns it.
func (c *clock) set(t telemetry.Time) telemetry.Time {
	c.last, c.known = t, true
	return t
}

// near returns the instant of a time of day that is nearest to the last one, or 0 if there is none.
func (c *clock) near(ofDay telemetry.Time) telemetry.Time {
	if !c.known {
		return 0
	}
	t := c.last - c.last%day + ofDay
	switch {
	case t-c.last > halfDay:
		t -= day
	case c.last-t > halfDay:
		t += day
	}
	return c.set(t)
}

// timeOfDay reads hhmmss.sss. The leap second is the first of the next day.
func timeOfDay(b []byte) (telemetry.Time, error) {
	if len(b) < 6 || len(b) > 6 && b[6] != '.' {
		return 0, errTime
	}
	h, m, s := twoDigits(b), twoDigits(b[2:]), twoDigits(b[4:])
	leap := h == 23 && m == 59 && s == 60
	if h < 0 || h > 23 || m < 0 || m > 59 || s < 0 || s > 59 && !leap {
		return 0, errTime
	}
	t := telemetry.Time((h*60+m)*60+s) * telemetry.Time(time.Second)
	if len(b) > 7 {
		unit := telemetry.Time(time.Second)
		for _, c := range b[7:] {
			if c < '0' || c > '9' {
				return 0, errTime
			}
			unit /= 10
			t += unit * telemetry.Time(c-'0')
		}
	}
	return t, nil
}

// The years that a date of four digits may have: GPS time began in the first, telemetry.Time ends after the last.
const (
	firstYear = 1980
	lastYear  = 2261
)

// shortDate reads ddmmyy as the beginning of a day. The years are 1980 to 2079.
func shortDate(b []byte) (telemetry.Time, error) {
	if len(b) != 6 {
		return 0, errDate
	}
	year := twoDigits(b[4:])
	if year < firstYear%100 {
		year += 100
	}
	return date(1900+year, twoDigits(b[2:]), twoDigits(b))
}

// date returns the beginning of a day.
func date(year, month, dayOf int) (telemetry.Time, error) {
	t := time.Date(year, time.Month(month), dayOf, 0, 0, 0, 0, time.UTC)
	if t.Year() != year || int(t.Month()) != month || t.Day() != dayOf {
		return 0, errDate
	}
	return telemetry.TimeOf(t), nil
}

// twoDigits returns the number that b begins with, far below 0 if it does not.
func twoDigits(b []byte) int {
	if b[0] < '0' || b[0] > '9' || b[1] < '0' || b[1] > '9' {
		return -1000
	}
	return int(b[0]-'0')*10 + int(b[1]-'0')
}
