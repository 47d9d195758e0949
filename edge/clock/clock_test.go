package clock_test

import (
	"log/slog"
	"testing"
	"time"

	"fieldpost/edge/clock"
	"fieldpost/telemetry"
)

type fake struct {
	wall  telemetry.Time
	mono  int64
	trust telemetry.ClockState
}

func (f *fake) Read() (telemetry.Time, int64) { return f.wall, f.mono }
func (f *fake) Mono() int64                   { _, mono := f.Read(); return mono }

func (f *fake) Trust() telemetry.ClockState { return f.trust }
func (f *fake) advance(d time.Duration)     { f.wall += telemetry.Time(d); f.mono += int64(d) }
func (f *fake) step(d time.Duration)        { f.wall += telemetry.Time(d) }
func quiet() *slog.Logger                   { return slog.New(slog.DiscardHandler) }
func at(s string) telemetry.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return telemetry.TimeOf(t)
}

func TestRegimes(t *testing.T) {
	boot := telemetry.Boot{Ordinal: 3, ID: 7}
	f := &fake{wall: at("1970-01-01T00:01:00Z"), mono: 60e9, trust: telemetry.ClockFloor}
	c := clock.New(f, boot, clock.Floor{Time: at("2026-01-01T00:00:00Z")}, quiet())

	first := c.Regime()
	if first.State != telemetry.ClockUnset || first.Boot != boot || first.Offset != int64(at("2026-01-01T00:00:00Z")) {
		t.Fatalf("before the floor: %+v", first)
	}
	f.advance(time.Second)
	c.Refresh()
	if c.Regime() != first {
		t.Fatal("time passing began a new regime")
	}
	f.step(-30 * time.Second) // of a clock that says nothing
	c.Refresh()
	f.step(30 * time.Second)
	if c.Regime() != first {
		t.Fatal("a step of an unset clock began a new regime")
	}
	if now, r := c.Now(); now != at("2026-01-01T00:01:01Z") || r != first {
		t.Fatalf("Now = %v", now)
	}

	// NTP arrives: a step and a change of trust at once; until it is noticed times stay in the old regime.
	changed := c.Changed()
	f.step(56 * 365 * 24 * time.Hour)
	f.trust = telemetry.ClockSync
	if now, r := c.Now(); r != first || now != at("2026-01-01T00:01:01Z") {
		t.Fatalf("a step leaked into the old regime: %v", now)
	}
	c.Refresh()
	second := c.Regime()
	if second.State != telemetry.ClockSync || second.Offset != int64(56*365*24*time.Hour) {
		t.Fatalf("after the step: %+v", second)
	}
	select {
	case <-changed:
	default:
		t.Fatal("the change was not announced")
	}

	f.step(500 * time.Microsecond)
	c.Refresh()
	if c.Regime() != second {
		t.Fatal("half a millisecond is reading noise, not a step")
	}
	f.step(-time.Hour)
	c.Refresh()
	if got := c.Regime().Offset - second.Offset; got != int64(-time.Hour+500*time.Microsecond) {
		t.Fatalf("step back by %v", time.Duration(got))
	}
}

func TestFloor(t *testing.T) {
	f := &fake{wall: at("2026-02-01T00:00:00Z"), trust: telemetry.ClockUnset}
	for floor, want := range map[telemetry.Time]telemetry.ClockState{
		at("2026-01-01T00:00:00Z"): telemetry.ClockFloor,
		at("2026-03-01T00:00:00Z"): telemetry.ClockUnset,
	} {
		if got := clock.New(f, telemetry.Boot{}, clock.Floor{Time: floor}, quiet()).Regime().State; got != want || !got.Doubtful() {
			t.Errorf("floor %v: %v, want %v", floor, got, want)
		}
	}
	for trust, want := range map[telemetry.ClockState]telemetry.ClockState{
		telemetry.ClockLocal: telemetry.ClockUnset, // a clock chip with a flat battery
		telemetry.ClockSync:  telemetry.ClockSync,
	} {
		f.trust = trust
		if got := clock.New(f, telemetry.Boot{}, clock.Floor{Time: at("2026-03-01T00:00:00Z")}, quiet()).Regime().State; got != want {
			t.Errorf("trust %v below the floor: %v, want %v", trust, got, want)
		}
	}
}

func TestSystem(t *testing.T) {
	s := clock.NewSystem(true)
	w1, m1 := s.Read()
	w2, m2 := s.Read()
	if m2 < m1 || w1 == 0 || w2 == 0 {
		t.Fatalf("clocks: %v %v, %v %v", w1, m1, w2, m2)
	}
	if s.Trust() < telemetry.ClockLocal {
		t.Fatal("a clock the operator trusts is doubted")
	}
	id, err := clock.BootID()
	if err != nil || id == 0 {
		t.Fatalf("boot id %x, %v", id, err)
	}
}

