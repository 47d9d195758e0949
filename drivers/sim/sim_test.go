package sim_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"fieldpost/configs/setting"
	"fieldpost/drivers"
	"fieldpost/drivers/sim"
	"fieldpost/telemetry"
)

// report is one, and when it came.
type report struct {
	at      time.Time
	samples []drivers.Sample
}

// run runs a device over n intervals and returns its reports; after which time has gone on by so much.
func run(t *testing.T, d drivers.Device, n int) (out []report) {
	t.Helper()
	driver, err := sim.Kind().New(drivers.Bus{}, []drivers.Device{d}, nil)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) { out = runOn(t, driver, d, n) })
	return out
}

func runOn(t *testing.T, driver drivers.Driver, d drivers.Device, n int) (out []report) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Duration(n)*d.Settings.(*sim.Settings).Interval.Go())
	defer cancel()
	err := driver.Run(ctx, func(r drivers.Report) {
		if r.Device != d.Name || r.Err != nil {
			t.Errorf("report %+v", r)
		}
		out = append(out, report{time.Now(), slices.Clone(r.Samples)})
	})
	if err != context.DeadlineExceeded {
		t.Errorf("Run returned %v; want the context's error", err)
	}
	return out
}

// tank is a device with one metric.
func tank(s sim.Settings, a sim.Address) drivers.Device {
	if s.Interval == 0 {
		s.Interval = setting.Duration(time.Second)
	}
	return drivers.Device{Name: "tank", Settings: &s, Metrics: []drivers.Metric{{Name: "level", Address: &a}}}
}

// values returns the numbers of the one metric.
func values(reports []report) (out []float64) {
	for _, r := range reports {
		for _, s := range r.samples {
			v, _ := s.Value.Number()
			out = append(out, v)
		}
	}
	return out
}

func text(values []float64) string {
	var b strings.Builder
	for _, v := range values {
		fmt.Fprintf(&b, "%v ", v)
	}
	return strings.TrimSpace(b.String())
}

func seconds(n int) setting.Duration { return setting.Duration(time.Duration(n) * time.Second) }

func ptr(f float64) *float64 { return &f }

