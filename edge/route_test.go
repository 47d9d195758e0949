package edge_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"fieldpost/configs/setting"
	"fieldpost/drivers"
	"fieldpost/edge"
	"fieldpost/edge/reduce"
	"fieldpost/telemetry"
)

// start opens and runs an edge until the returned stop.
func start(t *testing.T, c edge.Config) (e *edge.Edge, stop func()) {
	t.Helper()
	c.Node, c.Software = "pi-7", "test"
	c.Journal.MaxSize, c.Journal.CommitEvery = 64<<20, setting.Duration(5*time.Millisecond)
	e, err := edge.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := errors.Join(<-done, e.Close()); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return e, stop
}

// wristwatch is a clock source under the test's hand.
type wristwatch struct {
	mu   sync.Mutex
	wall telemetry.Time
	mono int64
}

func (w *wristwatch) Read() (telemetry.Time, int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.wall, w.mono
}

func (w *wristwatch) Mono() int64 { _, mono := w.Read(); return mono }

func (w *wristwatch) Trust() telemetry.ClockState { return telemetry.ClockSync }

func (w *wristwatch) now() telemetry.Time {
	t, _ := w.Read()
	return t
}

// pass lets time pass, and the wall clock step beside.
func (w *wristwatch) pass(d, step time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mono += int64(d)
	w.wall += telemetry.Time(d + step)
}

// thinned is a device a whose metric m has a deadband of 1.
func thinned(d drivers.Driver) edge.Line {
	a := device("a", 0, "m")
	a.Metrics[0].Deadband = &reduce.Band{Width: 1}
	return edge.Line{Bus: drivers.Bus{Name: "x"}, Kind: kind(d), Devices: []edge.Device{a}}
}

// placed is a reading and where it went.
type placed struct {
	Device, Metric, Lane string
	Value                float64
	Time                 time.Time
}

// lanes returns the readings of metric m as lane:value, by time.
func lanes(t *testing.T, dir string) (out []string) {
	t.Helper()
	var rs []placed
	ask(t, dir, "/v1/readings?metric=m", &rs)
	for _, r := range rs {
		out = append(out, fmt.Sprintf("%s:%v", r.Lane, r.Value))
	}
	return out
}

// speaker is a driver that says what it is given, and says when that is done.
func speaker(values <-chan float64, said chan<- struct{}) *scripted {
	return &scripted{runs: []func(context.Context, drivers.Emit) error{func(ctx context.Context, emit drivers.Emit) error {
		for {
			select {
			case v := <-values:
				emit(say("a", v))
				said <- struct{}{}
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}}}
}

func TestHeldBackReadingsGoToTheArchive(t *testing.T) {
	for _, archived := range []bool{true, false} {
		t.Run(fmt.Sprintf("archive=%v", archived), func(t *testing.T) {
			dir := t.TempDir()
			watch := &wristwatch{wall: telemetry.TimeOf(time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)), mono: 5e9}
			values, said := make(chan float64), make(chan struct{})
			config := func(d drivers.Driver) edge.Config {
				c := edge.Config{Source: watch, Lines: []edge.Line{thinned(d)}, Journal: edge.JournalSettings{Dir: dir}}
				if archived {
					c.Archive = &edge.ArchiveSettings{MaxSize: 16 << 20, MaxAge: setting.Duration(time.Hour)}
				}
				return c
			}
			e, stop := start(t, config(speaker(values, said)))
			for _, v := range []float64{20, 20.1, 20.2, 30, 30.5, 30.6, 30.7} {
				watch.pass(time.Second, 0)
				values <- v
				<-said
			}
			// 11 minutes later it is time for a sign of life.
			watch.pass(11*time.Minute, 0)
			values <- 30.8
			<-said
			watch.pass(time.Second, 0)
			values <- 30.9 // waits for a successor, which does not come
			<-said
			want := []string{"live:20", "archive:20.1", "live:20.2", "live:30", "archive:30.5", "archive:30.6", "archive:30.7", "live:30.8", "archive:30.9"}
			reduced := uint64(4)
			if !archived {
				want = slices.DeleteFunc(want, func(s string) bool { return s[0] == 'a' })
			}
			if d := e.Status().Devices[0]; d.Readings != 9 || d.Reduced != reduced || string(d.Metrics[0].Value) != "30.9" {
				t.Errorf("status: %+v", d)
			}
			var text strings.Builder
			if err := e.Status().Print(&text, watch.now().Go()); err != nil || !regexp.MustCompile(`held back +4 of 9`).MatchString(text.String()) {
				t.Errorf("printed (%v):\n%s", err, text.String())
			}
			stop()
			start(t, config(&scripted{}))
			await(t, "the readings", func() bool { return len(lanes(t, dir)) == len(want) })
			if got := lanes(t, dir); !slices.Equal(got, want) {
				t.Errorf("got  %v\nwant %v", got, want)
			}
		})
	}
}

// TestClockStepSettlesWhatWaits: a reading taken under the old clock must not be written under the new one.
func TestClockStepSettlesWhatWaits(t *testing.T) {
	dir := t.TempDir()
	began := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
	watch := &wristwatch{wall: telemetry.TimeOf(began), mono: 5e9}
	values, said := make(chan float64), make(chan struct{})
	speak := func(v float64) {
		t.Helper()
		watch.pass(time.Second, 0)
		values <- v
		<-said
	}
	e, _ := start(t, edge.Config{
		Source: watch, Lines: []edge.Line{thinned(speaker(values, said))}, Journal: edge.JournalSettings{Dir: dir},
		Archive: &edge.ArchiveSettings{MaxSize: 16 << 20, MaxAge: setting.Duration(24 * time.Hour)},
	})
	speak(20)
	speak(20.5)
	watch.pass(0, time.Hour)
	await(t, "the clock's step to be seen", func() bool { return e.Status().Clock.Time.Go().Sub(began) > time.Hour })
	speak(30)
	speak(30.5)
	speak(40)
	want := []string{"live:20", "archive:20.5", "live:30", "live:30.5", "live:40"}
	await(t, "the readings", func() bool { return slices.Equal(lanes(t, dir), want) })
	var rs []placed
	ask(t, dir, "/v1/readings?metric=m", &rs)
	for i, after := range []time.Duration{time.Second, 2 * time.Second, time.Hour + 3*time.Second, time.Hour + 4*time.Second, time.Hour + 5*time.Second} {
		if got := rs[i].Time.Sub(began); got != after {
			t.Errorf("%v came after %v, want %v", want[i], got, after)
		}
	}
}
