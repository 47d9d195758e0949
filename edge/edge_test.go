package edge_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"fieldpost/api"
	"fieldpost/configs/setting"
	"fieldpost/drivers"
	"fieldpost/edge"
	"fieldpost/telemetry"
)

// scripted is a driver whose runs a test writes down, one function each; after the last one it waits for the end.
type scripted struct {
	mu   sync.Mutex
	runs []func(ctx context.Context, emit drivers.Emit) error
	n    int
}

func (s *scripted) Run(ctx context.Context, emit drivers.Emit) error {
	s.mu.Lock()
	i := s.n
	s.n++
	s.mu.Unlock()
	if i < len(s.runs) {
		return s.runs[i](ctx, emit)
	}
	<-ctx.Done()
	return ctx.Err()
}

type noSettings struct{ drivers.Attachment }

// kind makes a driver kind out of one driver.
func kind(d drivers.Driver) drivers.Kind {
	return drivers.Kind{
		Name:     "scripted",
		Settings: func() drivers.Settings { return &noSettings{} },
		New:      func(drivers.Bus, []drivers.Device, *slog.Logger) (drivers.Driver, error) { return d, nil },
	}
}

func device(name string, silent time.Duration, metrics ...string) edge.Device {
	d := edge.Device{DeviceSettings: edge.DeviceSettings{Device: name, Silent: setting.DurationOrOff(silent)}, Driver: &noSettings{}}
	for _, m := range metrics {
		var s edge.MetricSettings
		s.SetDefaults()
		s.Name = m
		d.Metrics = append(d.Metrics, s)
	}
	return d
}

// run opens and runs an edge on dir until the returned stop.
func run(t *testing.T, dir string, lines ...edge.Line) (e *edge.Edge, stop func()) {
	t.Helper()
	return start(t, edge.Config{Lines: lines, Journal: edge.JournalSettings{Dir: dir}})
}

// ask fetches JSON over the control socket.
func ask(t *testing.T, dir, path string, into any) bool {
	t.Helper()
	resp, err := api.Client(filepath.Join(dir, edge.ControlSocket)).Get("http://edge" + path)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %s", path, resp.Status)
	}
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
		t.Fatalf("GET %s: %v", path, err)
	}
	return true
}

func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline:
			t.Fatalf("waited in vain for %s", what)
		case <-tick.C:
		}
	}
}

type reading struct {
	Device, Metric, Quality string
	Value                   float64
}

func readings(t *testing.T, dir string) (out []reading) {
	t.Helper()
	ask(t, dir, "/v1/readings", &out)
	return out
}

func values(rs []reading, device string) (out []float64) {
	for _, r := range rs {
		if r.Device == device {
			out = append(out, r.Value)
		}
	}
	return out
}

func say(device string, v float64) drivers.Report {
	return drivers.Report{Device: device, Samples: []drivers.Sample{{Metric: "m", Value: telemetry.Float(v)}}}
}