func TestFloorRises(t *testing.T) {
	const day = 24 * time.Hour
	boot := telemetry.Boot{Ordinal: 1, ID: 7}
	old := clock.Floor{Time: at("2026-03-01T00:00:00Z"), Boot: 7, Base: at("2026-02-01T00:00:00Z")}
	for name, c := range map[string]struct {
		floor clock.Floor
		boot  uint64
		wall  string
		mono  time.Duration
		trust telemetry.ClockState
		want  string
	}{
		"a node's first is taken as it is":    {clock.Floor{}, 7, "2027-06-01T00:00:00Z", time.Hour, telemetry.ClockSync, "2027-06-01T00:00:00Z"},
		"with what elapsed in the boot":       {old, 7, "2026-03-05T00:00:00Z", 32 * day, telemetry.ClockSync, "2026-03-05T00:00:00Z"},
		"a lying server, a day per boot":      {old, 7, "2037-01-01T00:00:00Z", 40 * day, telemetry.ClockSync, "2026-03-14T00:00:00Z"},
		"the next boot begins where it was":   {old, 8, "2037-01-01T00:00:00Z", time.Hour, telemetry.ClockSync, "2026-03-02T01:00:00Z"},
		"never down":                          {old, 7, "2026-02-02T00:00:00Z", time.Hour, telemetry.ClockSync, "2026-03-01T00:00:00Z"},
		"not by what the kernel has not said": {old, 7, "2026-03-05T00:00:00Z", 32 * day, telemetry.ClockLocal, "2026-03-01T00:00:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			boot := boot
			boot.ID = c.boot
			f := &fake{wall: at(c.wall), mono: int64(c.mono), trust: c.trust}
			got := clock.New(f, boot, c.floor, quiet()).Floor()
			if got.Time != at(c.want) || got.Boot != c.boot {
				t.Errorf("floor %+v, want %s of boot %d", got, c.want, c.boot)
			}
		})
	}
}

func TestGatewayLowersFloor(t *testing.T) {
	f := &fake{wall: at("2026-05-01T00:00:00Z"), mono: int64(time.Hour), trust: telemetry.ClockLocal}
	c := clock.New(f, telemetry.Boot{ID: 7}, clock.Floor{Time: at("2031-01-01T00:00:00Z"), Boot: 7, Base: at("2030-12-31T00:00:00Z")}, quiet())
	if s := c.Regime().State; s != telemetry.ClockUnset {
		t.Fatalf("below the floor: %v", s)
	}
	c.LowerFloor(at("2030-12-31T12:00:00Z")) // within a day: no contradiction
	c.LowerFloor(at("1999-01-01T00:00:00Z")) // a gateway that does not know the time either
	if s := c.Regime().State; s != telemetry.ClockUnset {
		t.Fatalf("lowered by what proves nothing: %v", s)
	}
	c.LowerFloor(at("2026-05-01T00:00:10Z"))
	if s := c.Regime().State; s != telemetry.ClockLocal {
		t.Fatalf("after the gateway's word: %v", s)
	}
	if got := c.Floor().Time; got != at("2026-04-30T00:00:10Z") {
		t.Fatalf("floor %v", got)
	}
}

// TestPlace: boots without a clock lie one after the other, whatever theirs say.
func TestPlace(t *testing.T) {
	f := &fake{wall: at("2026-05-01T00:00:00Z"), mono: int64(time.Hour), trust: telemetry.ClockSync}
	floor := clock.New(f, telemetry.Boot{ID: 1}, clock.Floor{}, quiet()).Floor()
	last := f.wall
	f.trust = telemetry.ClockFloor
	for id := uint64(2); id < 5; id++ {
		f.wall, f.mono = at("1970-01-01T00:00:09Z"), int64(9*time.Second)
		c := clock.New(f, telemetry.Boot{ID: id}, floor, quiet())
		now, r := c.Now()
		if r.State != telemetry.ClockUnset || now <= last || now > last+telemetry.Time(10*time.Minute) {
			t.Fatalf("boot %d: %v %v, after %v", id, now, r.State, last)
		}
		f.advance(24 * time.Hour)
		floor = c.Floor()
		f.advance(30 * time.Second) // not written down any more
		last, _ = c.Now()

		// The edge alone was restarted: it is the same boot, and its times go on.
		c = clock.New(f, telemetry.Boot{ID: id}, floor, quiet())
		if now, _ := c.Now(); now != last {
			t.Fatalf("boot %d after a restart: %v, want %v", id, now, last)
		}
	}
	if floor.Time != at("2026-05-01T00:00:00Z") {
		t.Errorf("the floor rose by what nobody knows, to %v", floor.Time)
	}
}
