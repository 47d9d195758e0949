package torture

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	nodeName    = "pi-1"
	commitEvery = 100 * time.Millisecond
)

// lanes are where the instruments' readings go: each device has one metric that is counted, n.
var lanes = map[string]string{"d0": "live", "d1": "bulk"}

// site is where a schedule's files and ports are. It has an address of its own on the loopback interface: a port that was asked for and closed may be
// another's when a process that was killed wants it again.
type site struct {
	dir, host string
	shape     shape
}

func newSite(dir string, seed uint64, s shape) site {
	return site{dir, fmt.Sprintf("127.%d.%d.%d", 1+os.Getpid()%254, seed/250%250, 1+seed%250), s}
}

func (s site) at(port int) string { return fmt.Sprintf("%s:%d", s.host, port) }

// The ports.
func (s site) gatewayBroker() string      { return s.at(1883) }
func (s site) mosquitto() string          { return s.at(1884) }
func (s site) gatewayHTTP() string        { return s.at(8080) }
func (s site) edgeHTTP(unit int) string   { return s.at(8090 + unit) }
func (s site) instrument(unit int) string { return s.at(4000 + unit) }
func (s site) readerHTTP() string         { return s.at(8081) } // of what reads a copy of an edge's folder

// The files.
func (s site) gatewayConfig() string   { return filepath.Join(s.dir, "gateway.yaml") }
func (s site) mosquittoConfig() string { return filepath.Join(s.dir, "mosquitto.conf") }
func (s site) clock() string           { return filepath.Join(s.dir, "clock") }
func (s site) edgeConfig(unit int) string {
	return filepath.Join(s.dir, fmt.Sprint("edge-", unit), "edge.yaml")
}
func (s site) pty(unit int) string { return filepath.Join(s.dir, fmt.Sprint("tty-", unit)) }

// The disks. A clone is on the disk of the edge it was made of.
func (s site) edgeDisk() string    { return filepath.Join(s.dir, "edge-disk") }
func (s site) gatewayDisk() string { return filepath.Join(s.dir, "gateway-disk") }
func (s site) journal(unit int) string {
	return filepath.Join(s.edgeDisk(), fmt.Sprint("journal-", unit))
}
func (s site) store() string { return filepath.Join(s.gatewayDisk(), "data") }

// broker is where the edge's frames go, through whatever is in between.
func (s site) broker() string {
	if s.shape.way == embedded {
		return s.gatewayBroker()
	}
	return s.mosquitto()
}

// writeGateway writes the files of the gateway's side. bridge is where a bridging Mosquitto finds the gateway.
func (s site) writeGateway(bridge string) error {
	source := fmt.Sprintf("{name: own, mqtt_broker: {listen: %q}}", s.gatewayBroker())
	if s.shape.way == outside {
		source = fmt.Sprintf("{name: plant, mqtt: {url: \"tcp://%s\"}}", s.mosquitto())
	}
	host, port, _ := strings.Cut(s.mosquitto(), ":")
	mosquitto := fmt.Sprintf("listener %s %s\nallow_anonymous true\npersistence false\n", port, host)
	if s.shape.way == bridged {
		mosquitto += fmt.Sprintf(`connection center
address %s
try_private false
notifications false
cleansession true
restart_timeout 1
topic fp/%s/up out 0
topic fp/%[2]s/state/+ out 0
topic fp/%[2]s/down in 0
`, bridge, nodeName)
	}
	return write(map[string]string{
		s.gatewayConfig():   fmt.Sprintf("data: %s\nsources:\n  - %s\nhttp: {listen: %q}\n", s.store(), source, s.gatewayHTTP()),
		s.mosquittoConfig(): mosquitto,
	})
}

// writeEdge writes the files of one edge, whose links go to these addresses.
func (s site) writeEdge(unit int, links []string) error {
	var all strings.Builder
	for i, l := range links {
		fmt.Fprintf(&all, "  - {name: up%d, coding: %s, mqtt: {url: \"tcp://%s\"}}\n", i, s.shape.coding, l)
	}
	config := s.edgeConfig(unit)
	devices := filepath.Join(filepath.Dir(config), "devices")
	return write(map[string]string{
		config: fmt.Sprintf("node: %s\njournal: {dir: %s, commit_every: %s}\nlinks:\n%shttp: {listen: %q}\nhealth: off\n",
			nodeName, s.journal(unit), commitEvery, &all, s.edgeHTTP(unit)),
		filepath.Join(devices, "d0.yaml"): s.device("d0", "port: "+s.pty(unit)) + pattern,
		filepath.Join(devices, "d1.yaml"): s.device("d1", "tcp: "+s.instrument(unit)),
	})
}

// pattern changes its state every hundred readings. Its message names the reading that did it.
const (
	patternName = "hundreds"
	pattern     = "patterns:\n  - {name: " + patternName + ", when: \"n / 200 - floor(n / 200) >= 0.5\", message: \"{n}\"}\n"
)

// device is a device's file. With little room its lines are long, so that there is something to forget.
func (s site) device(name, attach string) string {
	metrics := fmt.Sprintf("  - {name: n, field: 1, type: integer, lane: %s}\n", lanes[name])
	if s.shape.small {
		metrics += fmt.Sprintf("  - {name: ballast, field: 2, type: text, lane: %s}\n", lanes[name])
	}
	return fmt.Sprintf("device: %s\nline:\n  %s\n  format: csv\nsilent: off\nmetrics:\n%s", name, attach, metrics)
}

func write(files map[string]string) error {
	for path, text := range files {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}
