package sim_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"fieldpost/configs/setting"
	"fieldpost/drivers"
	"fieldpost/drivers/sim"
	"fieldpost/telemetry"
)

func TestCheck(t *testing.T) {
	for name, c := range map[string]struct {
		settings sim.Settings
		want     string
	}{
		"defaults":   {*sim.Kind().Settings().(*sim.Settings), ""},
		"interval":   {sim.Settings{}, "interval: interval 0: use 1ms or more"},
		"clock step": {sim.Settings{Interval: seconds(1), Stamp: true, ClockStep: &sim.ClockStep{}}, "clock_step.every: every is missing; clock_step.by: by is missing"},
		"unseen":     {sim.Settings{Interval: seconds(1), ClockStep: &sim.ClockStep{Every: seconds(1), By: seconds(1)}}, "clock_step: without stamp: true nobody sees the instrument's clock"},
	} {
		var got []string
		say := func(path, format string, args ...any) {
			text, _, _ := strings.Cut(fmt.Sprintf(format, args...), ": how")
			got = append(got, path+": "+text)
		}
		c.settings.Check(say, say)
		if got := strings.Join(got, "; "); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

func TestAddressErrors(t *testing.T) {
	for _, c := range []struct {
		address sim.Address
		kind    telemetry.Kind
		key     string
		says    string
	}{
		{sim.Address{}, 0, "shape", "shape is missing: one of sine"},
		{sim.Address{Shape: "sin"}, 0, "shape", `did you mean "sine"`},
		{sim.Address{Shape: sim.Sine}, telemetry.KindText, "shape", "no text"},
		{sim.Address{Shape: sim.Sine, Min: 5, Max: ptr(5)}, 0, "max", "max 5 is not above min 5"},
		{sim.Address{Shape: sim.Sine, Min: math.NaN()}, 0, "min", "min NaN: use -1e+15 to 1e+15"},
		{sim.Address{Shape: sim.Walk, Step: ptr(-1)}, 0, "step", "step -1: use 0 to 1e+15"},
		{sim.Address{Shape: sim.Counter, Step: ptr(200), Max: ptr(100)}, 0, "step", "longer than from min to max"},
		{sim.Address{Shape: sim.Sine, Noise: -1}, 0, "noise", "cannot be negative"},
		{sim.Address{Shape: sim.Sine, Spikes: 1.5}, 0, "spikes", "between 0 and 1"},
		{sim.Address{Shape: sim.Sine, Stuck: math.NaN()}, 0, "stuck", "between 0 and 1"},
		{sim.Address{Shape: sim.Sine, Dropouts: -0.1}, 0, "dropouts", "between 0 and 1"},
		{sim.Address{Shape: sim.Sine, Decimals: 13}, 0, "decimals", "use 0 to 12"},
	} {
		d := tank(sim.Settings{}, c.address)
		d.Metrics[0].Kind = c.kind
		_, err := sim.Kind().New(drivers.Bus{}, []drivers.Device{d}, nil)
		m, ok := errors.AsType[*drivers.MetricError](err)
		if !ok || m.Metric != "level" || m.Key != c.key || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: got %v, want %q at %s", c.address, err, c.says, c.key)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	one := tank(sim.Settings{}, sim.Address{Shape: sim.Sine})
	bare, foreign, restless := one, one, one
	restless.Settings = &sim.Settings{}
	bare.Metrics = nil
	foreign.Settings = &other{}
	for says, devices := range map[string][]drivers.Device{
		"0 devices":           nil,
		"2 devices":           {one, one},
		"needs metrics":       {bare},
		"interval 0":          {restless},
		"not those of sim":    {foreign},
		"not one of sim":      {{Name: "x", Settings: one.Settings, Metrics: []drivers.Metric{{Name: "y"}}}},
		"metric level: shape": {tank(sim.Settings{}, sim.Address{})},
	} {
		if _, err := sim.Kind().New(drivers.Bus{}, devices, nil); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("got %v, want %q", err, says)
		}
	}
}

type other struct{ drivers.Detached }

// Whatever a file can say, a driver that New makes gives values that JSON and the codec can carry.
func FuzzValues(f *testing.F) {
	f.Add("sine", 0., 100., 1., 0.1, 0.1, 0.1, 0.1, 0.1, 3, int64(time.Minute))
	f.Add("walk", -1e308, 1e308, 1e308, 1e300, 1., 1., 0., 0., 12, int64(1))
	f.Add("counter", 0., 5e-324, 5e-324, 0., 0., 0., 0., 0., 0, int64(0))
	f.Add("step", -5., -4., 0., 1e308, 1., 0., 0.5, 1e308, 0, int64(-1))
	f.Fuzz(func(t *testing.T, shape string, low, high, step, noise, spikes, stuck, dropouts, drift float64, decimals int, period int64) {
		a := sim.Address{
			Shape: shape, Min: low, Max: &high, Step: &step, Noise: noise, Spikes: spikes, Stuck: stuck, Dropouts: dropouts, Drift: drift,
			Decimals: decimals, Period: setting.Duration(max(0, period)),
		}
		for _, kind := range []telemetry.Kind{telemetry.KindFloat, telemetry.KindInt, telemetry.KindBool} {
			d := tank(sim.Settings{Seed: 1}, a)
			d.Metrics[0].Kind = kind
			if _, err := sim.Kind().New(drivers.Bus{}, []drivers.Device{d}, nil); err != nil {
				return
			}
			for _, r := range run(t, d, 20) {
				for _, s := range r.samples {
					if v, ok := s.Value.Number(); s.Value.Kind() != kind || ok && math.IsNaN(v) {
						t.Fatalf("%+v gives %v", a, s.Value)
					}
				}
			}
		}
	})
}
