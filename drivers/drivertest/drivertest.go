// Package drivertest runs the contract of drivers.Driver against a kind of driver and a real, if emulated, instrument.
package drivertest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"strings"
	"testing"
	"time"

	"fieldpost/drivers"
)

// Instrument is the other end of the bus.
type Instrument interface {
	// Say makes the instrument give n as a good value, once or from now on.
	Say(n int) error
	// Babble makes it give something that is no telegram.
	Babble() error
	// Unplug makes the bus fail, Plug makes it whole again. A new Instrument is plugged in.
	Unplug() error
	Plug() error
}

// Fixture makes what is tested.
type Fixture struct {
	// New makes a driver with one device and an instrument for it. It registers what is to be cleaned up.
	New func(t *testing.T) (drivers.Driver, Instrument)
	// Device is the name of the device.
	Device string
	// Detached says that the device is attached to nothing: no plug can be pulled and nobody can babble. The driver gives all of 1 to 12, over
	// and over, whatever it is told.
	Detached bool
}

const (
	promptly = 500 * time.Millisecond // the contract's bound
	patience = 10 * time.Second       // for what has no bound: a test that waits so long fails
	again    = 20 * time.Millisecond  // between repeats of what the driver may not have been there to hear
)

// Run runs the conformance suite.
func Run(t *testing.T, f Fixture) {
	for _, test := range []struct {
		name     string
		run      func(*testing.T, Fixture)
		attached bool // needs a bus that can fail
	}{
		{"reports what the instrument says", reports, false},
		{"ends promptly with its context", ends, false},
		{"does not begin after its context has ended", endedBefore, false},
		{"ends promptly while emit blocks until the context ends", endsBlocked, false},
		{"returns when the bus fails, and runs again", fails, true},
		{"survives garbage", survives, true},
		{"leaks neither goroutines nor files", leaks, false},
	} {
		if test.attached && f.Detached {
			continue
		}
		t.Run(test.name, func(t *testing.T) { test.run(t, f) })
	}
}

// running is a call of Driver.Run.
type running struct {
	cancel  context.CancelFunc
	done    chan error
	reports chan drivers.Report
}

// begin runs d until the test ends it. Reports come over a channel: at most as many as somebody takes.
func begin(t *testing.T, d drivers.Driver) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r := &running{cancel: cancel, done: make(chan error, 1), reports: make(chan drivers.Report)}
	go func() {
		r.done <- d.Run(ctx, func(rep drivers.Report) {
			rep.Samples = append([]drivers.Sample(nil), rep.Samples...) // the driver's again when this returns
			select {
			case r.reports <- rep:
			case <-ctx.Done():
			}
		})
	}()
	return r
}

// end cancels and checks that Run returns promptly, with the context's error.
func (r *running) end(t *testing.T) {
	t.Helper()
	began := time.Now()
	r.cancel()
	select {
	case err := <-r.done:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("Run returned %v after its context was cancelled; want the context's error", err)
		}
		if took := time.Since(began); took > promptly {
			t.Errorf("Run returned %v after its context was cancelled; want at most %v", took, promptly)
		}
	case <-time.After(patience):
		t.Fatalf("Run did not return after its context was cancelled\n%s", stacks())
	}
}

// until says things again and again until a report fits.
func (r *running) until(t *testing.T, say func() error, fits func(drivers.Report) bool, what string) {
	t.Helper()
	deadline := time.After(patience)
	repeat := time.NewTicker(again)
	defer repeat.Stop()
	for {
		select {
		case rep := <-r.reports:
			if fits(rep) {
				return
			}
		case err := <-r.done:
			t.Fatalf("Run returned %v while waiting for %s", err, what)
		case <-repeat.C:
			if err := say(); err != nil {
				t.Fatalf("instrument: %v", err)
			}
		case <-deadline:
			t.Fatalf("no %s came", what)
		}
	}
}

func (r *running) hear(t *testing.T, f Fixture, i Instrument, n int) {
	t.Helper()
	r.until(t, func() error { return i.Say(n) }, func(rep drivers.Report) bool {
		if rep.Device != f.Device {
			t.Fatalf("a report names device %q; want %q", rep.Device, f.Device)
		}
		for _, s := range rep.Samples {
			if v, ok := s.Value.Number(); ok && v == float64(n) {
				return true
			}
		}
		return false
	}, fmt.Sprintf("sample of %d", n))
}