func TestShapes(t *testing.T) {
	for name, c := range map[string]struct {
		address sim.Address
		want    string
	}{
		"sine":     {sim.Address{Shape: sim.Sine, Min: -10, Max: ptr(10), Period: seconds(8), Decimals: 2}, "0 7.07 10 7.07 0 -7.07 -10 -7.07 0 7.07"},
		"square":   {sim.Address{Shape: sim.Square, Max: ptr(1), Period: seconds(5)}, "1 1 1 0 0 1 1 1 0 0"},
		"counter":  {sim.Address{Shape: sim.Counter, Min: 7, Step: ptr(0.1), Decimals: 1}, "7 7.1 7.2 7.3 7.4 7.5 7.6 7.7 7.8 7.9"},
		"wraps":    {sim.Address{Shape: sim.Counter, Max: ptr(6.5), Step: ptr(2)}, "0 2 4 6 0 2 4 6 0 2"},
		"constant": {sim.Address{Shape: sim.Constant, Value: 21.55, Decimals: 2}, "21.55 21.55 21.55 21.55 21.55 21.55 21.55 21.55 21.55 21.55"},
		"drift":    {sim.Address{Shape: sim.Constant, Drift: 3600}, "0 1 2 3 4 5 6 7 8 9"},
		"rounds":   {sim.Address{Shape: sim.Counter, Min: -0.04, Max: ptr(1), Step: ptr(0.02), Decimals: 1}, "0 0 0 0 0 0.1 0.1 0.1 0.1 0.1"},
		// Seeded: the same on every machine, for ever.
		"step": {sim.Address{Shape: sim.Step, Period: seconds(4), Decimals: 1}, "8.7 8.7 8.7 8.7 51.3 51.3 51.3 51.3 7.7 7.7"},
		"walk": {sim.Address{Shape: sim.Walk, Decimals: 1}, "50 50.5 49.4 50.1 48.1 47.8 48.4 47.9 45.7 47.6"},
	} {
		t.Run(name, func(t *testing.T) {
			got := text(values(run(t, tank(sim.Settings{Seed: 1}, c.address), 10)))
			if got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestWalkStaysInRange(t *testing.T) {
	got := values(run(t, tank(sim.Settings{Seed: 4}, sim.Address{Shape: sim.Walk, Min: 8, Max: ptr(16), Step: ptr(5), Decimals: 3}), 5000))
	if low, high := slices.Min(got), slices.Max(got); low < 8 || high > 16 || low > 8.1 || high < 15.9 {
		t.Errorf("walks from %v to %v; want all between 8 and 16", low, high)
	}
}

// Each impairment does what it says, about as often as it says.
func TestImpairments(t *testing.T) {
	const n = 20_000
	flat := sim.Address{Shape: sim.Constant, Value: 50, Decimals: 6}
	of := func(change func(*sim.Address)) ([]float64, []report) {
		a := flat
		change(&a)
		reports := run(t, tank(sim.Settings{Seed: 9}, a), n)
		return values(reports), reports
	}

	noise, _ := of(func(a *sim.Address) { a.Noise = 2 })
	var sum, squares float64
	for _, v := range noise {
		sum += v - 50
		squares += (v - 50) * (v - 50)
	}
	if mean, deviation := sum/n, math.Sqrt(squares/n); math.Abs(mean) > 0.05 || math.Abs(deviation-2) > 0.05 {
		t.Errorf("noise has mean %v and deviation %v; want 0 and 2", mean, deviation)
	}

	spikes, _ := of(func(a *sim.Address) { a.Spikes = 0.05 })
	var up, down int
	for _, v := range spikes {
		switch off := v - 50; {
		case off == 0:
		case off >= 100 && off <= 300:
			up++
		case off <= -100 && off >= -300:
			down++
		default:
			t.Fatalf("a spike to %v; want one to three ranges off", v)
		}
	}
	if within := func(k int) bool { return k > 400 && k < 600 }; !within(up) || !within(down) {
		t.Errorf("%d spikes up, %d down, of %d; want some 500 of each", up, down, n)
	}

	stuck, _ := of(func(a *sim.Address) { a.Stuck, a.Noise = 0.01, 1 })
	var runs []int
	for i := 0; i < len(stuck); {
		k := 1
		for i+k < len(stuck) && stuck[i+k] == stuck[i] {
			k++
		}
		if i += k; k > 1 && i < len(stuck) {
			runs = append(runs, k-1)
		}
	}
	// One in a hundred samples, each followed by 5 to 60 repeats: some 20000/(100+32).
	if len(runs) < 120 || len(runs) > 185 || slices.Min(runs) < 5 || slices.Max(runs) > 60 {
		t.Errorf("stuck %d times, for %d to %d samples", len(runs), slices.Min(runs), slices.Max(runs))
	}

	_, reports := of(func(a *sim.Address) { a.Dropouts = 0.01 })
	var gaps []int
	for i := 1; i < len(reports); i++ {
		if missing := int(reports[i].at.Sub(reports[i-1].at)/time.Second) - 1; missing > 0 {
			gaps = append(gaps, missing)
		}
	}
	// Two may follow each other, hence 60. Some 20000/(100+15).
	if len(gaps) < 140 || len(gaps) > 205 || slices.Min(gaps) != 1 || slices.Max(gaps) > 60 {
		t.Errorf("%d dropouts, of %d to %d samples", len(gaps), slices.Min(gaps), slices.Max(gaps))
	}
}

// Sample 17 is sample 17, whatever else is drawn.
func TestDrawsAreApart(t *testing.T) {
	walk := sim.Address{Shape: sim.Walk, Decimals: 3}
	base := values(run(t, tank(sim.Settings{Seed: 3}, walk), 200))
	if again := values(run(t, tank(sim.Settings{Seed: 3}, walk), 200)); !slices.Equal(base, again) {
		t.Error("the same seed gives other values")
	}
	if other := values(run(t, tank(sim.Settings{Seed: 4}, walk), 200)); slices.Equal(base, other) {
		t.Error("another seed gives the same values")
	}
	d := tank(sim.Settings{Seed: 3}, walk)
	d.Name = "other"
	if other := values(run(t, d, 200)); slices.Equal(base, other) {
		t.Error("another device has the same values")
	}
	if slow := values(run(t, tank(sim.Settings{Seed: 3, Interval: seconds(60)}, walk), 200)); !slices.Equal(base, slow) {
		t.Error("another interval gives other values")
	}

	d = tank(sim.Settings{Seed: 3}, walk)
	d.Metrics = append([]drivers.Metric{{Name: "first", Address: &sim.Address{Shape: sim.Walk, Noise: 1}}}, d.Metrics...)
	var second []float64
	for _, r := range run(t, d, 200) {
		v, _ := r.samples[1].Value.Number()
		second = append(second, v)
	}
	if !slices.Equal(base, second) {
		t.Error("another metric changes the values")
	}

	gappy := walk
	gappy.Dropouts = 0.05
	left := 0
	for _, r := range run(t, tank(sim.Settings{Seed: 3}, gappy), 200) {
		n := int(r.at.Sub(start(t, d.Settings.(*sim.Settings).Interval.Go(), "tank")) / time.Second)
		if v, _ := r.samples[0].Value.Number(); v != base[n] {
			t.Fatalf("sample %d is %v beside dropouts, %v without", n, v, base[n])
		}
		left++
	}
	if left == 0 || left == 200 {
		t.Errorf("%d of 200 samples left beside dropouts", left)
	}
}

// start returns when the first sample of a device is due.
func start(t *testing.T, interval time.Duration, name string) time.Time {
	t.Helper()
	s := sim.Settings{Interval: setting.Duration(interval)}
	d := tank(s, sim.Address{Shape: sim.Constant})
	d.Name = name
	return run(t, d, 1)[0].at
}

// Devices keep their places in the interval, and do not all have the same one.
func TestSpread(t *testing.T) {
	const interval = 10 * time.Second
	places := map[time.Duration]bool{}
	for i := range 50 {
		name := fmt.Sprintf("d%d", i)
		d := tank(sim.Settings{Interval: setting.Duration(interval)}, sim.Address{Shape: sim.Constant})
		d.Name = name
		reports := run(t, d, 3)
		if len(reports) != 3 {
			t.Fatalf("%d samples in 3 intervals", len(reports))
		}
		place := time.Duration(reports[0].at.UnixNano()) % interval
		for _, r := range reports {
			if got := time.Duration(r.at.UnixNano()) % interval; got != place {
				t.Errorf("%s speaks at %v and %v", name, place, got)
			}
		}
		places[place.Truncate(time.Second)] = true
	}
	if len(places) < 8 {
		t.Errorf("50 devices speak in %d of 10 seconds only", len(places))
	}
}

func TestStampAndClockStep(t *testing.T) {
	reports := run(t, tank(sim.Settings{Stamp: true, ClockStep: &sim.ClockStep{Every: seconds(3), By: seconds(3600)}}, sim.Address{Shape: sim.Constant}), 10)
	if len(reports) != 10 {
		t.Fatalf("%d reports", len(reports))
	}
	for n, r := range reports {
		want := telemetry.TimeOf(r.at)
		if n/3%2 == 1 {
			want += telemetry.Time(time.Hour)
		}
		if got := r.samples[0].Time; got != want {
			t.Errorf("sample %d is stamped %v, want %v", n, got, want)
		}
	}
	for _, r := range run(t, tank(sim.Settings{ClockStep: &sim.ClockStep{Every: seconds(1), By: seconds(1)}}, sim.Address{Shape: sim.Constant}), 4) {
		if r.samples[0].Time != 0 {
			t.Errorf("stamped %v without stamp", r.samples[0].Time)
		}
	}
}

func TestTypes(t *testing.T) {
	for _, c := range []struct {
		kind telemetry.Kind
		want []telemetry.Value
	}{
		{telemetry.KindFloat, []telemetry.Value{telemetry.Float(0.4), telemetry.Float(1.6), telemetry.Float(2.8)}},
		{telemetry.KindInt, []telemetry.Value{telemetry.Int(0), telemetry.Int(2), telemetry.Int(3)}},
		{telemetry.KindBool, []telemetry.Value{telemetry.Bool(false), telemetry.Bool(false), telemetry.Bool(true)}},
	} {
		d := tank(sim.Settings{}, sim.Address{Shape: sim.Counter, Min: 0.4, Max: ptr(4), Step: ptr(1.2), Decimals: 1})
		d.Metrics[0].Kind = c.kind
		for n, r := range run(t, d, 3) {
			if got := r.samples[0].Value; got != c.want[n] || r.samples[0].Quality != telemetry.Good {
				t.Errorf("%v: sample %d is %v, want %v", c.kind, n, got, c.want[n])
			}
		}
	}
}

// A pause of the driver is none of the values.
func TestRunAgainGoesOn(t *testing.T) {
	d := tank(sim.Settings{}, sim.Address{Shape: sim.Counter})
	driver, err := sim.Kind().New(drivers.Bus{}, []drivers.Device{d}, nil)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		first := text(values(runOn(t, driver, d, 3)))
		second := text(values(runOn(t, driver, d, 3)))
		if first != "0 1 2" || second != "3 4 5" {
			t.Errorf("got %s, then %s", first, second)
		}
	})
}

// What the pipeline cannot take in time is not made up for, and numbers go on.
func TestSlowEmit(t *testing.T) {
	d := tank(sim.Settings{}, sim.Address{Shape: sim.Counter})
	driver, err := sim.Kind().New(drivers.Bus{}, []drivers.Device{d}, nil)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		var got []float64
		_ = driver.Run(ctx, func(r drivers.Report) {
			v, _ := r.Samples[0].Value.Number()
			if got = append(got, v); v == 2 {
				time.Sleep(10 * time.Second) // in the bubble
			}
		})
		for n, v := range got {
			if v != float64(n) {
				t.Fatalf("got %s", text(got))
			}
		}
		if len(got) > 12 {
			t.Errorf("%d samples in 20 s, 10 of which were lost", len(got))
		}
	})
}