func TestOneDeadBusStopsNoOther(t *testing.T) {
	dir := t.TempDir()
	bad := &scripted{runs: []func(context.Context, drivers.Emit) error{
		func(_ context.Context, emit drivers.Emit) error { emit(say("a", 1)); return errors.New("cable pulled") },
		func(context.Context, drivers.Emit) error { panic("a bug in the driver") },
		func(_ context.Context, emit drivers.Emit) error { emit(say("a", 2)); return nil },
	}}
	good := &scripted{runs: []func(context.Context, drivers.Emit) error{
		func(ctx context.Context, emit drivers.Emit) error {
			emit(drivers.Report{Device: "b", Err: errors.New("a line that makes no sense")})
			emit(drivers.Report{Device: "c", Err: errors.New("no answer")})
			emit(say("stranger", 9))
			for v := 1.0; v <= 3; v++ {
				emit(say("b", v))
			}
			<-ctx.Done()
			return ctx.Err()
		},
	}}
	e, _ := run(t, dir,
		edge.Line{Bus: drivers.Bus{Name: "bad"}, Kind: kind(bad), Devices: []edge.Device{device("a", 0, "m")}},
		edge.Line{Bus: drivers.Bus{Name: "good"}, Kind: kind(good), Devices: []edge.Device{device("b", 0, "m"), device("c", 0, "m")}})
	// The bad bus comes back after a failure and a panic, each followed by a pause.
	await(t, "both buses' readings", func() bool {
		rs := readings(t, dir)
		return slices.Equal(values(rs, "a"), []float64{1, 2}) && slices.Equal(values(rs, "b"), []float64{1, 2, 3})
	})
	s := e.Status()
	for _, d := range s.Devices {
		switch d.Device {
		case "b":
			if d.Errors != 1 || d.Readings != 3 || !strings.Contains(d.Err, "makes no sense") {
				t.Errorf("b: %+v", d)
			}
		case "c":
			if d.Errors != 1 || d.Readings != 0 || d.Last != nil {
				t.Errorf("c: %+v", d)
			}
		}
	}
	var text strings.Builder
	if err := s.Print(&text, time.Now()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"pi-7", "makes no sense", "stand-alone logger", "live", "never"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("status lacks %q:\n%s", want, text.String())
		}
	}
}

type event struct {
	Device, Pattern, State, Severity string
}

func TestSilenceIsRaisedOnceAndCleared(t *testing.T) {
	dir := t.TempDir()
	speak := make(chan float64)
	talker := func() *scripted {
		return &scripted{runs: []func(context.Context, drivers.Emit) error{func(ctx context.Context, emit drivers.Emit) error {
			for {
				select {
				case v := <-speak:
					emit(say("a", v))
				case <-ctx.Done():
					return ctx.Err()
				}
			}
		}}}
	}
	line := func() edge.Line {
		return edge.Line{Bus: drivers.Bus{Name: "x"}, Kind: kind(talker()), Devices: []edge.Device{device("a", time.Second, "m")}}
	}
	events := func() (out []event) {
		ask(t, dir, "/v1/events", &out)
		return out
	}
	raised := event{"a", "silent", "raised", "warning"}
	cleared := event{"a", "silent", "cleared", "warning"}

	_, stop := run(t, dir, line())
	speak <- 1
	await(t, "the silence", func() bool { return slices.Equal(events(), []event{raised}) })
	stop()

	// It is still silent after the restart: not a second event.
	_, _ = run(t, dir, line())
	await(t, "the edge", func() bool { return len(events()) == 1 })
	<-time.After(2500 * time.Millisecond)
	if got := events(); !slices.Equal(got, []event{raised}) {
		t.Fatalf("after the restart: %v", got)
	}
	speak <- 2
	await(t, "the end of the silence", func() bool { return slices.Equal(events(), []event{raised, cleared}) })
}

func TestStopKeepsWhatWasTaken(t *testing.T) {
	dir := t.TempDir()
	said := make(chan struct{})
	d := &scripted{runs: []func(context.Context, drivers.Emit) error{func(ctx context.Context, emit drivers.Emit) error {
		for v := range 1000 {
			emit(say("a", float64(v)))
		}
		close(said)
		<-ctx.Done()
		return ctx.Err()
	}}}
	line := func(d drivers.Driver) edge.Line {
		return edge.Line{Bus: drivers.Bus{Name: "x"}, Kind: kind(d), Devices: []edge.Device{device("a", 0, "m")}}
	}
	_, stop := run(t, dir, line(d))
	<-said
	stop() // before the next commit is due, for all we know
	_, _ = run(t, dir, line(&scripted{}))
	want := make([]float64, 1000)
	for i := range want {
		want[i] = float64(i)
	}
	await(t, "the readings of the run before", func() bool { return slices.Equal(values(readings(t, dir), "a"), want) })
}
