package outage

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Where everything listens: on loopback addresses that nothing else uses.
const (
	nodeName      = "pi-1"
	brokerAddress = "127.77.0.1:1883"
	gatewayHTTP   = "127.77.0.1:8080"
	edgeHTTP      = "127.77.0.1:8081"
)

// write writes the files of gateway and edge.
func (g *rig) write() error {
	files := map[string]string{
		"gateway.yaml": fmt.Sprintf("data: %s\nsources:\n  - {name: own, mqtt_broker: {listen: %q}}\nhttp: {listen: %q}\n",
			filepath.Join(g.dir, "store"), brokerAddress, gatewayHTTP),
		"edge.yaml": fmt.Sprintf("node: %s\njournal: {dir: journal}\nlinks:\n  - {name: slow, mqtt: {url: \"tcp://%s\"}}\nhttp: {listen: %q}\nhealth: off\nclock: {source: system}\n",
			nodeName, g.proxy.Addr(), edgeHTTP),
		"devices/d0.yaml": fmt.Sprintf("device: d0\nline:\n  tcp: %s\n  format: csv\nsilent: off\nmetrics:\n  - {name: n, field: 1, type: integer}\n"+
			"patterns:\n  - {name: low, when: n < -500000000, clear: n > 500000000, severity: critical}\n", g.instrument.Address()),
	}
	for name, text := range files {
		path := filepath.Join(g.dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// lane is one lane of /v1/nodes.
type lane struct {
	Lane    string
	Stored  int
	Missing [][2]uint64
	Lost    []struct{ From, To uint64 }
}

func lanes(address string) []lane {
	var nodes []struct {
		Node  string
		Lanes []lane
	}
	if err := get(address, "/v1/nodes", &nodes); err != nil {
		return nil
	}
	for _, n := range nodes {
		if n.Node == nodeName {
			return n.Lanes
		}
	}
	return nil
}

// stored returns how many records of a lane are on a disk.
func stored(address, name string) (n int) {
	for _, l := range lanes(address) {
		if l.Lane == name {
			n += l.Stored
		}
	}
	return n
}

// missing returns how many records the gateway lacks, as far as it knows.
func missing() (n uint64) {
	for _, l := range lanes(gatewayHTTP) {
		for _, r := range l.Missing {
			n += r[1] - r[0] + 1
		}
		for _, r := range l.Lost {
			n += r.To - r.From + 1
		}
	}
	return n
}

func get(address, path string, into any) error {
	client := http.Client{Timeout: 10 * time.Second}
	resp, err := client.Get("http://" + address + path)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s", path, resp.Status)
	}
	if into == nil {
		return nil
	}
	return json.NewDecoder(resp.Body).Decode(into)
}

// await looks again and again until ok holds.
func await(ctx context.Context, what string, limit time.Duration, ok func() bool) error {
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-deadline.C:
			return fmt.Errorf("waited %v in vain for %s", limit, what)
		case <-tick.C:
		}
	}
	return nil
}

// resident returns the most memory that a process had in RAM, in bytes: VmHWM of /proc/<pid>/status.
func resident(pid int) int64 {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if rest, ok := strings.CutPrefix(s.Text(), "VmHWM:"); ok {
			var kib int64
			if _, err := fmt.Sscan(rest, &kib); err == nil {
				return kib << 10
			}
		}
	}
	return 0
}

// size returns how many bytes the files of a folder have.
func size(dir string) (n int64) {
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if info, err := d.Info(); err == nil {
				n += info.Size()
			}
		}
		return nil
	})
	return n
}
