package forwarder

import (
	"testing"
	"time"
)

func TestChoice(t *testing.T) {
	for _, c := range []struct {
		name   string
		costs  [2]float64 // seconds a reading, light and full
		flow   float64    // readings a second
		rate   float64    // bytes a second
		behind bool
		budget int64
		spent  float64
		want   Coding
	}{
		{"a sensor a second on a small board", [2]float64{60e-6, 120e-6}, 1, 10e3, false, 0, 0, Full},
		{"a thousand a second there", [2]float64{60e-6, 120e-6}, 1500, 100e3, false, 0, 0, Full},
		{"more than full can do there", [2]float64{60e-6, 200e-6}, 4000, 100e3, false, 0, 0, Light},
		{"more than either", [2]float64{60e-6, 200e-6}, 20e3, 1e6, false, 0, 0, Plain},
		{"a backlog on a slow link", [2]float64{60e-6, 120e-6}, 1, 2e3, true, 0, 0, Full},
		{"a backlog on a fast link", [2]float64{2e-6, 4e-6}, 1, 50e6, true, 0, 0, Plain},
		{"a backlog on a link between", [2]float64{2e-6, 8e-6}, 1, 100e3, true, 0, 0, Light},
		{"the same, beyond the budget", [2]float64{2e-6, 8e-6}, 1, 100e3, true, 20e6, 50e6, Full},
		{"the same, within it", [2]float64{2e-6, 8e-6}, 1, 100e3, true, 200e6, 50e6, Light},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := newChoice(Auto, c.budget)
			x.costs[Light], x.costs[Full] = c.costs[0], c.costs[1]
			now := time.Unix(0, 0)
			for range 600 {
				now = now.Add(time.Second)
				x.shipped = c.flow
				x.look(now, c.rate, c.behind, c.spent)
			}
			if x.now != c.want {
				t.Errorf("%s, want %s", x.now, c.want)
			}
		})
	}
	for _, set := range []Coding{Plain, Light, Full} {
		if x := newChoice(set, 0); x.now != set {
			t.Errorf("%s is %s", set, x.now)
		}
	}
}

// A link on the edge between two codings keeps one.
func TestChoiceDoesNotFlutter(t *testing.T) {
	x := newChoice(Auto, 0)
	now := time.Unix(0, 0)
	changes := 0
	for i := range 3600 {
		now = now.Add(time.Second)
		was := x.now
		x.shipped = 1000
		x.costs[Full] = 0.25e-3 * (1 + 0.9*float64(i%3-1)) // a quarter of a processor, and nearly half or nothing
		x.look(now, 1e3, false, 0)
		if x.now != was {
			changes++
		}
	}
	if changes > 0 {
		t.Errorf("%d changes in an hour", changes)
	}
}

// A processor that was busy for a while does not keep a link plain for good.
func TestChoiceForgives(t *testing.T) {
	x := newChoice(Auto, 0)
	x.costs[Light], x.costs[Full] = 1e-3, 1e-3
	now := time.Unix(0, 0)
	second := func() {
		now = now.Add(time.Second)
		x.shipped = 1000
		x.look(now, 1e3, false, 0)
	}
	for range 120 {
		second()
	}
	if x.now != Plain {
		t.Fatalf("%s at a millisecond a reading", x.now)
	}
	for range 3600 {
		second()
	}
	if x.now == Plain {
		t.Error("plain still, an hour later")
	}
}

// What a link takes a day is worked out from the last hour or two.
func TestADay(t *testing.T) {
	c := newChoice(Auto, 1)
	now := time.Unix(0, 0)
	if got := c.aDay(now, 5000); got != 0 {
		t.Errorf("%v before anything is known", got)
	}
	now = now.Add(30 * time.Minute)
	if got := c.aDay(now, 5000+1000); got != 48_000 {
		t.Errorf("after half an hour %v", got)
	}
	socket := uint64(6000)
	for range 10 {
		now = now.Add(time.Hour)
		socket += 100
		c.aDay(now, socket)
	}
	if got := c.aDay(now, socket); got != 2400 {
		t.Errorf("hours later %v", got)
	}
}
