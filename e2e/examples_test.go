package e2e

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"fieldpost/drivers/emulate"
)

// examples are the files for a newcomer's first day, as they are shipped.
const examples = "../configs/examples"

// captured are the instruments of the examples: testdata/examples has for each the bytes that it sent, <device>.bin, and what they say, <device>.ndjson.
// All begin with what a line brings that is opened at a bad moment, and have among them what such an instrument sends when something is wrong.
var captured = []struct {
	device string
	bad    int      // lines or fields that are not understood
	held   []string // "metric value" that the example's deadband keeps off the link
}{
	{"boiler", 2, []string{"pressure 245.1"}}, // words at the start, a lost field; 85 and -127 are read, and marked
	{"gps", 1, nil},        // a wrong checksum; sentences without a fix are right
	{"greenhouse", 2, nil}, // what an ESP32 says at its start; nan is read, and marked
	{"meter", 1, nil},      // an object with nothing in it that is wanted
	{"scale", 2, nil},      // the end of a line, a weight below zero; more than it can carry is read, and marked
	{"weather", 1, nil},    // a line cut short; a null is no mistake
}

func capture(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "examples", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestExamplesDecode feeds each example what its instrument sent, in chunks of all kinds.
func TestExamplesDecode(t *testing.T) {
	t.Parallel()
	for _, c := range captured {
		want := string(capture(t, c.device+".ndjson"))
		for _, chunk := range []string{"1", "7", "4096"} {
			code, out, errs := command(t, "fieldpost-edge", "decode", "-chunk", chunk,
				"-device", absolute(t, filepath.Join(examples, "devices", c.device+".yaml")), "-in", absolute(t, filepath.Join("testdata", "examples", c.device+".bin")))
			if code != 0 || out != want {
				t.Errorf("%s by %s: status %d, got\n%s\nwant\n%s", c.device, chunk, code, out, want)
			}
			says(t, errs, fmt.Sprintf("^%d (telegram or field was|telegrams or fields were) not understood$", c.bad))
		}
	}
	// A recording is its own capture.
	code, out, _ := command(t, "fieldpost-edge", "decode", "-device", absolute(t, filepath.Join(examples, "devices", "house.yaml")), "-in", absolute(t, recording))
	if want := recorded(t); code != 0 || !equal(parse(t, []byte(out)), want) {
		t.Errorf("house: status %d, got\n%s\nwant\n%v", code, out, want)
	}
	// What makes its values up has no bytes to decode.
	code, _, errs := command(t, "fieldpost-edge", "decode", "-device", absolute(t, filepath.Join(examples, "devices", "tank.yaml")), "-in", os.DevNull)
	if code != 1 {
		t.Errorf("tank: status %d", code)
	}
	says(t, errs, "^fieldpost-edge: driver sim reads no stream: there is nothing to decode$")
}

// TestExamplesLive runs the whole folder of examples as a newcomer would copy it, with nothing changed but where things are: each instrument sends
// what was captured, on a pty or over TCP, and at the gateway is just what that says.
func TestExamplesLive(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	s.up()
	e, wires := exampleEdge(t, s, "pi-7")
	again, _ := exampleEdge(t, s, "pi-8")
	e.up()
	e.ready()
	for _, c := range captured {
		wire := wires[c.device]
		if tcp, ok := wire.(*emulate.TCP); ok {
			connected(t, tcp)
		}
		if _, err := wire.Write(capture(t, c.device+".bin")); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range captured {
		want := parse(t, capture(t, c.device+".ndjson"))
		for _, h := range c.held {
			metric, value, _ := strings.Cut(h, " ")
			n := slices.Index(want[metric], exampleReading{Value: value, Unit: "kPa", Quality: "good"})
			if n < 0 {
				t.Fatalf("%s: no %s was sent", c.device, h)
			}
			want[metric] = slices.Delete(want[metric], n, n+1)
		}
		var got map[string][]exampleReading
		await(t, "all readings of "+c.device, patience, func() bool {
			got = s.example(e.node, c.device)
			return count(got) >= count(want)
		})
		if !equal(got, want) {
			t.Errorf("%s: got\n%v\nwant\n%v", c.device, got, want)
		}
	}

	// A minute of the recording is a second: the first ones will do.
	want := recorded(t)
	var got map[string][]exampleReading
	await(t, "the beginning of the recording", patience, func() bool { got = s.example(e.node, "house"); return count(got) >= 12 })
	for metric, rs := range got {
		if n := min(len(rs), len(want[metric])); !slices.Equal(rs[:n], want[metric][:n]) {
			t.Errorf("house: %s is %v, recorded is %v", metric, rs, want[metric][:n])
		}
	}

	// The tank says the same at each start, and on each machine.
	again.up()
	var first, second map[string][]exampleReading
	await(t, "two samples of two tanks", 2*patience, func() bool {
		first, second = s.example(e.node, "tank"), s.example(again.node, "tank")
		return len(first["level"]) >= 2 && len(second["level"]) >= 2
	})
	if len(first) != 5 {
		t.Errorf("tank: %v", first)
	}
	for metric, rs := range first {
		n := min(len(rs), len(second[metric]), 2)
		if n == 0 || !slices.Equal(rs[:n], second[metric][:n]) {
			t.Errorf("tank: %s is %v, at the second start %v", metric, rs, second[metric])
		}
	}
}

// exampleEdge copies the examples and says where things are: the node's name, folder, gateway and port, and the line of each instrument.
func exampleEdge(t *testing.T, s *site, node string) (*edge, map[string]interface{ Write([]byte) (int, error) }) {
	t.Helper()
	dir := filepath.Join(s.dir, node)
	copyDir(t, dir, examples)
	e := &edge{t: t, node: node, config: filepath.Join(dir, "edge.yaml"), journal: filepath.Join(dir, "journal")}
	edit(t, e.config, "node: pi-7", "node: "+node)
	edit(t, e.config, "dir: /var/lib/fieldpost", "dir: "+e.journal)
	edit(t, e.config, "url: tcp://127.0.0.1:1883", fmt.Sprintf("url: tcp://127.0.0.1:%d", s.mqtt))
	edit(t, e.config, "127.0.0.1:8081", fmt.Sprintf("127.0.0.1:%d", port(t)))
	wires := map[string]interface{ Write([]byte) (int, error) }{}
	for _, c := range captured {
		file := filepath.Join(dir, "devices", c.device+".yaml")
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		line := regexp.MustCompile(`(?m)^  (port|tcp): (\S+)$`).FindSubmatch(text)
		if line == nil {
			t.Fatalf("%s names neither port nor tcp", file)
		}
		if string(line[1]) == "tcp" {
			tcp := instrument(t)
			wires[c.device] = tcp
			edit(t, file, string(line[2]), tcp.Address())
			continue
		}
		link := filepath.Join(dir, "usb-"+c.device)
		pty, err := emulate.NewPty(link)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { pty.Close() })
		wires[c.device] = pty
		edit(t, file, string(line[2]), link)
	}
	return e, wires
}

// exampleReading is what the examples are compared by, in the order of one metric; Time is the instrument's, "" if it sends none.
type exampleReading struct{ Value, Unit, Quality, Time string }

// example fetches a device's readings, by metric.
func (s *site) example(node, device string) map[string][]exampleReading {
	s.t.Helper()
	var all []reading
	get(s.t, s.url("/v1/readings", url.Values{"node": {node}, "device": {device}, "limit": {"100000"}}), &all)
	slices.SortStableFunc(all, func(a, b reading) int { return cmp.Compare(a.Seq, b.Seq) }) // a metric is in one lane
	out := map[string][]exampleReading{}
	for _, r := range all {
		x := exampleReading{Value: string(r.Value), Unit: r.Unit, Quality: r.Quality}
		if device == "weather" {
			x.Time = r.Time.UTC().Format(time.RFC3339Nano)
		}
		out[r.Metric] = append(out[r.Metric], x)
	}
	return out
}

// parse reads what decode prints, by metric.
func parse(t *testing.T, lines []byte) map[string][]exampleReading {
	t.Helper()
	out := map[string][]exampleReading{}
	for d := json.NewDecoder(bytes.NewReader(lines)); d.More(); {
		var r struct {
			Metric, Unit, Quality string
			Time                  *time.Time
			Value                 json.RawMessage
		}
		if err := d.Decode(&r); err != nil {
			t.Fatal(err)
		}
		x := exampleReading{Value: string(r.Value), Unit: r.Unit, Quality: r.Quality}
		if r.Time != nil {
			x.Time = r.Time.Format(time.RFC3339Nano)
		}
		out[r.Metric] = append(out[r.Metric], x)
	}
	return out
}

// recording is what the example house plays.
const recording = examples + "/recordings/household_power.csv"

// recorded are the readings that the recording has of house's metrics.
func recorded(t *testing.T) map[string][]exampleReading {
	t.Helper()
	f, err := os.Open(recording)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	metrics := map[string]struct{ metric, unit string }{
		"active_kw": {"power", "kW"}, "voltage": {"voltage", "V"}, "intensity": {"intensity", "A"}, "sub1_wh": {"kitchen", "Wh"},
	}
	out := map[string][]exampleReading{}
	for _, r := range rows[1:] {
		m, ok := metrics[r[1]]
		if !ok {
			continue
		}
		value := r[2]
		if strings.Contains(value, ".") {
			value = strings.TrimRight(strings.TrimRight(value, "0"), ".")
		}
		out[m.metric] = append(out[m.metric], exampleReading{Value: value, Unit: m.unit, Quality: "good"})
	}
	return out
}

func count(rs map[string][]exampleReading) (n int) {
	for _, r := range rs {
		n += len(r)
	}
	return n
}

func equal(a, b map[string][]exampleReading) bool { return maps.EqualFunc(a, b, slices.Equal) }

func absolute(t *testing.T, path string) string {
	t.Helper()
	abs, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return abs
}
