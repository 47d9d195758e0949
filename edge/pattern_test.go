package edge_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"fieldpost/configs/setting"
	"fieldpost/drivers"
	"fieldpost/edge"
	"fieldpost/telemetry"
)

// hand is a clock source under the test's hand.
type hand struct {
	mu    sync.Mutex
	wall  telemetry.Time
	mono  int64
	trust telemetry.ClockState
}

func newHand() *hand {
	return &hand{wall: telemetry.TimeOf(time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)), mono: 5e9, trust: telemetry.ClockSync}
}

func (h *hand) Read() (telemetry.Time, int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.wall, h.mono
}

func (h *hand) Mono() int64 { _, mono := h.Read(); return mono }

func (h *hand) Trust() telemetry.ClockState {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.trust
}

// pass lets time pass on the monotonic clock, and on the wall clock a step more or less than that.
func (h *hand) pass(d, step time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.mono += int64(d)
	h.wall += telemetry.Time(d + step)
}

func (h *hand) trusted(s telemetry.ClockState) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.trust = s
}

// boiler is an edge with one device whose telegrams the test writes. Each say returns when the edge has taken it.
type boiler struct {
	t      *testing.T
	dir    string
	clock  *hand
	change func(*edge.Config)
	lines  chan drivers.Report
	taken  chan struct{}
	stop   func()
}

