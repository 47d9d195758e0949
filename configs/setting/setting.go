// Package setting holds the leaf types of the configuration files: durations, sizes, and how a settings
// struct reports what is wrong with it. All packages that have settings import it; it imports nothing of ours.
package setting

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Problem reports something wrong at path: YAML keys joined by dots, list places as [0], relative to the struct that is checked
// ("" is the struct itself). The loader adds file, line and column.
type Problem func(path, format string, args ...any)

// Checker is a settings struct that can tell what is wrong with its values. A problem stops the program; a warning is shown.
// The loader calls it once for every struct it finds, after the whole file has been read. A value that could not be read holds its
// default then, and what Check says about it is left out, so that one mistake gives one message.
type Checker interface {
	Check(problem, warning Problem)
}

// Defaulter is a settings struct that knows its defaults. The loader calls it on a zero struct before it reads the file over it.
// A list, map or pointer that the file names replaces a default whole.
type Defaulter interface {
	SetDefaults()
}

// Filer is a settings struct that names files, secrets mostly. The loader makes their paths relative to the file that
// names them, and reports those that cannot be read.
type Filer interface {
	Files() []File
}

// FileChecker is a Filer that can tell what is wrong inside its files. The loader calls it after Check, once the paths are what they mean, and only if
// every file could be opened. It reads little, and from regular files only.
type FileChecker interface {
	Filer
	CheckFiles(problem, warning Problem)
}

// File is one path in a settings struct.
type File struct {
	Path  string  // as for Problem
	Value *string // "" is no file
}

// Duration is a time span written with the units ms, s, m, h, d and w: 500ms, 1h30m, 30d.
type Duration time.Duration

// Go returns d as a time.Duration.
func (d Duration) Go() time.Duration { return time.Duration(d) }

type durationUnit struct {
	name string
	size time.Duration
}

var durationUnits = []durationUnit{
	{"w", 7 * 24 * time.Hour}, {"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}, {"ms", time.Millisecond},
}

// UnmarshalText reads one or more numbers with units, none of them negative; 0 needs no unit.
func (d *Duration) UnmarshalText(b []byte) error {
	if string(b) == "0" {
		*d = 0
		return nil
	}
	var sum int64
	for s := string(b); ; {
		digits := strings.IndexFunc(s, func(r rune) bool { return (r < '0' || r > '9') && r != '.' })
		if digits <= 0 {
			return fmt.Errorf("duration %q: write a number and a unit out of ms, s, m, h, d, w, such as 500ms or 1h30m", b)
		}
		number, rest := s[:digits], s[digits:]
		end := strings.IndexFunc(rest, func(r rune) bool { return r >= '0' && r <= '9' || r == '.' })
		if end < 0 {
			end = len(rest)
		}
		i := slices.IndexFunc(durationUnits, func(u durationUnit) bool { return u.name == rest[:end] })
		if i < 0 {
			return fmt.Errorf("duration %q: %q is no unit; write ms, s, m, h, d or w", b, rest[:end])
		}
		part, err := times(number, int64(durationUnits[i].size))
		if err == nil && part > math.MaxInt64-sum {
			err = strconv.ErrRange
		}
		switch {
		case errors.Is(err, strconv.ErrRange):
			return fmt.Errorf("duration %q is longer than 292 years", b)
		case err != nil:
			return fmt.Errorf("duration %q: %q is not a number", b, number)
		}
		sum += part
		if s = rest[end:]; s == "" {
			*d = Duration(sum)
			return nil
		}
	}
}

// times returns number × unit, rounded, where number is decimal digits with at most one point: exactly if there is none.
func times(number string, unit int64) (int64, error) {
	if strings.Trim(number, "0123456789.") != "" {
		return 0, strconv.ErrSyntax // what ParseFloat takes beyond that: signs, exponents, hexadecimal, nan
	}
	if !strings.Contains(number, ".") {
		n, err := strconv.ParseInt(number, 10, 64)
		if err == nil && n > math.MaxInt64/unit {
			err = strconv.ErrRange
		}
		return n * unit, err
	}
	f, err := strconv.ParseFloat(number, 64)
	if err == nil && f*float64(unit) >= math.MaxInt64 {
		err = strconv.ErrRange
	}
	if err != nil {
		return 0, err
	}
	return int64(math.Round(f * float64(unit))), nil
}

// String writes d so that UnmarshalText reads the same back, to the millisecond.
func (d Duration) String() string {
	rest := time.Duration(d).Round(time.Millisecond)
	if rest <= 0 {
		return "0"
	}
	var b strings.Builder
	for _, u := range durationUnits {
		if n := rest / u.size; n > 0 {
			fmt.Fprintf(&b, "%d%s", n, u.name)
			rest -= n * u.size
		}
	}
	return b.String()
}

// MarshalText is String for encoders.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// Size is a number of bytes written with the units KiB, MiB and GiB: 512KiB, 2GiB.
type Size int64

var sizeUnits = []struct {
	name string
	size int64
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}}

// UnmarshalText reads a number with a unit; 0 needs no unit.
func (s *Size) UnmarshalText(b []byte) error {
	text := strings.TrimSpace(string(b))
	if text == "0" {
		*s = 0
		return nil
	}
	for _, u := range sizeUnits {
		number, ok := strings.CutSuffix(text, u.name)
		if !ok {
			continue
		}
		n, err := times(strings.TrimSpace(number), u.size)
		if errors.Is(err, strconv.ErrRange) {
			return fmt.Errorf("size %q is more than 8 EiB", b)
		}
		if err != nil {
			break
		}
		*s = Size(n)
		return nil
	}
	return fmt.Errorf("size %q: write a number and a unit out of KiB, MiB, GiB, such as 512MiB", b)
}

// String writes s in the largest unit that holds it exactly.
func (s Size) String() string {
	if s == 0 {
		return "0"
	}
	for _, u := range sizeUnits {
		if int64(s)%u.size == 0 {
			return strconv.FormatInt(int64(s)/u.size, 10) + u.name
		}
	}
	return strconv.FormatInt(int64(s), 10) + "B"
}

// MarshalText is String for encoders.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
