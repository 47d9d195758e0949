package stream_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"fieldpost/drivers"
	"fieldpost/drivers/drivertest"
	"fieldpost/drivers/stream"
)

const patience = 10 * time.Second

// recorder is a decoder that tells what the loop asks of it. Silence counts once after each chunk.
type recorder struct {
	calls  chan string
	quiet  time.Duration
	silent bool
}

func (r *recorder) Begin(s stream.Start) { r.calls <- fmt.Sprint("begin ", s) }

func (r *recorder) Quiet() time.Duration {
	if r.silent {
		return 0
	}
	return r.quiet
}

func (r *recorder) Decode(p []byte, _ drivers.Emit) {
	if len(p) > 0 {
		r.silent = false
		r.calls <- "decode " + string(p)
	}
}

func (r *recorder) Flush(drivers.Emit) {
	r.silent = true
	r.calls <- "flush"
}

func (r *recorder) End(closed bool, _ drivers.Emit) { r.calls <- fmt.Sprint("end ", closed) }

func run(t *testing.T, ctx context.Context, r *recorder, bus drivers.Bus) <-chan error {
	t.Helper()
	d, err := stream.New("test", bus, []drivers.Device{{Name: "a"}}, func(drivers.Device) (stream.Decoder, error) { return r, nil }, nil)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx, func(drivers.Report) {}) }()
	return done
}

func (r *recorder) expect(t *testing.T, want ...string) {
	t.Helper()
	for _, w := range want {
		select {
		case got := <-r.calls:
			if got != w {
				t.Fatalf("got %q; want %q", got, w)
			}
		case <-time.After(patience):
			t.Fatalf("not asked for %q", w)
		}
	}
}

// A connection begins with a telegram, silence is told once, and the decoder hears how it ended.
func TestConnection(t *testing.T) {
	i, bus := drivertest.NewTCP(t)
	r := &recorder{calls: make(chan string, 100), quiet: 20 * time.Millisecond, silent: true}
	done := run(t, t.Context(), r, bus)
	r.expect(t, "begin 0")
	<-i.Connected()
	drivertest.Say(t, i, "x")
	r.expect(t, "decode x", "flush")
	drivertest.Say(t, i, "y")
	r.expect(t, "decode y", "flush")
	i.HangUp()
	r.expect(t, "end true")
	if err := drivertest.Ended(t, done); err == nil || !strings.Contains(err.Error(), "closed the connection") {
		t.Errorf("Run returned %v", err)
	}

	done = run(t, t.Context(), r, bus)
	r.expect(t, "begin 0")
	<-i.Connected()
	if err := i.Unplug(); err != nil {
		t.Fatal(err)
	}
	r.expect(t, "end false")
	if err := drivertest.Ended(t, done); err == nil || !strings.Contains(err.Error(), bus.TCP) {
		t.Errorf("Run returned %v; want the address in it", err)
	}
}

// A port may be opened in the middle of a telegram, and likely was if bytes are there at once. What ends by the context is not ended for the
// decoder: it begins anew.
func TestPort(t *testing.T) {
	pty, bus := drivertest.NewPty(t)
	drivertest.Say(t, pty, "early")
	r := &recorder{calls: make(chan string, 100)}
	ctx, cancel := context.WithCancel(t.Context())
	done := run(t, ctx, r, bus)
	r.expect(t, "begin 0", "begin 1", "begin 2", "decode early")
	cancel()
	if err := drivertest.Ended(t, done); !errors.Is(err, context.Canceled) {
		t.Errorf("Run returned %v", err)
	}
	done = run(t, t.Context(), r, bus)
	r.expect(t, "begin 0", "begin 1")
	if err := pty.Unplug(); err != nil {
		t.Fatal(err)
	}
	if err := drivertest.Ended(t, done); err == nil || !strings.Contains(err.Error(), bus.Serial.Port) {
		t.Errorf("Run returned %v; want the port in it", err)
	}
	var rest []string
	for len(r.calls) > 0 {
		rest = append(rest, <-r.calls)
	}
	if !slices.Equal(rest, []string{"end false"}) {
		t.Errorf("at the end the decoder heard %q", rest)
	}
}

func TestNewRefuses(t *testing.T) {
	broken := errors.New("broken")
	for want, devices := range map[string][]drivers.Device{
		"test: a bus needs a device": nil,
		"test reads whole streams: one device per port, but a and b are both on rs485": {{Name: "a"}, {Name: "b"}},
		"broken": {{Name: "a"}},
	} {
		d, err := stream.New("test", drivers.Bus{Name: "rs485"}, devices, func(drivers.Device) (stream.Decoder, error) { return nil, broken }, nil)
		if err == nil || err.Error() != want || d != nil {
			t.Errorf("got %v, %v; want %q", d, err, want)
		}
	}
}
