package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"fieldpost/drivers/emulate"
)

// say sends lines n=from … n=to to an instrument's line, in bursts that a slow UART could bring.
func say(t *testing.T, to interface{ Write([]byte) (int, error) }, first, last int) {
	t.Helper()
	for n := first; n <= last; n++ {
		if _, err := fmt.Fprintf(to, "n=%d\r\n", n); err != nil {
			t.Fatal(err)
		}
	}
}

// taken waits until the edge has taken count readings in all and committed them.
func (e *edge) taken(count uint64) {
	e.t.Helper()
	await(e.t, fmt.Sprintf("%d readings in the journal", count), 30*time.Second, func() bool {
		s, ok := e.status()
		if !ok {
			return false
		}
		var stored, memory uint64
		for _, l := range s.Journal.Lanes {
			if l.Lane == "live" {
				stored, memory = l.Stored, l.Memory
			}
		}
		return memory == 0 && stored >= count
	})
}

// ready waits until the edge's process answers.
func (e *edge) ready() {
	e.t.Helper()
	await(e.t, "the edge", 20*time.Second, func() bool { _, ok := e.status(); return ok })
}

func TestSerialLineToReadings(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	s.up()
	pty, err := emulate.NewPty(filepath.Join(s.dir, "usb-station"))
	if err != nil {
		t.Fatal(err)
	}
	defer pty.Close()
	e := newEdge(t, s.dir, "pi-1", fmt.Sprintf("tcp://127.0.0.1:%d", s.mqtt), "port: "+filepath.Join(s.dir, "usb-station"))
	e.up()
	e.ready()
	say(t, pty, 1, 500)
	await(t, "500 readings at the gateway", 30*time.Second, func() bool { return len(s.readings("pi-1")) >= 500 })
	onceInOrder(t, s.readings("pi-1"), 1, 500)
	for _, r := range s.readings("pi-1") {
		if r.Device != "d0" || r.Quality != "good" || r.Lane != "live" || r.StoredAt == "" {
			t.Fatalf("reading %+v", r)
		}
	}
	if code := e.process.stop(t); code != 0 {
		t.Errorf("the edge stopped with status %d", code)
	}
	if code := s.gateway.stop(t); code != 0 {
		t.Errorf("the gateway stopped with status %d", code)
	}
}

// tcpSite is a site with one edge that reads an instrument over TCP through the given link.
func tcpSite(t *testing.T, s *site, link string) (*edge, *emulate.TCP) {
	t.Helper()
	tcp, err := emulate.ListenTCP("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tcp.Close() })
	e := newEdge(t, s.dir, "pi-1", link, "tcp: "+tcp.Address())
	e.up()
	connected(t, tcp)
	return e, tcp
}

// again starts the edge again and waits until it reads the instrument, which has forgotten the connection of the process before.
func (e *edge) again(tcp *emulate.TCP) {
	e.t.Helper()
	if err := tcp.Unplug(); err != nil {
		e.t.Fatal(err)
	}
	e.up()
	if err := tcp.Plug(); err != nil {
		e.t.Fatal(err)
	}
	connected(e.t, tcp)
}

func connected(t *testing.T, tcp *emulate.TCP) {
	t.Helper()
	select {
	case <-tcp.Connected():
	case <-time.After(30 * time.Second):
		t.Fatal("the edge did not connect to the instrument")
	}
}

func TestTCPLineToReadings(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	s.up()
	_, tcp := tcpSite(t, s, fmt.Sprintf("tcp://127.0.0.1:%d", s.mqtt))
	say(t, tcp, 1, 2000)
	await(t, "2000 readings at the gateway", 30*time.Second, func() bool { return len(s.readings("pi-1")) >= 2000 })
	onceInOrder(t, s.readings("pi-1"), 1, 2000)
}

// mosquitto starts the real thing on a port of its own; the test is skipped where it is not installed.
func mosquitto(t *testing.T, dir string) (p *process, port_ int) {
	t.Helper()
	path, err := exec.LookPath("mosquitto")
	if err != nil {
		path = "/usr/sbin/mosquitto"
		if _, err := os.Stat(path); err != nil {
			t.Skip("mosquitto is not installed; scripts/setup installs it")
		}
	}
	port_ = port(t)
	config := write(t, filepath.Join(dir, "mosquitto.conf"), fmt.Sprintf("listener %d 127.0.0.1\nallow_anonymous true\npersistence false\n", port_))
	if link, err := filepath.Rel(binaries, path); err == nil {
		path = link
	}
	return start(t, path, "-c", config), port_
}

func TestThroughAnOutsideMosquitto(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	broker, port := mosquitto(t, dir)
	url := fmt.Sprintf("tcp://127.0.0.1:%d", port)
	s := newSite(t, fmt.Sprintf("- {name: plant, mqtt: {url: %q}}", url))
	s.up()
	_, tcp := tcpSite(t, s, url)
	say(t, tcp, 1, 500)
	await(t, "500 readings at the gateway", 60*time.Second, func() bool { return len(s.readings("pi-1")) >= 500 })

	// The broker keeps nothing: what it had in hand when it is killed must come again.
	broker.kill()
	say(t, tcp, 501, 800)
	config := filepath.Join(dir, "mosquitto.conf")
	path, err := filepath.Rel(binaries, "/usr/sbin/mosquitto")
	if err != nil {
		t.Fatal(err)
	}
	start(t, path, "-c", config)
	say(t, tcp, 801, 1000)
	await(t, "1000 readings at the gateway", 2*time.Minute, func() bool { return len(s.readings("pi-1")) >= 1000 })
	onceInOrder(t, s.readings("pi-1"), 1, 1000)
	await(t, "nothing missing", 30*time.Second, func() bool { return s.node("pi-1").missing() == 0 })
}