func (b *boiler) start(patterns ...edge.PatternSettings) {
	b.t.Helper()
	b.lines, b.taken = make(chan drivers.Report), make(chan struct{})
	lines, taken := b.lines, b.taken
	driver := &scripted{runs: []func(context.Context, drivers.Emit) error{func(ctx context.Context, emit drivers.Emit) error {
		for {
			select {
			case r := <-lines:
				emit(r)
				taken <- struct{}{}
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}}}
	d := device("boiler", 0, "temperature", "pressure")
	d.Metrics[0].Unit, d.Metrics[0].Valid = "Cel", &[2]float64{-40, 125}
	d.Patterns = patterns
	c := edge.Config{
		Node: "pi-7", Software: "test", Lines: []edge.Line{{Bus: drivers.Bus{Name: "x"}, Kind: kind(driver), Devices: []edge.Device{d}}},
		Journal: edge.JournalSettings{Dir: b.dir, MaxSize: 64 << 20, CommitEvery: setting.Duration(time.Hour)},
		Source:  b.clock,
	}
	if b.change != nil {
		b.change(&c)
	}
	e, err := edge.Open(c)
	if err != nil {
		b.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	b.stop = sync.OnceFunc(func() {
		cancel()
		if err := errors.Join(<-done, e.Close()); err != nil {
			b.t.Error(err)
		}
	})
	b.t.Cleanup(b.stop)
}

func (b *boiler) say(after time.Duration, temperature, pressure float64) {
	b.t.Helper()
	b.clock.pass(after, 0)
	b.lines <- drivers.Report{Device: "boiler", Samples: []drivers.Sample{
		{Metric: "temperature", Value: telemetry.Float(temperature)}, {Metric: "pressure", Value: telemetry.Float(pressure)},
	}}
	<-b.taken
}

type alarm struct {
	Device, Pattern, State, Severity, Message, Lane string
	Seq                                             uint64
	Time                                            telemetry.Time
	Cause                                           []struct {
		Metric, Unit, Quality string
		Value                 float64
		Time                  telemetry.Time
	}
}

// alarms waits for n events and returns them, oldest first.
func (b *boiler) alarms(n int) (out []alarm) {
	b.t.Helper()
	await(b.t, fmt.Sprintf("%d events", n), func() bool {
		out = nil
		return ask(b.t, b.dir, "/v1/events", &out) && len(out) >= n
	})
	slices.SortFunc(out, func(x, y alarm) int { return int(x.Seq) - int(y.Seq) })
	return out
}

func (b *boiler) states(n int) string {
	b.t.Helper()
	var words []string
	for _, a := range b.alarms(n) {
		words = append(words, a.Device+"/"+a.Pattern+" "+a.State)
	}
	return strings.Join(words, ", ")
}

func overheat() edge.PatternSettings {
	var p edge.PatternSettings
	p.SetDefaults()
	p.Name, p.When, p.Clear, p.For = "overheat", "temperature > 80 and pressure > 1", "temperature < 75", setting.Duration(30*time.Second)
	p.Severity, p.Message = "critical", "boiler at {temperature} °C"
	return p
}

// An event is on the disk at once, with the readings that caused it, while the readings themselves wait for their commit.
func TestPatternRaisesAnEvent(t *testing.T) {
	b := &boiler{t: t, dir: t.TempDir(), clock: newHand()}
	b.start(overheat())
	b.say(0, 81, 2)
	b.say(29*time.Second, 82, 2)
	b.say(time.Second, 83.5, 3)
	at, _ := b.clock.Read()
	got := b.alarms(1)
	if len(readings(t, b.dir)) != 0 {
		t.Error("the readings did not wait")
	}
	a := got[0]
	if len(got) != 1 || a.Device != "boiler" || a.Pattern != "overheat" || a.State != "raised" || a.Severity != "critical" ||
		a.Message != "boiler at 83.5 °C" || a.Lane != "alarm" || a.Seq != 1 || a.Time != at || len(a.Cause) != 2 {
		t.Fatalf("got %+v", got)
	}
	if c := a.Cause[0]; c.Metric != "temperature" || c.Unit != "Cel" || c.Value != 83.5 || c.Quality != "good" || c.Time != at {
		t.Errorf("cause %+v", c)
	}
	if c := a.Cause[1]; c.Metric != "pressure" || c.Value != 3 {
		t.Errorf("cause %+v", c)
	}
	var st edge.Status
	if ask(t, b.dir, edge.StatusPath, &st); !slices.Equal(st.Devices[0].Raised, []string{"overheat"}) {
		t.Errorf("status: %v", st.Devices[0].Raised)
	}
	b.say(time.Second, 200, 3) // out of range, so bad
	b.say(time.Second, 74, 3)
	if a := b.alarms(2)[1]; a.State != "cleared" || a.Message != "boiler at 74 °C" || len(a.Cause) != 1 || a.Cause[0].Value != 74 {
		t.Errorf("got %+v", a)
	}
}

// Neither a wrong clock nor one that is put right changes what a delay measures.
func TestPatternsIgnoreTheWallClock(t *testing.T) {
	b := &boiler{t: t, dir: t.TempDir(), clock: newHand()}
	b.start(overheat())
	b.say(0, 81, 2)
	for _, step := range []time.Duration{10 * 365 * 24 * time.Hour, -20 * 365 * 24 * time.Hour} {
		b.clock.pass(0, step)
		await(t, "the step", func() bool {
			var s edge.Status
			wall, _ := b.clock.Read()
			return ask(t, b.dir, edge.StatusPath, &s) && s.Clock.Time == wall
		})
		b.say(10*time.Second, 81, 2)
	}
	var before []alarm
	if ask(t, b.dir, "/v1/events", &before); slices.ContainsFunc(before, func(a alarm) bool { return a.Device == "boiler" }) {
		t.Fatalf("after 20 s: %+v", before)
	}
	b.say(10*time.Second, 81, 2)
	await(t, "the event", func() bool {
		var got []alarm
		ask(t, b.dir, "/v1/events", &got)
		return slices.ContainsFunc(got, func(a alarm) bool { return a.Pattern == "overheat" })
	})
}

func TestRaisedSurvivesARestart(t *testing.T) {
	b := &boiler{t: t, dir: t.TempDir(), clock: newHand()}
	at := overheat()
	at.For = 0
	b.start(at)
	b.say(0, 81, 2)
	b.alarms(1)
	b.stop()

	b.start(at)
	b.say(time.Second, 90, 2)
	b.say(time.Second, 79, 2) // not under clear
	b.say(time.Second, 74, 2)
	if got := b.states(2); got != "boiler/overheat raised, boiler/overheat cleared" {
		t.Error(got)
	}
	b.say(time.Second, 81, 2)
	b.alarms(3)
	b.stop()

	// Another limit is another pattern: the old one is over, and this one begins anew.
	higher := at
	higher.When = "temperature > 95"
	b.start(higher)
	got := b.alarms(4)
	if a := got[3]; a.State != "cleared" || a.Severity != "critical" || !strings.Contains(a.Message, "changed in the configuration") {
		t.Errorf("got %+v", a)
	}
	b.say(time.Second, 96, 2)
	b.alarms(5)
	b.stop()

	// Another text is not.
	higher.Message = "hot"
	b.start(higher)
	b.say(time.Second, 97, 2)
	b.stop()
	b.start()
	got = b.alarms(6)
	if a := got[5]; len(got) != 6 || a.State != "cleared" || a.Pattern != "overheat" || !strings.Contains(a.Message, "no longer in the configuration") {
		t.Errorf("got %+v", got)
	}
	b.stop()
	b.start()
	if got := b.alarms(6); len(got) != 6 {
		t.Errorf("cleared twice: %+v", got)
	}
}

func TestClockUnsetIsRaisedAndCleared(t *testing.T) {
	b := &boiler{t: t, dir: t.TempDir(), clock: newHand()}
	b.clock.trusted(telemetry.ClockFloor)
	b.start()
	if got := b.states(1); got != "node/clock_unset raised" {
		t.Fatal(got)
	}
	b.stop()
	b.start()
	b.clock.trusted(telemetry.ClockSync)
	b.clock.pass(time.Minute, time.Hour)
	if got := b.states(2); got != "node/clock_unset raised, node/clock_unset cleared" {
		t.Error(got)
	}
}

// A pattern that does not compile is an error of whoever skipped the check, not a panic.
func TestPatternThatDoesNotCompile(t *testing.T) {
	p := overheat()
	p.When = "temperatur > 80"
	d := device("boiler", 0, "temperature")
	d.Patterns = []edge.PatternSettings{p}
	_, err := edge.Open(edge.Config{
		Node: "pi-7", Lines: []edge.Line{{Bus: drivers.Bus{Name: "x"}, Kind: kind(&scripted{}), Devices: []edge.Device{d}}},
		Journal: edge.JournalSettings{Dir: t.TempDir(), MaxSize: 64 << 20},
	})
	if want := `device boiler: pattern overheat: when: unknown metric "temperatur"; did you mean "temperature"?`; err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}
