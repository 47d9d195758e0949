package line_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fieldpost/drivers"
	"fieldpost/drivers/drivertest"
	"fieldpost/drivers/emulate"
	"fieldpost/drivers/line"
	"fieldpost/telemetry"
)

const patience = 10 * time.Second

// listen runs a driver for two csv fields, and returns what it reports as text, and how Run ends.
func listen(t *testing.T, bus drivers.Bus) (reports <-chan string, ended <-chan error, stop context.CancelFunc) {
	t.Helper()
	d, err := line.Kind().New(bus, []drivers.Device{{
		Name:     "boiler",
		Settings: &line.Settings{Format: line.CSV},
		Metrics: []drivers.Metric{
			{Name: "a", Kind: telemetry.KindInt, Address: &line.Address{Field: "1"}},
			{Name: "b", Kind: telemetry.KindInt, Address: &line.Address{Field: "2"}},
		},
	}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	out, done := make(chan string, 10000), make(chan error, 1)
	go func() {
		done <- d.Run(ctx, func(r drivers.Report) {
			var b strings.Builder
			write(&b)(r)
			out <- strings.TrimSuffix(b.String(), "\n")
		})
	}()
	t.Cleanup(cancel)
	return out, done, cancel
}

func expect(t *testing.T, reports <-chan string, want ...string) {
	t.Helper()
	for _, w := range want {
		select {
		case got := <-reports:
			if got != w {
				t.Fatalf("got %q; want %q", got, w)
			}
		case <-time.After(patience):
			t.Fatalf("no report; want %q", w)
		}
	}
}

// opened waits until a driver has the port (twice: serialport keeps a second descriptor) beside the emulation, and then until a first byte
// cannot have been under way any more.
func opened(t *testing.T, pty *emulate.Pty) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(patience); openedTimes(t, pty.Device()) < 3; {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("the driver did not open its port")
		}
	}
	<-time.After(100 * time.Millisecond)
}

func openedTimes(t *testing.T, device string) (n int) {
	t.Helper()
	links, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range links {
		if to, err := os.Readlink(link); err == nil && to == device { // some are closed by now
			n++
		}
	}
	return n
}

func connected(t *testing.T, i *emulate.TCP) {
	t.Helper()
	select {
	case <-i.Connected():
	case <-time.After(patience):
		t.Fatal("the driver did not connect")
	}
}

// A line that was under way when the port was opened is nobody's fault where it does not parse.
func TestFirstLineOfPort(t *testing.T) {
	for _, c := range []struct {
		name, early, late string // said before the driver opens the port, and after
		want              []string
	}{
		{"cut, late", "", "5\r\n1,2\r\n5\r\n", []string{"a=1 b=2", `a=5 ! line "5": field 2: is not there`}},
		{"garbage, late", "", "\xff\xfe\x00,\r\n1,2\r\n", []string{"a=1 b=2"}},
		{"good, late", "", "1,2\r\n3,4\r\n", []string{"a=1 b=2", "a=3 b=4"}},
		{"empty first", "", "\r\n5\r\n1,2\r\n", []string{"a=1 b=2"}},
		{"cut, early", "5\r\n1,2\r\n", "", []string{"a=1 b=2"}},
		// It parses, but nobody knows what stood before it.
		{"good, early", "1,2\r\n3,4\r\n", "", []string{"a=1(uncertain) b=2(uncertain)", "a=3 b=4"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			pty, bus := drivertest.NewPty(t)
			drivertest.Say(t, pty, c.early)
			reports, ended, stop := listen(t, bus)
			if c.late != "" {
				opened(t, pty)
				drivertest.Say(t, pty, c.late)
			}
			expect(t, reports, c.want...)
			stop()
			if err := drivertest.Ended(t, ended); !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			expectNothing(t, reports)
		})
	}
}

func expectNothing(t *testing.T, reports <-chan string) {
	t.Helper()
	select {
	case got := <-reports:
		t.Errorf("got %q beyond what was wanted", got)
	default:
	}
}

// A connection begins with a line: it counts, whatever it is.
func TestFirstLineOfConnection(t *testing.T) {
	i, bus := drivertest.NewTCP(t)
	for _, text := range []string{"1,2\r\n", "x\r\n"} {
		reports, ended, stop := listen(t, bus)
		connected(t, i)
		drivertest.Say(t, i, text+"3,4\n")
		if text == "x\r\n" {
			expect(t, reports, `! line "x": field 1: "x" is not an integer (and 1 more)`, "a=3 b=4")
		} else {
			expect(t, reports, "a=1 b=2", "a=3 b=4")
		}
		stop()
		drivertest.Ended(t, ended)
		i.HangUp()
	}
}

