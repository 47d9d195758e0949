package measure

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"fieldpost/internal/child"
)

// Where everything listens: on loopback addresses that nothing else uses.
const (
	nodeName      = "pi-1"
	brokerAddress = "127.77.0.1:1883"
	gatewayHTTP   = "127.77.0.1:8080"
	edgeHTTP      = "127.77.0.1:8081"
)

// benchBinary runs what is to be profiled, or has what the product has not.
const benchBinary = "fieldpost-bench"

// site is a gateway and an edge in a folder of their own.
type site struct {
	bin, dir          string
	profiles          string // folder for profiles of what runs; "": none
	gatewayAt, edgeAt string // host:port of their HTTP
	gateway           *child.Process
	edge              *child.Process
	log               child.Tail
}

// open makes the folder, in a temporary one if dir is "".
func (s *site) open(dir, bin string) (err error) {
	s.dir, s.bin = dir, bin
	if s.gatewayAt == "" {
		s.gatewayAt, s.edgeAt = gatewayHTTP, edgeHTTP
	}
	if dir == "" {
		s.dir, err = os.MkdirTemp("", "fieldpost-measure-")
	}
	return err
}

// close ends what runs and removes the folder.
func (s *site) close() {
	s.edge.Kill()
	s.gateway.Kill()
	os.RemoveAll(s.dir)
}

// files writes files into the folder.
func (s *site) files(texts map[string]string) error {
	for name, text := range texts {
		path := filepath.Join(s.dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// startGateway starts the gateway and waits until it answers.
func (s *site) startGateway(ctx context.Context) (err error) {
	run := []string{filepath.Join(s.bin, "fieldpost-gateway"), "run"}
	if s.profiles != "" {
		run = []string{filepath.Join(s.bin, benchBinary), "gateway", "-profiles", s.profiles}
	}
	if s.gateway, err = child.Start(&s.log, append(run, "-config", filepath.Join(s.dir, "gateway.yaml"))...); err != nil {
		return err
	}
	return await(ctx, "the gateway", time.Minute, func() bool { return get(s.gatewayAt, "/healthz", nil) == nil })
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
