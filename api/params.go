package api

import (
	"encoding"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"fieldpost/configs/setting"
	"fieldpost/telemetry"
)

// badRequest is an error of the client's, answered with 400.
type badRequest struct{ text string }

func (e badRequest) Error() string { return e.text }

func badParam(name string, err error) error {
	return badRequest{fmt.Sprintf("parameter %s: %v", name, err)}
}

// params reads a request's query and remembers the first mistake.
type params struct {
	values url.Values
	err    error
}

// readParams takes the query apart. Each parameter must be one of known and stand there once; an empty one counts as left out.
func readParams(r *http.Request, known ...string) *params {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return &params{err: badRequest{"query: " + err.Error()}}
	}
	p := &params{values: values}
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names) // the same mistake gives the same answer
	for _, name := range names {
		switch {
		case !slices.Contains(known, name) && len(known) == 0:
			p.err = badRequest{fmt.Sprintf("unknown parameter %q; there are none here", name)}
		case !slices.Contains(known, name):
			p.err = badRequest{fmt.Sprintf("unknown parameter %q; use %s", name, strings.Join(known, ", "))}
		case len(values[name]) > 1:
			p.err = badParam(name, errors.New("given more than once"))
		default:
			continue
		}
		return p
	}
	return p
}

// read hands the parameter to parse unless it is left out or there was a mistake before. It reports whether parse took it.
func (p *params) read(name string, parse func(string) error) bool {
	s := p.values.Get(name)
	if p.err != nil || s == "" {
		return false
	}
	if err := parse(s); err != nil {
		p.err = badParam(name, err)
		return false
	}
	return true
}

func (p *params) filter() Filter {
	return Filter{Node: p.node(), Device: p.name("device"), Metric: p.name("metric")}
}

func (p *params) node() (s string) {
	p.read("node", func(v string) error { s = v; return telemetry.CheckNode(v) })
	return s
}

func (p *params) name(param string) (s string) {
	p.read(param, func(v string) error { s = v; return telemetry.CheckName(v) })
	return s
}

// span reads from and to. Left out, they are the ends of time.
func (p *params) span() (from, to telemetry.Time) {
	from, to = math.MinInt64, math.MaxInt64
	p.read("from", func(v string) (err error) { from, err = parseTime(v); return err })
	p.read("to", func(v string) (err error) {
		if to, err = parseTime(v); err == nil && to < from {
			err = errors.New("before from")
		}
		return err
	})
	return from, to
}

// duration reads a span of at least 1 ms.
func (p *params) duration(name string) (d time.Duration, given bool) {
	given = p.read(name, func(v string) error {
		var s setting.Duration
		if err := s.UnmarshalText([]byte(v)); err != nil {
			return err
		}
		if d = s.Go(); d < time.Millisecond {
			return errors.New("at least 1ms")
		}
		return nil
	})
	return d, given
}

// wait reads wait, cut to maxFeedWait.
func (p *params) wait() (d time.Duration) {
	p.read("wait", func(v string) error {
		var s setting.Duration
		err := s.UnmarshalText([]byte(v))
		d = min(s.Go(), maxFeedWait)
		return err
	})
	return d
}

// limit reads limit, or returns 0.
func (p *params) limit() (n int) {
	p.read("limit", func(v string) error {
		u, err := strconv.ParseUint(v, 10, 31)
		if err != nil || u == 0 {
			return fmt.Errorf("%q: want a whole number from 1 on", v)
		}
		n = int(u)
		return nil
	})
	return n
}

func (p *params) descending() (d bool) {
	p.read("order", func(v string) error {
		d = v == "desc"
		if v != "asc" && v != "desc" {
			return fmt.Errorf("%q: want asc or desc", v)
		}
		return nil
	})
	return d
}

func (p *params) format(of ...format) (f format) {
	f = formatJSON
	p.read("format", func(v string) error {
		f = format(v)
		if !slices.Contains(of, f) {
			return fmt.Errorf("%q: want one of %s", v, joinFormats(of))
		}
		return nil
	})
	return f
}

// parseTime reads RFC 3339, or Unix seconds with up to nine digits after the point.
func parseTime(s string) (telemetry.Time, error) {
	if strings.IndexFunc(s, func(r rune) bool { return (r < '0' || r > '9') && r != '.' && r != '-' }) < 0 && strings.LastIndexByte(s, '-') <= 0 {
		return parseUnix(s)
	}
	// A + that was not written %2B arrives as a space; RFC 3339 has none in that place.
	if i := len(s) - len("+00:00"); i > 0 && s[i] == ' ' {
		s = s[:i] + "+" + s[i+1:]
	}
	var t time.Time
	if err := (encoding.TextUnmarshaler)(&t).UnmarshalText([]byte(s)); err != nil {
		return 0, fmt.Errorf("%q: want RFC 3339, such as 2026-07-01T12:00:00Z, or Unix seconds", s)
	}
	return telemetry.TimeOf(t), nil
}

func parseUnix(s string) (telemetry.Time, error) {
	number, negative := strings.CutPrefix(s, "-")
	whole, fraction, point := strings.Cut(number, ".")
	seconds, err := strconv.ParseInt(whole, 10, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) || point && fraction == "" || strings.Contains(fraction, ".") {
		return 0, fmt.Errorf("%q: want RFC 3339, such as 2026-07-01T12:00:00Z, or Unix seconds", s)
	}
	if len(fraction) > 9 {
		return 0, fmt.Errorf("%q: at most nine digits after the point", s)
	}
	if err != nil || seconds >= math.MaxInt64/int64(time.Second) {
		return 0, fmt.Errorf("%q: beyond the year 2262 or before 1677; want seconds, not milliseconds", s)
	}
	nano := int64(0)
	if fraction != "" {
		if nano, err = strconv.ParseInt((fraction + "000000000")[:9], 10, 64); err != nil {
			return 0, fmt.Errorf("%q: want Unix seconds", s)
		}
	}
	t := seconds*int64(time.Second) + nano
	if negative {
		t = -t
	}
	return telemetry.Time(t), nil
}
