// Package telemetry holds Fieldpost's nouns: reading, event, value, quality, series, lane, identity.
// It stands at the start of every import and imports nothing of ours. The words are those of
// ARCHITECTURE.md §1; where SenML (RFC 8428) or Sparkplug B have a word, it is theirs.
//
// All types are plain values, safe to copy and to read from several goroutines.
package telemetry

import (
	"fmt"
	"strconv"
	"time"
)

// Time is an instant in nanoseconds since 1970-01-01T00:00:00Z, without leap seconds. It reaches from 1677 to 2262.
type Time int64

// TimeOf converts a time.Time. An instant that Time cannot hold is clamped to the nearest one it can.
func TimeOf(t time.Time) Time {
	switch {
	case t.Before(minTime):
		return Time(minNano)
	case t.After(maxTime):
		return Time(maxNano)
	}
	return Time(t.UnixNano())
}

const (
	minNano = -1 << 63
	maxNano = 1<<63 - 1
)

var (
	minTime = time.Unix(0, minNano)
	maxTime = time.Unix(0, maxNano)
)

// Go returns t as a time.Time in UTC.
func (t Time) Go() time.Time { return time.Unix(0, int64(t)).UTC() }

// MarshalText is String for encoders.
func (t Time) MarshalText() ([]byte, error) { return t.AppendFormat(nil), nil }

// UnmarshalText reads RFC 3339.
func (t *Time) UnmarshalText(b []byte) error {
	g, err := time.Parse(time.RFC3339Nano, string(b))
	if err != nil {
		return fmt.Errorf("read time: %w", err)
	}
	*t = TimeOf(g)
	return nil
}

// Seconds returns t in seconds since 1970, to the precision of a float64 (about a microsecond).
func (t Time) Seconds() float64 { return float64(t) / 1e9 }

// String formats t as RFC 3339 in UTC with no more digits than needed out of 3, 6 and 9.
func (t Time) String() string { return string(t.AppendFormat(nil)) }

// AppendFormat appends what String returns. An answer of the API has two times a reading: package time's own would be a third of its work.
func (t Time) AppendFormat(b []byte) []byte {
	const day = 24 * 60 * 60 * 1e9
	days, ofDay := t/day, t%day
	if ofDay < 0 {
		days, ofDay = days-1, ofDay+day
	}
	year, month, date := calendar(int(days)) // a year of four digits, always
	second, fraction := uint(ofDay/1e9), uint(ofDay%1e9)
	const full = "2006-01-02T15:04:05.000000000Z"
	b = append(b, full...)
	text := b[len(b)-len(full):][:len(full)]
	pair := func(at int, v uint) { text[at], text[at+1] = byte('0'+v/10), byte('0'+v%10) }
	pair(0, year/100)
	pair(2, year%100)
	pair(5, month)
	pair(8, date)
	pair(11, second/3600)
	pair(14, second/60%60)
	pair(17, second%60)
	end := len("2006-01-02T15:04:05.")
	for rest := fraction; end < 22 || rest > 0; end += 3 {
		three := rest / 1e6
		text[end] = byte('0' + three/100)
		pair(end+1, three%100)
		rest = rest % 1e6 * 1e3
	}
	text[end] = 'Z'
	return b[:len(b)-len(full)+end+1]
}

// calendar returns the Gregorian date of a day counted from 1970-01-01, from the year 0 on. Years are counted from March here, so that a leap day ends one, and
// five months in a row always have 153 days; 400 years have 146,097.
func calendar(days int) (year, month, date uint) {
	const years400, march0 = 146_097, 719_468 // 0000-03-01 is so many days before 1970-01-01
	n := uint(days + march0)
	year, n = n/years400*400, n%years400
	of400 := (n - n/(4*365) + n/(100*365+24) - n/(years400-1)) / 365
	n -= 365*of400 + of400/4 - of400/100
	month = (5*n + 2) / 153
	date = n - (153*month+2)/5 + 1
	year += of400
	if month < 10 {
		return year, month + 3, date
	}
	return year + 1, month - 9, date
}

// Quality says what a value is worth. Doubt about the clock is apart: see ClockState.
type Quality uint8

// The qualities, best first. The numbers are part of the frame format.
const (
	Good      Quality = iota // the sensor stands behind it
	Uncertain                // the sensor doubts itself
	Bad                      // not to be used: out of range, or a value that stands for "no probe"
)

var qualityNames = [...]string{"good", "uncertain", "bad"}

