package edge_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fieldpost/configs/setting"
	"fieldpost/drivers"
	"fieldpost/edge"
	"fieldpost/forwarder"
	"fieldpost/telemetry"
)

// noWay is a link that never comes about, after so many bytes.
type noWay struct{ in, out uint64 }

func (noWay) Dial(context.Context, forwarder.Info) (forwarder.Conn, error) {
	return nil, errors.New("no way there")
}
func (n noWay) Counters() forwarder.Counters {
	return forwarder.Counters{In: forwarder.Traffic{Socket: n.in}, Out: forwarder.Traffic{Socket: n.out}}
}

// root writes files below a folder that stands for /.
func root(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// pi is what a Raspberry Pi 4 says of itself.
var pi = map[string]string{
	"proc/loadavg":                           "0.52 0.58 0.59 1/189 3421\n",
	"proc/uptime":                            "93784.57 371120.11\n",
	"proc/meminfo":                           "MemTotal:        1892532 kB\nMemFree:          120044 kB\nMemAvailable:    1500000 kB\n",
	"proc/self/io":                           "rchar: 1\nwchar: 2\nsyscr: 3\nsyscw: 4\nread_bytes: 4096\nwrite_bytes: 31457280\ncancelled_write_bytes: 0\n",
	"sys/class/thermal/thermal_zone0/type":   "gpu-thermal\n",
	"sys/class/thermal/thermal_zone0/temp":   "40000\n",
	"sys/class/thermal/thermal_zone1/type":   "cpu-thermal\n",
	"sys/class/thermal/thermal_zone1/temp":   "48312\n",
	"sys/class/thermal/cooling_device0/type": "rpi-poe-fan\n",
}

// ownReading is a reading of device node.
type ownReading struct {
	Metric, Unit, Lane, Quality string
	Value                       json.RawMessage
}

// own returns the first reading of each metric of device node.
func own(t *testing.T, dir string) map[string]ownReading {
	t.Helper()
	var rs []ownReading
	ask(t, dir, "/v1/readings?device=node", &rs)
	out := map[string]ownReading{}
	for _, r := range rs {
		if _, ok := out[r.Metric]; !ok {
			out[r.Metric] = r
		}
	}
	return out
}

func TestNodeReportsOnItself(t *testing.T) {
	dir := t.TempDir()
	long := strings.Repeat("x", 63)
	e, _ := start(t, edge.Config{
		Journal: edge.JournalSettings{Dir: dir}, Health: setting.DurationOrOff(10 * time.Millisecond), Root: root(t, pi),
		Archive: &edge.ArchiveSettings{MaxSize: 16 << 20, MaxAge: setting.Duration(time.Hour)},
		Source:  &wristwatch{wall: telemetry.TimeOf(time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)), mono: 5e9},
		Lines:   []edge.Line{{Bus: drivers.Bus{Name: "x"}, Kind: kind(&scripted{}), Devices: []edge.Device{device("a", 0, "m")}}},
		Links: []edge.Link{
			{Name: "LTE-1", Kind: "mqtt", Dialer: noWay{1000, 2000}},
			{Name: "lte_1", Kind: "mqtt", Dialer: noWay{30, 50}}, // shares the metrics of the one before
			{Name: long, Kind: "mqtt", Dialer: noWay{7, 8}},
		},
	})
	want := map[string]ownReading{
		"cpu_temperature":  {Unit: "Cel", Value: json.RawMessage("48.312")},
		"load":             {Value: json.RawMessage("0.52")},
		"uptime":           {Unit: "s", Value: json.RawMessage("93784")},
		"memory_available": {Unit: "B", Value: json.RawMessage("1536000000")},
		"written":          {Unit: "B", Value: json.RawMessage("31457280")},
		"disk_free":        {Unit: "B"},
		"journal_size":     {Unit: "B"},
		"archive_size":     {Unit: "B"},
		"backlog_alarm":    {Unit: "count", Value: json.RawMessage("0")},
		"backlog_live":     {Unit: "count", Value: json.RawMessage("0")},
		"backlog_bulk":     {Unit: "count"},
		"clock":            {Value: json.RawMessage(`"sync"`)},

		"link_lte_1_received":                           {Unit: "B", Value: json.RawMessage("1030")},
		"link_lte_1_sent":                               {Unit: "B", Value: json.RawMessage("2050")},
		"link_" + strings.Repeat("x", 49) + "_received": {Unit: "B", Value: json.RawMessage("7")},
		"link_" + strings.Repeat("x", 49) + "_sent":     {Unit: "B", Value: json.RawMessage("8")},
	}
	await(t, "the node's own readings", func() bool { return len(own(t, dir)) >= len(want) })
	got := own(t, dir)
	if g, w := slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)); !slices.Equal(g, w) {
		t.Fatalf("metrics %v\nwant %v", g, w)
	}
	for name, w := range want {
		g := got[name]
		if g.Unit != w.Unit || g.Lane != "bulk" || g.Quality != "good" || w.Value != nil && string(g.Value) != string(w.Value) {
			t.Errorf("%s: got %s %s in %s, want %s %s in bulk", name, g.Value, g.Unit, g.Lane, w.Value, w.Unit)
		}
	}
	for _, name := range []string{"disk_free", "journal_size", "archive_size"} {
		var n int64
		if err := json.Unmarshal(got[name].Value, &n); err != nil || n < 1<<10 {
			t.Errorf("%s is %s", name, got[name].Value)
		}
	}

	// It is a device like others in status; it can be neither silent nor in trouble for what a machine does not have.
	await(t, "more readings, of which few are worth sending", func() bool { return e.Status().Devices[1].Reduced > 200 })
	s := e.Status()
	if d := s.Devices[1]; d.Device != "node" || d.Silent || d.Errors != 0 || d.Last == nil || len(d.Metrics) != len(want) {
		t.Errorf("status: %+v", d)
	}
	var text strings.Builder
	if err := s.Print(&text, time.Now()); err != nil || !strings.Contains(text.String(), "cpu_temperature") {
		t.Errorf("printed (%v):\n%s", err, text.String())
	}
}