func reports(t *testing.T, f Fixture) {
	d, i := f.New(t)
	r := begin(t, d)
	for n := range 5 {
		r.hear(t, f, i, n+1)
	}
	r.end(t)
}

func ends(t *testing.T, f Fixture) {
	d, i := f.New(t)
	for range 3 {
		r := begin(t, d)
		r.hear(t, f, i, 1)
		r.end(t)
	}
}

func endedBefore(t *testing.T, f Fixture) {
	d, _ := f.New(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx, func(drivers.Report) {}) }()
	select {
	case err := <-done:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("Run returned %v; want the context's error", err)
		}
	case <-time.After(patience):
		t.Fatal("Run did not return")
	}
}

func endsBlocked(t *testing.T, f Fixture) {
	d, i := f.New(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r := &running{cancel: cancel, done: make(chan error, 1)}
	blocked := make(chan struct{}, 1)
	go func() {
		r.done <- d.Run(ctx, func(drivers.Report) {
			select {
			case blocked <- struct{}{}:
			default:
			}
			<-ctx.Done()
		})
	}()
	deadline := time.After(patience)
	repeat := time.NewTicker(again)
	defer repeat.Stop()
	for waiting := true; waiting; {
		select {
		case <-blocked:
			waiting = false
		case <-repeat.C:
			if err := i.Say(1); err != nil {
				t.Fatalf("instrument: %v", err)
			}
		case <-deadline:
			t.Fatal("no report came")
		}
	}
	r.end(t)
}

func fails(t *testing.T, f Fixture) {
	d, i := f.New(t)
	for n := range 3 {
		r := begin(t, d)
		r.hear(t, f, i, 2*n+1)
		if err := i.Unplug(); err != nil {
			t.Fatal(err)
		}
		r.failed(t)
		begin(t, d).failed(t) // still unplugged
		if err := i.Plug(); err != nil {
			t.Fatal(err)
		}
		r = begin(t, d)
		r.hear(t, f, i, 2*n+2)
		r.end(t)
	}
}

// failed waits for Run to return an error of its own.
func (r *running) failed(t *testing.T) {
	t.Helper()
	defer r.cancel()
	deadline := time.After(patience)
	for {
		select {
		case <-r.reports:
		case err := <-r.done:
			if err == nil || errors.Is(err, context.Canceled) {
				t.Fatalf("Run returned %v when its bus had failed; want why", err)
			}
			return
		case <-deadline:
			t.Fatalf("Run did not return when its bus had failed\n%s", stacks())
		}
	}
}

func survives(t *testing.T, f Fixture) {
	d, i := f.New(t)
	r := begin(t, d)
	r.hear(t, f, i, 1)
	for n := range 5 {
		r.until(t, i.Babble, func(rep drivers.Report) bool { return rep.Device == f.Device && rep.Err != nil }, "report of garbage")
		r.hear(t, f, i, n+2)
	}
	r.end(t)
}

func leaks(t *testing.T, f Fixture) {
	d, i := f.New(t)
	cycle := func(n int) {
		r := begin(t, d)
		r.hear(t, f, i, n)
		if n%2 == 0 || f.Detached {
			r.end(t)
		}
		if f.Detached {
			return
		}
		if err := i.Unplug(); err != nil {
			t.Fatal(err)
		}
		if n%2 != 0 {
			r.failed(t)
		}
		begin(t, d).failed(t)
	}
	plug := func() {
		if err := i.Plug(); err != nil {
			t.Fatal(err)
		}
	}
	cycle(1) // what the runtime opens once is no leak
	goroutines, files := runtime.NumGoroutine(), openFiles(t)
	for n := range 10 {
		plug()
		cycle(n + 2)
	}
	for deadline := time.Now().Add(patience); runtime.NumGoroutine() > goroutines; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines, %d before\n%s", runtime.NumGoroutine(), goroutines, stacks())
		}
	}
	if n := openFiles(t); n > files {
		t.Errorf("%d open files, %d before", n, files)
	}
	plug() // as a new one
}

func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skipf("no way to count open files: %v", err)
	}
	return len(entries)
}

func stacks() string {
	var b strings.Builder
	if err := pprof.Lookup("goroutine").WriteTo(&b, 2); err != nil {
		return err.Error()
	}
	return b.String()
}
