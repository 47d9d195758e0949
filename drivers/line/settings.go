package line

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"fieldpost/configs/setting"
	"fieldpost/drivers"
)

// DefaultMaxLine is the longest line in bytes unless max_line says otherwise: several times what loggers send, and a small
// part of what a stream without line ends would fill.
const DefaultMaxLine = 1024

const (
	minMaxLine = 16
	maxMaxLine = 1 << 20
)

// The formats.
const (
	CSV      = "csv"
	JSON     = "json"
	KeyValue = "keyvalue"
	Regex    = "regex"
)

var formats = []string{CSV, JSON, KeyValue, Regex}

// Settings is the line section of a device file: an instrument that sends lines of text.
type Settings struct {
	drivers.Attachment `yaml:",inline"`
	// How a line is written. csv: values with a separator between. json: an object per line. keyvalue: name=value or name:value, with blanks, commas or
	// semicolons between. regex: whatever match takes apart.
	Format string `yaml:"format"`
	// csv: what stands between fields. Left out, a comma, or a semicolon with a decimal comma. A blank stands for any run of blanks and tabs.
	Separator string `yaml:"separator"`
	// The decimal mark, "." or ",". json has a point always.
	Decimal string `yaml:"decimal"`
	// regex: a regular expression with a named group for each metric, such as T=(?P<temperature>[-0-9.]+). Best in single quotes.
	Match string `yaml:"match"`
	// Where a line has a time of its own. Left out, the time of arrival counts.
	Time *Time `yaml:"time"`
	// The longest line in bytes, from 16 to 1048576. Longer ones are counted and left out.
	MaxLine int `yaml:"max_line"`
}

// Time says where a line has its time and how it is written.
type Time struct {
	// Where in the line the time is: number, path, name or group, as for a metric.
	Field Field `yaml:"field"`
	// How it is written: rfc3339 (2026-03-01T12:00:00Z), unix (seconds since 1970), unix_ms, or a layout of Go's package time, such as
	// 2006-01-02 15:04:05. It is UTC where it has no zone.
	Layout string `yaml:"layout"`
}

// Address is what the driver adds to each metric.
type Address struct {
	// Where in the line the value is. csv: the number of the field, counted from 1. json: the path with dots, places in lists counted from 0:
	// sensors.0.t; a backslash before a dot that belongs to a name. keyvalue: the name. regex: the group. But for csv it may be left out: the
	// metric's own name.
	Field Field `yaml:"field"`
}

// Field is a field's number, name or path; a number in YAML will do.
type Field string

// UnmarshalText takes what stands there.
func (f *Field) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		return errors.New("empty field; leave it out for the metric's own name")
	}
	*f = Field(b)
	return nil
}

// Check implements setting.Checker.
func (s *Settings) Check(problem, warning setting.Problem) {
	s.CheckAttachment(problem, warning)
	switch {
	case s.Format == "":
		problem("format", "format is missing: one of %s", strings.Join(formats, ", "))
		return
	case !slices.Contains(formats, s.Format):
		problem("format", "unknown format %q; want one of %s%s", s.Format, strings.Join(formats, ", "), setting.DidYouMean(s.Format, formats))
		return
	}
	if s.Separator != "" && s.Format != CSV {
		problem("separator", "only csv has a separator")
	} else if err := s.checkSeparator(); err != nil {
		problem("separator", "%v", err)
	}
	switch {
	case s.Decimal == "" || s.Decimal == "." || s.Decimal == "," && s.Format != JSON:
	case s.Decimal == ",":
		problem("decimal", "json has a decimal point always")
	default:
		problem("decimal", `decimal %q: use "." or ","`, s.Decimal)
	}
	if s.Match != "" && s.Format != Regex {
		problem("match", "only regex has a match")
	} else if _, err := s.expression(); s.Format == Regex && err != nil {
		problem("match", "%v", err)
	}
	if s.MaxLine != 0 && (s.MaxLine < minMaxLine || s.MaxLine > maxMaxLine) {
		problem("max_line", "max_line %d: use %d to %d bytes", s.MaxLine, minMaxLine, maxMaxLine)
	}
	if s.Time != nil {
		if s.Time.Field == "" {
			problem("time.field", "field is missing: where in the line the time is")
		}
		if err := checkLayout(s.Time.Layout); err != nil {
			problem("time.layout", "%v", err)
		}
	}
}

func (s *Settings) checkSeparator() error {
	switch sep := s.separator(); {
	case strings.ContainsAny(sep, "\r\n\x00"):
		return errors.New("a line end cannot separate the fields of a line")
	case strings.Contains(sep, `"`):
		return errors.New("a quotation mark cannot separate fields: it encloses them")
	case s.Decimal != "" && sep == s.Decimal:
		return fmt.Errorf("%q cannot separate fields and be the decimal mark", sep)
	}
	return nil
}

// separator returns the csv separator that is meant.
func (s *Settings) separator() string {
	switch {
	case s.Separator != "":
		return s.Separator
	case s.Decimal == ",":
		return ";"
	}
	return ","
}

// expression compiles Match.
func (s *Settings) expression() (*regexp.Regexp, error) {
	if s.Match == "" {
		return nil, errors.New(`match is missing: an expression with named groups, such as T=(?P<temperature>[-0-9.]+)`)
	}
	re, err := regexp.Compile(s.Match)
	if err != nil {
		return nil, fmt.Errorf("match: %w", err)
	}
	return re, nil
}

func (s *Settings) decimal() byte {
	if s.Decimal == "," {
		return ','
	}
	return '.'
}

func (s *Settings) maxLine() int {
	if s.MaxLine == 0 {
		return DefaultMaxLine
	}
	return s.MaxLine
}
