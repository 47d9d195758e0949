package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"fieldpost/powercut/cuttest"
)

// binaries is the folder of the built commands.
var binaries string

func TestMain(m *testing.M) {
	if cuttest.Served() {
		return
	}
	code, err := buildAndRun(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(code)
}

func buildAndRun(m *testing.M) (int, error) {
	dir, err := os.MkdirTemp("", "fieldpost-e2e-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	binaries = dir
	build := exec.Command("go", "build", "-o", dir+"/", "../cmd/fieldpost-edge", "../cmd/fieldpost-gateway")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("build the commands: %w\n%s", err, out)
	}
	return m.Run(), nil
}

// log gathers what a process writes.
type log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// process is a running binary.
type process struct {
	cmd    *exec.Cmd
	log    *log
	exited chan struct{}
}

// start starts a binary. What it wrote is shown if the test fails.
func start(t *testing.T, name string, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(filepath.Join(binaries, name), args...), log: &log{}, exited: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	p.cmd.Dir = t.TempDir()
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.cmd.Wait() // the state is in ProcessState
		close(p.exited)
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			text := p.log.String()
			if len(text) > 6000 {
				text = text[:2000] + "\n…\n" + text[len(text)-4000:]
			}
			t.Logf("%s %v wrote:\n%s", name, args, text)
		}
	})
	return p
}

// kill is kill -9.
func (p *process) kill() {
	p.cmd.Process.Kill() // gone already: fine
	<-p.exited
}

// stop is SIGTERM; it returns the exit status.
func (p *process) stop(t *testing.T) int {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatal(err)
	}
	select {
	case <-p.exited:
	case <-time.After(30 * time.Second):
		t.Fatalf("%s did not stop within 30 s", p.cmd.Path)
	}
	return p.cmd.ProcessState.ExitCode()
}

// port returns a port that was free a moment ago.
func port(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// await waits until ok holds.
func await(t *testing.T, what string, limit time.Duration, ok func() bool) {
	t.Helper()
	deadline := time.After(limit)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline:
			t.Fatalf("waited %v in vain for %s", limit, what)
		case <-tick.C:
		}
	}
}

// site is a gateway, and nodes that reach it.
type site struct {
	t       *testing.T
	dir     string
	mqtt    int
	http    int
	config  string // of the gateway
	data    string // of the gateway
	gateway *process
}

// newSite writes a gateway's file. source is its sources section, or "" for the embedded broker.
func newSite(t *testing.T, source string) *site {
	t.Helper()
	s := &site{t: t, dir: t.TempDir(), mqtt: port(t), http: port(t)}
	s.data = filepath.Join(s.dir, "gateway-data")
	if source == "" {
		source = fmt.Sprintf("- {name: broker, mqtt_broker: {listen: \"127.0.0.1:%d\"}}", s.mqtt)
	}
	s.config = write(t, filepath.Join(s.dir, "gateway.yaml"), fmt.Sprintf("data: %s\nsources:\n  %s\nhttp: {listen: \"127.0.0.1:%d\"}\n", s.data, source, s.http))
	return s
}

