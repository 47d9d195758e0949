package torture

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"
)

const (
	nodeName    = "pi-1"
	commitEvery = 100 * time.Millisecond
)

// lanes are where the instruments' readings go: each device has one metric, n.
var lanes = map[string]string{"d0": "live", "d1": "bulk"}

// site is where a schedule's files and ports are. It has an address of its own on the loopback interface: a port that was asked for and closed may be
// another's when a process that was killed wants it again.
type site struct {
	dir, host string
}

func newSite(dir string, seed uint64) site {
	return site{dir, fmt.Sprintf("127.%d.%d.%d", 1+os.Getpid()%254, seed/250%250, 1+seed%250)}
}

func (s site) broker() string      { return s.host + ":1883" }
func (s site) gatewayHTTP() string { return s.host + ":8080" }
func (s site) edgeHTTP() string    { return s.host + ":8081" }
func (s site) instrument() string  { return s.host + ":4001" }
func (s site) readerHTTP() string  { return s.host + ":8082" } // of what reads a copy of the edge's folder

func (s site) edgeConfig() string    { return filepath.Join(s.dir, "edge", "edge.yaml") }
func (s site) gatewayConfig() string { return filepath.Join(s.dir, "gateway.yaml") }
func (s site) edgeDisk() string      { return filepath.Join(s.dir, "edge-disk") }
func (s site) gatewayDisk() string   { return filepath.Join(s.dir, "gateway-disk") }
func (s site) journal() string       { return filepath.Join(s.edgeDisk(), "journal") }
func (s site) store() string         { return filepath.Join(s.gatewayDisk(), "data") }
func (s site) pty() string           { return filepath.Join(s.dir, "tty") }

// write writes the files that a user would.
func (s site) write(link, tcp string) error {
	files := map[string]string{
		s.gatewayConfig(): fmt.Sprintf("data: %s\nsources:\n  - {name: broker, mqtt_broker: {listen: %q}}\nhttp: {listen: %q}\n", s.store(), s.broker(), s.gatewayHTTP()),
		s.edgeConfig(): fmt.Sprintf("node: %s\njournal: {dir: %s, commit_every: %s}\nlinks:\n  - {name: up, mqtt: {url: \"tcp://%s\"}}\nhttp: {listen: %q}\nhealth: off\n",
			nodeName, s.journal(), commitEvery, link, s.edgeHTTP()),
		filepath.Join(s.dir, "edge", "devices", "d0.yaml"): device("d0", "port: "+s.pty()),
		filepath.Join(s.dir, "edge", "devices", "d1.yaml"): device("d1", "tcp: "+tcp),
	}
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

func device(name, attach string) string {
	return fmt.Sprintf("device: %s\nline:\n  %s\n  format: csv\nmetrics:\n  - {name: n, field: 1, type: integer, lane: %s}\nsilent: off\n", name, attach, lanes[name])
}

// reading is one object of /v1/readings.
type reading struct {
	Device string `json:"device"`
	Value  int    `json:"value"`
	Lane   string `json:"lane"`
	Epoch  string `json:"epoch"`
	Seq    uint64 `json:"seq"`
}

// identity is a reading's name for ever.
type identity struct {
	lane, epoch string
	seq         uint64
}

func (r reading) identity() identity { return identity{r.Lane, r.Epoch, r.Seq} }

// readings asks whoever listens on address for all it has, by time.
func readings(address string) ([]reading, error) {
	var out []reading
	err := get(address, "/v1/readings?"+url.Values{"node": {nodeName}, "metric": {"n"}, "format": {"ndjson"}}.Encode(), func(body io.Reader) error {
		lines := bufio.NewScanner(body)
		for lines.Scan() {
			var r reading
			if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
				return fmt.Errorf("%w in %.200s", err, lines.Bytes())
			}
			out = append(out, r)
		}
		return lines.Err()
	})
	return out, err
}

// lane is one lane of /v1/nodes.
type lane struct {
	Lane    string      `json:"lane"`
	Epoch   string      `json:"epoch"`
	Missing [][2]uint64 `json:"missing"`
	Lost    []struct {
		From   uint64 `json:"from"`
		To     uint64 `json:"to"`
		Reason string `json:"reason"`
	} `json:"lost"`
}

// account asks the gateway what it has of the node.
func account(address string) ([]lane, error) {
	var nodes []struct {
		Node  string `json:"node"`
		Lanes []lane `json:"lanes"`
	}
	err := get(address, "/v1/nodes", func(body io.Reader) error { return json.NewDecoder(body).Decode(&nodes) })
	for _, n := range nodes {
		if n.Node == nodeName {
			return n.Lanes, err
		}
	}
	return nil, err
}

func get(address, path string, read func(io.Reader) error) error {
	client := http.Client{Timeout: time.Minute}
	resp, err := client.Get("http://" + address + path)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		b, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
		return fmt.Errorf("GET %s: %s: %s", path, resp.Status, b)
	}
	return read(resp.Body)
}