func TestNodeLeavesOutWhatItsMachineLacks(t *testing.T) {
	dir := t.TempDir()
	e, _ := start(t, edge.Config{
		Journal: edge.JournalSettings{Dir: dir}, Health: setting.DurationOrOff(10 * time.Millisecond),
		Root: root(t, map[string]string{"proc/uptime": "17.5 1\n", "proc/loadavg": "?\n"}),
	})
	var d edge.DeviceStatus
	await(t, "a report", func() bool { d = e.Status().Devices[0]; return d.Readings > 0 })
	if !strings.Contains(d.Err, "proc/loadavg") {
		t.Errorf("a file that makes no sense: %q", d.Err)
	}
	await(t, "readings", func() bool { return len(own(t, dir)) > 0 })
	got := own(t, dir)
	if string(got["uptime"].Value) != "17" {
		t.Errorf("uptime is %s", got["uptime"].Value)
	}
	for _, name := range []string{"cpu_temperature", "load", "memory_available", "written", "archive_size"} {
		if r, ok := got[name]; ok {
			t.Errorf("%s is %s on a machine that has none", name, r.Value)
		}
	}
}

func TestNodeReportsRealNumbers(t *testing.T) {
	dir := t.TempDir()
	start(t, edge.Config{Journal: edge.JournalSettings{Dir: dir}, Health: setting.DurationOrOff(time.Hour)}) // and at the start
	await(t, "readings", func() bool { return len(own(t, dir)) > 0 })
	got := own(t, dir)
	for _, name := range []string{"load", "memory_available", "uptime", "disk_free"} {
		var f float64
		if err := json.Unmarshal(got[name].Value, &f); err != nil || f < 0 || f == 0 && name != "load" {
			t.Errorf("%s is %s", name, got[name].Value)
		}
	}
}
