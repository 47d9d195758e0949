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

// Settings is the sim section of a device file: no instrument, but values that are made up.
type Settings struct {
	drivers.Detached `yaml:",inline"`
	// The same seed gives the same values at each start; another seed, other values.
	Seed uint64 `yaml:"seed"`
	// The time between two samples, at least 1ms.
	Interval setting.Duration `yaml:"interval"`
	// true: readings carry the time of an instrument's own clock. false: that of their arrival.
	Stamp bool `yaml:"stamp"`
	// What is wrong with the clock of stamp. Left out, nothing.
	ClockStep *ClockStep `yaml:"clock_step"`
}

// ClockStep makes the instrument's clock jump ahead, and at the next turn back to the right time, and so on.
type ClockStep struct {
	// The time between two jumps.
	Every setting.Duration `yaml:"every"`
	// How far it jumps ahead; the next jump is back to the right time.
	By setting.Duration `yaml:"by"`
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

// Address is what the driver adds to each metric.
type Address struct {
	// How the value moves. sine and square: a cycle per period between min and max; a square begins high. step: a random level between min and max, held for
	// a period. walk: begins in the middle, goes on by random steps, turns back at min and max. counter: begins at min, grows by step, starts again
	// after max if there is one. constant: always value.
	Shape string `yaml:"shape"`
	// The lowest value.
	Min float64 `yaml:"min"`
	// The highest value. Left out, 100 above min; a counter has none then.
	Max *float64 `yaml:"max"`
	// How long a cycle of sine and square or a level of step lasts.
	Period setting.Duration `yaml:"period"`
	// walk: the standard deviation of a step; left out, a hundredth of the range. counter: how much it grows per sample; left out, 1.
	Step *float64 `yaml:"step"`
	// The value of a constant.
	Value float64 `yaml:"value"`

	// How much it grows in an hour, as an ageing sensor does.
	Drift float64 `yaml:"drift"`
	// The standard deviation of noise.
	Noise float64 `yaml:"noise"`
	// The chance of a sample, from 0 to 1, to be off by one to three times the range.
	Spikes float64 `yaml:"spikes"`
	// The chance of a sample, from 0 to 1, to be repeated 5 to 60 times.
	Stuck float64 `yaml:"stuck"`
	// The chance of a sample, from 0 to 1, to be the first of 1 to 30 that are missing.
	Dropouts float64 `yaml:"dropouts"`

	// How many places behind the point the display has, from 0 to 12.
	Decimals int `yaml:"decimals"`
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