// up starts the gateway and waits until it is ready.
func (s *site) up() {
	s.t.Helper()
	s.gateway = start(s.t, "fieldpost-gateway", "run", "-config", s.config)
	await(s.t, "the gateway", 20*time.Second, func() bool {
		resp, err := http.Get(s.url("/readyz", nil))
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

func (s *site) url(path string, query url.Values) string {
	return fmt.Sprintf("http://127.0.0.1:%d%s?%s", s.http, path, query.Encode())
}

// get fetches JSON; it returns false if the gateway does not answer.
func get(t *testing.T, url string, into any) bool {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return false
	}
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %s: %s", url, resp.Status, b)
	}
	if err := json.Unmarshal(b, into); err != nil {
		t.Fatalf("GET %s: %v: %.300s", url, err, b)
	}
	return true
}

// reading is one object of /v1/readings.
type reading struct {
	Node, Device, Metric string
	Time                 time.Time
	Value                json.RawMessage
	Unit, Quality        string
	Lane, Epoch          string
	Seq                  uint64
	StoredAt             string `json:"stored_at"`
	Clock                string
}

func (r reading) number(t *testing.T) int {
	t.Helper()
	n, err := strconv.Atoi(string(r.Value))
	if err != nil {
		t.Fatalf("reading %+v: %v", r, err)
	}
	return n
}

// readings fetches all of a node's metric n.
func (s *site) readings(node string) []reading {
	s.t.Helper()
	var out []reading
	get(s.t, s.url("/v1/readings", url.Values{"node": {node}, "metric": {"n"}, "limit": {"1000000"}}), &out)
	return out
}

// nodeLane is one lane of /v1/nodes.
type nodeLane struct {
	Lane, Epoch   string
	Stored        uint64
	Highest       uint64
	Missing, Held [][2]uint64
	Lost          []struct {
		From, To uint64
		Reason   string
	}
}

type nodeInfo struct {
	Node   string
	Online bool
	Lanes  []nodeLane
}

func (s *site) node(name string) (n nodeInfo) {
	s.t.Helper()
	var all []nodeInfo
	get(s.t, s.url("/v1/nodes", nil), &all)
	for _, x := range all {
		if x.Node == name {
			return x
		}
	}
	return n
}

// missing counts what may still come of a node.
func (n nodeInfo) missing() (sum uint64) {
	for _, l := range n.Lanes {
		for _, r := range l.Missing {
			sum += r[1] - r[0] + 1
		}
	}
	return sum
}

// edge is a node with devices called d0, d1 … that send lines "n=<number>".
type edge struct {
	t       *testing.T
	node    string
	config  string
	journal string
	process *process
}

// newEdge writes the files of a node. It does not report on itself, so that all its records are what a test says. attach is how each device is attached, such as "port: /dev/…".
func newEdge(t *testing.T, dir, node, link string, attach ...string) *edge {
	t.Helper()
	e := &edge{t: t, node: node, journal: filepath.Join(dir, node+"-journal")}
	e.config = write(t, filepath.Join(dir, node, "edge.yaml"), fmt.Sprintf(
		"node: %s\njournal: {dir: %s, commit_every: 100ms}\nlinks:\n  - {name: up, mqtt: {url: %q}}\nhttp: {}\nhealth: off\n", node, e.journal, link))
	for i, a := range attach {
		write(t, filepath.Join(dir, node, "devices", fmt.Sprintf("d%d.yaml", i)), fmt.Sprintf(
			"device: d%d\nline:\n  %s\n  format: keyvalue\nmetrics:\n  - {name: n, type: integer}\nsilent: off\n", i, a))
	}
	return e
}

func (e *edge) up() {
	e.t.Helper()
	e.process = start(e.t, "fieldpost-edge", "run", "-config", e.config)
}

// status asks the running edge; ok is false while it does not answer.
func (e *edge) status() (s edgeStatus, ok bool) {
	e.t.Helper()
	out, err := exec.Command(filepath.Join(binaries, "fieldpost-edge"), "status", "-json", "-config", e.config).Output()
	if err != nil {
		return s, false
	}
	if err := json.Unmarshal(out, &s); err != nil {
		e.t.Fatalf("status: %v: %s", err, out)
	}
	return s, true
}

type edgeStatus struct {
	Devices []struct {
		Device   string
		Readings uint64
		Errors   uint64
		Err      string
	}
	Journal struct {
		Lanes []struct {
			Lane                    string
			Stored, Waiting, Memory uint64
		}
	}
	Links []struct {
		State, Err string
		Second     string
		Connects   uint64
	}
}

// numbers returns the values of readings in order.
func numbers(t *testing.T, rs []reading) []int {
	t.Helper()
	out := make([]int, len(rs))
	for i, r := range rs {
		out[i] = r.number(t)
	}
	return out
}

// onceInOrder checks that rs are the numbers from..to, each once, in order, each identity once.
func onceInOrder(t *testing.T, rs []reading, from, to int) {
	t.Helper()
	ids := map[string]bool{}
	for _, r := range rs {
		id := fmt.Sprintf("%s/%s/%s/%d", r.Node, r.Epoch, r.Lane, r.Seq)
		if ids[id] {
			t.Errorf("identity %s twice", id)
		}
		ids[id] = true
	}
	got := numbers(t, rs)
	want := from
	for i, n := range got {
		if n != want {
			t.Fatalf("reading %d is %d, want %d (of %d readings; around it: %v)", i, n, want, len(got), got[max(0, i-3):min(len(got), i+4)])
		}
		want++
	}
	if want != to+1 {
		t.Fatalf("readings end at %d, want %d", want-1, to)
	}
}

// copyDir makes dst a copy of src.
func copyDir(t *testing.T, dst, src string) {
	t.Helper()
	if err := os.RemoveAll(dst); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(src, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		to := filepath.Join(dst, strings.TrimPrefix(path, src))
		if d.IsDir() {
			return os.MkdirAll(to, 0o700)
		}
		if !d.Type().IsRegular() {
			return nil // the control socket
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(to, b, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
}
