package replay

import (
	"errors"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"fieldpost/telemetry"
)

var (
	errEmpty = errors.New("is empty")
	errRange = errors.New("is out of range")
	errTime  = errors.New("is not a time of the layout")
)

func parseTime(s, layout string) (telemetry.Time, error) {
	switch layout {
	case RFC3339:
		t, err := time.Parse(time.RFC3339, s)
		if err != nil {
			return 0, errTime
		}
		n := telemetry.TimeOf(t)
		if !n.Go().Equal(t) {
			return 0, errRange
		}
		return n, nil
	case Unix:
		return parseUnix(s, time.Second)
	}
	return parseUnix(s, time.Millisecond)
}

// parseUnix reads a decimal number of units exactly; what is below 1 ns is cut off.
func parseUnix(s string, unit time.Duration) (telemetry.Time, error) {
	whole, fraction, _ := strings.Cut(s, ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	switch {
	case errors.Is(err, strconv.ErrRange):
		return 0, errRange
	case err != nil:
		return 0, errTime
	case n > math.MaxInt64/int64(unit)-1 || n < math.MinInt64/int64(unit)+1:
		return 0, errRange
	}
	at, sign := n*int64(unit), int64(1)
	if s[0] == '-' {
		sign = -1
	}
	for _, c := range []byte(fraction) {
		if c < '0' || c > '9' {
			return 0, errTime
		}
		unit /= 10
		at += sign * int64(c-'0') * int64(unit)
	}
	return telemetry.Time(at), nil
}

// parseValue reads s as the metric's type. A number that is none is kept, and bad.
func parseValue(s string, kind telemetry.Kind) (v telemetry.Value, q telemetry.Quality, err error) {
	if s == "" && kind != telemetry.KindText {
		return v, q, errEmpty
	}
	switch kind {
	case telemetry.KindInt:
		i, err := strconv.ParseInt(s, 10, 64)
		return telemetry.Int(i), q, cause(err, "is not an integer")
	case telemetry.KindBool:
		switch strings.ToLower(s) {
		case "true", "1":
			return telemetry.Bool(true), q, nil
		case "false", "0":
			return telemetry.Bool(false), q, nil
		}
		return v, q, errors.New("is not true, false, 1 or 0")
	case telemetry.KindText:
		return telemetry.Text(strings.ToValidUTF8(s, "�")), q, nil
	}
	f, err := strconv.ParseFloat(s, 64)
	if strings.ContainsAny(s, "xX_") {
		err = strconv.ErrSyntax // what Go takes and no instrument means
	}
	if math.IsNaN(f) || math.IsInf(f, 0) {
		q = telemetry.Bad
	}
	return telemetry.Float(f), q, cause(err, "is not a number")
}

// cause puts what strconv says into words for whoever made the recording.
func cause(err error, not string) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, strconv.ErrRange):
		return errRange
	}
	return errors.New(not)
}

func sortedKeys(m map[string]bool) []string { return slices.Sorted(maps.Keys(m)) }