// A line that lost its end when the stream ended does not count: 2 may have been 21.
func TestCutOff(t *testing.T) {
	t.Run("port", func(t *testing.T) {
		pty, bus := drivertest.NewPty(t)
		reports, ended, _ := listen(t, bus)
		opened(t, pty)
		drivertest.Say(t, pty, "1,2\n3,4\n5,2")
		expect(t, reports, "a=1 b=2", "a=3 b=4")
		<-time.After(1200 * time.Millisecond) // silence does not complete it: this instrument ends its lines
		if err := pty.Unplug(); err != nil {
			t.Fatal(err)
		}
		expect(t, reports, `! line "5,2": it was cut off: the stream ended in it`)
		if err := drivertest.Ended(t, ended); err == nil || !strings.Contains(err.Error(), bus.Serial.Port) {
			t.Errorf("Run returned %v; want the port in it", err)
		}
		expectNothing(t, reports)
	})
	t.Run("connection", func(t *testing.T) {
		i, bus := drivertest.NewTCP(t)
		reports, ended, _ := listen(t, bus)
		connected(t, i)
		drivertest.Say(t, i, "1,2\n5,2")
		expect(t, reports, "a=1 b=2")
		i.HangUp()
		expect(t, reports, `! line "5,2": it was cut off: the stream ended in it`)
		if err := drivertest.Ended(t, ended); err == nil || !strings.Contains(err.Error(), "closed the connection") {
			t.Errorf("Run returned %v", err)
		}
	})
	t.Run("connection reset", func(t *testing.T) {
		i, bus := drivertest.NewTCP(t)
		reports, ended, _ := listen(t, bus)
		connected(t, i)
		drivertest.Say(t, i, "1,2\n")
		expect(t, reports, "a=1 b=2")
		if err := i.Unplug(); err != nil {
			t.Fatal(err)
		}
		if err := drivertest.Ended(t, ended); err == nil || !strings.Contains(err.Error(), bus.TCP) || !strings.Contains(err.Error(), "reset") {
			t.Errorf("Run returned %v", err)
		}
		_, ended, _ = listen(t, bus)
		if err := drivertest.Ended(t, ended); err == nil || !strings.Contains(err.Error(), "connect to "+bus.TCP) || !strings.Contains(err.Error(), "refused") {
			t.Errorf("Run returned %v", err)
		}
	})
}

// Without line ends a line ends by silence, or with the connection.
func TestSilenceEndsLine(t *testing.T) {
	t.Run("port", func(t *testing.T) {
		pty, bus := drivertest.NewPty(t)
		reports, _, _ := listen(t, bus)
		opened(t, pty)
		drivertest.Say(t, pty, "1,")
		drivertest.Say(t, pty, "2")
		expect(t, reports, "a=1 b=2")
		drivertest.Say(t, pty, "3,4")
		expect(t, reports, "a=3 b=4")
	})
	t.Run("connection", func(t *testing.T) {
		i, bus := drivertest.NewTCP(t)
		reports, ended, _ := listen(t, bus)
		connected(t, i)
		drivertest.Say(t, i, "1,2")
		i.HangUp()
		expect(t, reports, "a=1 b=2")
		drivertest.Ended(t, ended)
	})
}

// Slow bytes are one line, however slow.
func TestSlowLine(t *testing.T) {
	i, bus := drivertest.NewTCP(t)
	reports, _, _ := listen(t, bus)
	connected(t, i)
	drivertest.Say(t, i, "1,2\n34")
	expect(t, reports, "a=1 b=2")
	<-time.After(1200 * time.Millisecond)
	drivertest.Say(t, i, "5,6\n")
	expect(t, reports, "a=345 b=6")
}

// Many lines come once each, in order, through a port that is unplugged in between.
func TestManyLines(t *testing.T) {
	pty, bus := drivertest.NewPty(t)
	reports, ended, stop := listen(t, bus)
	opened(t, pty)
	next := 0
	for round := range 3 {
		const lines = 500
		done := make(chan error, 1)
		from := next
		go func() {
			for n := range lines {
				if _, err := fmt.Fprintf(pty, "%d,%d\n", from+n, round); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
		for range lines {
			expect(t, reports, fmt.Sprintf("a=%d b=%d", next, round))
			next++
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if err := pty.Unplug(); err != nil {
			t.Fatal(err)
		}
		drivertest.Ended(t, ended)
		if err := pty.Plug(); err != nil {
			t.Fatal(err)
		}
		reports, ended, stop = listen(t, bus)
		opened(t, pty)
	}
	stop()
	drivertest.Ended(t, ended)
}

// An address that does not answer at all does not hold the driver beyond its context.
func TestConnectEndsWithContext(t *testing.T) {
	// 192.0.2.0/24 is nobody's (RFC 5737): without an answer, or refused at once where there is no route.
	_, ended, stop := listen(t, drivers.Bus{Name: "x", TCP: "192.0.2.1:9"})
	<-time.After(50 * time.Millisecond)
	stop()
	began := time.Now()
	if err := drivertest.Ended(t, ended); err == nil {
		t.Error("no error")
	}
	if took := time.Since(began); took > 500*time.Millisecond {
		t.Errorf("Run returned %v after its context ended", took)
	}
}