// String returns good, uncertain or bad.
func (q Quality) String() string { return name(qualityNames[:], uint8(q), "quality") }

// ParseQuality is the inverse of Quality.String.
func ParseQuality(s string) (Quality, error) {
	i, err := parseName(qualityNames[:], s, "quality")
	return Quality(i), err
}

// Lane is one numbered run of records on a node, with its own urgency. The numbers are part of the frame and wire formats.
type Lane uint8

// The lanes, most urgent first.
const (
	Alarm   Lane = iota // events: at once, dropped last
	Live                // what the reducers let through: within seconds
	Bulk                // metrics marked "lane: bulk": in big frames, inside windows and budgets
	Archive             // raw readings that the reducers held back: when asked for
	lanes
)

// Lanes lists all lanes, most urgent first.
func Lanes() []Lane { return []Lane{Alarm, Live, Bulk, Archive} }

var laneNames = [...]string{"alarm", "live", "bulk", "archive"}

// String returns the lane's name in configs, URLs and folders.
func (l Lane) String() string { return name(laneNames[:], uint8(l), "lane") }

// Valid reports whether l is one of the four lanes.
func (l Lane) Valid() bool { return l < lanes }

// ParseLane is the inverse of Lane.String.
func ParseLane(s string) (Lane, error) {
	i, err := parseName(laneNames[:], s, "lane")
	return Lane(i), err
}

// Epoch is 64 random bits drawn each time a node's journal is opened for append. Zero is no epoch.
type Epoch uint64

// String returns 16 hexadecimal digits.
func (e Epoch) String() string { return fmt.Sprintf("%016x", uint64(e)) }

// ParseEpoch is the inverse of Epoch.String.
func ParseEpoch(s string) (Epoch, error) {
	n, err := strconv.ParseUint(s, 16, 64)
	if err != nil || len(s) != 16 {
		return 0, fmt.Errorf("epoch %q: want 16 hexadecimal digits", s)
	}
	return Epoch(n), nil
}

// MarshalText is String for encoders: 64 bits are more than a JSON number can be trusted with.
func (e Epoch) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// UnmarshalText is ParseEpoch for decoders.
func (e *Epoch) UnmarshalText(b []byte) (err error) {
	*e, err = ParseEpoch(string(b))
	return err
}

// Identity names one record for ever: one identity, one content.
type Identity struct {
	Node  string
	Epoch Epoch
	Lane  Lane
	Seq   uint64
}

// String returns node/epoch/lane/sequence.
func (i Identity) String() string {
	return fmt.Sprintf("%s/%s/%s/%d", i.Node, i.Epoch, i.Lane, i.Seq)
}

// ClockState says how far a node trusted its wall clock while it took the records of a frame.
type ClockState uint8

// The clock states. The numbers are part of the frame format.
const (
	ClockUnset ClockState = iota // nothing vouches for it: times are as the system gave them and may be years off
	ClockFloor                   // no source, but not before the last time known on disk
	ClockLocal                   // a battery-backed or host-provided clock, or the operator's word
	ClockSync                    // the kernel says it is disciplined (NTP, PTP, GPS)
)

var clockNames = [...]string{"unset", "floor", "local", "sync"}

// String returns unset, floor, local or sync.
func (c ClockState) String() string { return name(clockNames[:], uint8(c), "clock state") }

// Doubtful reports whether readings taken under c are to be marked `clock: unset`.
func (c ClockState) Doubtful() bool { return c < ClockLocal }

// Boot identifies one run of a node's kernel.
type Boot struct {
	Ordinal uint32 // counts boots of this journal, from 1
	ID      uint64 // first 8 bytes of the kernel's boot id
}

// Series names what a reading is a reading of.
type Series struct {
	Node, Device, Metric string
}

// String returns node/device/metric.
func (s Series) String() string { return s.Node + "/" + s.Device + "/" + s.Metric }

// Reading is one value of one series at one time.
type Reading struct {
	Series  Series
	Time    Time
	Value   Value
	Quality Quality
}

func name(names []string, i uint8, what string) string {
	if int(i) < len(names) {
		return names[i]
	}
	return what + "(" + strconv.Itoa(int(i)) + ")"
}

func parseName(names []string, s, what string) (uint8, error) {
	for i, n := range names {
		if n == s {
			return uint8(i), nil
		}
	}
	return 0, fmt.Errorf("unknown %s %q", what, s)
}
