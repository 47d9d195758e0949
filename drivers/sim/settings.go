package sim

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"fieldpost/configs/setting"
	"fieldpost/drivers"
	"fieldpost/telemetry"
)

// Settings is what stands under the key sim of a device file.
type Settings struct {
	drivers.Detached `yaml:",inline"`
	Seed             uint64           `yaml:"seed"`       // another seed, other values
	Interval         setting.Duration `yaml:"interval"`   // between samples, default 1s
	Stamp            bool             `yaml:"stamp"`      // samples carry the time of the instrument's own clock; otherwise that of arrival
	ClockStep        *ClockStep       `yaml:"clock_step"` // what is wrong with that clock; left out: nothing
}

// ClockStep makes the instrument's clock jump ahead, and at the next turn back to the right time, and so on.
type ClockStep struct {
	Every setting.Duration `yaml:"every"` // between two jumps
	By    setting.Duration `yaml:"by"`    // how far
}

// The shapes.
const (
	Sine     = "sine"
	Square   = "square"
	Step     = "step"
	Walk     = "walk"
	Counter  = "counter"
	Constant = "constant"
)

var shapes = []string{Sine, Square, Step, Walk, Counter, Constant}

// Address is what the driver adds to each metric. Chances are between 0 (default: never) and 1.
type Address struct {
	// Shape is sine or square (a cycle per period between min and max; a square begins high), step (a random level between min and max, held for
	// a period), walk (begins in the middle, goes on by a random step, turns back at min and max), counter (begins at min, grows by step,
	// starts again at min after max if there is one) or constant (value).
	Shape  string           `yaml:"shape"`
	Min    float64          `yaml:"min"`    // default 0
	Max    *float64         `yaml:"max"`    // default 100 above min; a counter: none
	Period setting.Duration `yaml:"period"` // sine, square, step: default 1m
	Step   *float64         `yaml:"step"`   // walk: standard deviation of a sample's step, default a hundredth of the range; counter: growth per sample, default 1
	Value  float64          `yaml:"value"`  // constant

	Drift    float64 `yaml:"drift"`    // growth per hour
	Noise    float64 `yaml:"noise"`    // standard deviation
	Spikes   float64 `yaml:"spikes"`   // chance per sample to be off by one to three times the range
	Stuck    float64 `yaml:"stuck"`    // chance per sample to be repeated 5 to 60 times
	Dropouts float64 `yaml:"dropouts"` // chance per sample to be the first of 1 to 30 that are missing

	Decimals int `yaml:"decimals"` // what the display shows: places behind the point, 0 to 12, default 3
}

// DefaultDecimals is how many places behind the point a value has unless decimals says otherwise.
const DefaultDecimals = 3

const (
	minInterval   = time.Millisecond
	maxDecimals   = 12
	defaultRange  = 100
	defaultPeriod = time.Minute

	// largest keeps sums finite and integers exact: 2^53 has 16 digits.
	largest = 1e15
)

// Check implements setting.Checker.
func (s *Settings) Check(problem, warning setting.Problem) {
	if s.Interval.Go() < minInterval {
		problem("interval", "interval %s: use %v or more", s.Interval, minInterval)
	}
	c := s.ClockStep
	if c == nil {
		return
	}
	if !s.Stamp {
		warning("clock_step", "without stamp: true nobody sees the instrument's clock")
	}
	if c.Every.Go() <= 0 {
		problem("clock_step.every", "every is missing: how often the clock jumps, such as 10m")
	}
	if c.By.Go() <= 0 {
		problem("clock_step.by", "by is missing: how far the clock jumps, such as 1h")
	}
}

// check reports what is wrong with a as the address of m: *drivers.MetricError, joined.
func (a *Address) check(m drivers.Metric) error {
	var problems []error
	problem := func(key, format string, args ...any) {
		problems = append(problems, &drivers.MetricError{Metric: m.Name, Key: key, Err: fmt.Errorf(format, args...)})
	}
	switch {
	case a.Shape == "":
		problem("shape", "shape is missing: one of %s", strings.Join(shapes, ", "))
	case !slices.Contains(shapes, a.Shape):
		problem("shape", "unknown shape %q; want one of %s%s", a.Shape, strings.Join(shapes, ", "), setting.DidYouMean(a.Shape, shapes))
	case m.Kind == telemetry.KindText:
		problem("shape", "a sim makes numbers and booleans, no text")
	}
	for _, n := range []struct {
		key   string
		value float64
	}{{"min", a.Min}, {"max", a.max()}, {"value", a.Value}, {"drift", a.Drift}, {"noise", a.Noise}} {
		switch {
		case n.key == "max" && a.Max == nil: // a counter has none
		case !(math.Abs(n.value) <= largest):
			problem(n.key, "%s %v: use -%g to %g", n.key, n.value, largest, largest)
		case n.key == "noise" && n.value < 0:
			problem("noise", "noise %v: a standard deviation cannot be negative", n.value)
		}
	}
	if s := a.Step; s != nil && !(*s >= 0 && *s <= largest) {
		problem("step", "step %v: use 0 to %g", *s, largest)
	}
	if a.max() <= a.Min {
		problem("max", "max %v is not above min %v", a.max(), a.Min)
	} else if a.Shape == Counter && a.step() > a.span() {
		problem("step", "step %v is longer than from min to max", a.step())
	}
	for _, c := range []struct {
		key    string
		chance float64
	}{{"spikes", a.Spikes}, {"stuck", a.Stuck}, {"dropouts", a.Dropouts}} {
		if !(c.chance >= 0 && c.chance <= 1) {
			problem(c.key, "%s %v: a chance is between 0 and 1", c.key, c.chance)
		}
	}
	if a.Decimals < 0 || a.Decimals > maxDecimals {
		problem("decimals", "decimals %d: use 0 to %d", a.Decimals, maxDecimals)
	}
	return errors.Join(problems...)
}

// max returns the upper end, +Inf for a counter without one.
func (a *Address) max() float64 {
	switch {
	case a.Max != nil:
		return *a.Max
	case a.Shape == Counter:
		return math.Inf(1)
	}
	return a.Min + defaultRange
}

// span returns the width of the range, as spikes and steps measure it.
func (a *Address) span() float64 {
	if s := a.max() - a.Min; !math.IsInf(s, 0) {
		return s
	}
	return defaultRange
}

func (a *Address) step() float64 {
	switch {
	case a.Step != nil:
		return *a.Step
	case a.Shape == Counter:
		return 1
	}
	return a.span() / 100
}

// cycle returns the period in samples: at least 1.
func (a *Address) cycle(interval time.Duration) int64 {
	period := a.Period.Go()
	if period == 0 {
		period = defaultPeriod
	}
	return max(1, int64(period/interval))
}
