package edgefile_test

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"fieldpost/configs/edgefile"
	"fieldpost/configs/setting"
	"fieldpost/drivers"
	"fieldpost/drivers/serialport"
	"fieldpost/edge"
	"fieldpost/forwarder/link/mqtt"
)

// meter is a driver that asks: it has no decoder, and shares its bus between devices with different units.
type meter struct {
	drivers.Attachment `yaml:",inline"`
	Unit               int              `yaml:"unit"`
	Interval           setting.Duration `yaml:"interval"`
}

type register struct {
	Register uint16 `yaml:"register"`
}

func meterKind() drivers.Kind {
	return drivers.Kind{
		Name:     "meter",
		Settings: func() drivers.Settings { return &meter{Unit: 1, Interval: setting.Duration(10 * time.Second)} },
		Address:  func() any { return new(register) },
		New: func(bus drivers.Bus, devices []drivers.Device, _ *slog.Logger) (drivers.Driver, error) {
			var problems []error
			units := make(map[int]string)
			for _, d := range devices {
				unit := d.Settings.(*meter).Unit
				if other := units[unit]; other != "" {
					problems = append(problems, fmt.Errorf("%s and %s are both unit %d", other, d.Name, unit))
				}
				units[unit] = d.Name
				for _, m := range d.Metrics {
					if m.Address.(*register).Register > 9999 {
						problems = append(problems, &drivers.MetricError{Metric: m.Name, Key: "register", Err: errors.New("no such register")})
					}
				}
			}
			if len(problems) > 0 {
				return nil, fmt.Errorf("bus %s: %w", bus.Name, errors.Join(problems...))
			}
			return nil, nil
		},
	}
}

// plain is a driver that adds nothing to a metric.
func plainKind() drivers.Kind {
	return drivers.Kind{
		Name:     "plain",
		Settings: func() drivers.Settings { return new(drivers.Attachment) },
		New:      func(drivers.Bus, []drivers.Device, *slog.Logger) (drivers.Driver, error) { return nil, nil },
	}
}

func kinds() []drivers.Kind { return []drivers.Kind{meterKind(), plainKind()} }

// write makes files below a new folder and returns the path of edge.yaml there.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "edge.yaml")
}

func TestLoadFillsTheConfig(t *testing.T) {
	path := write(t, map[string]string{
		"edge.yaml": `
node: pi-7
labels: {site: north}
journal: {dir: data, max_size: 1GiB}
archive: {max_age: 7d}
links:
  - {name: lan, mqtt: {url: "tcp://127.0.0.1:1883", username: u, password_file: secret}}
buses:
  - {name: rs485, serial: {port: /dev/b, mode: 8E1}}
  - {name: net, tcp: "10.0.0.5:502"}
  - {name: unused, tcp: "10.0.0.6:502"}
devices: sensors/*
`,
		"secret":        "x",
		"sensors/b.yml": "device: b\nmeter: {bus: rs485, unit: 2}\nmetrics: [{name: power, register: 40, unit: W, scale: 0.1, lane: bulk, type: integer}]\n",
		"sensors/a":     "metrics: [{name: power, register: 0x28}]\nsilent: off\ndevice: a\nmeter: {bus: rs485, interval: 1m}\n",
		"sensors/c.yml": "device: c\nplain: {port: /dev/c, baud: 300}\nmetrics: [{name: x}]\nlabels: {k: v}\n",
	})
	dir := filepath.Dir(path)
	config, problems := edgefile.Load(path, kinds())
	want := path + ":10:12: warning: no device is on bus \"net\"\n" + path + ":11:12: warning: no device is on bus \"unused\"\n"
	if problems.String() != want {
		t.Fatalf("got:\n%swant:\n%s", problems, want)
	}

	if config.Node != "pi-7" || !reflect.DeepEqual(config.Labels, map[string]string{"site": "north"}) {
		t.Errorf("got node %q, labels %v", config.Node, config.Labels)
	}
	if want := (edge.JournalSettings{Dir: filepath.Join(dir, "data"), MaxSize: 1 << 30, CommitEvery: setting.Duration(time.Second)}); config.Journal != want {
		t.Errorf("got  %+v\nwant %+v", config.Journal, want)
	}
	if want := (edge.ArchiveSettings{MaxSize: 1 << 30, MaxAge: setting.Duration(7 * 24 * time.Hour)}); config.Archive == nil || *config.Archive != want {
		t.Errorf("got %+v", config.Archive)
	}
	if config.Clock.Source != "auto" || config.HTTP.Listen != "127.0.0.1:8081" {
		t.Errorf("got %+v, %+v", config.Clock, config.HTTP)
	}
	wantLink := mqtt.Settings{URL: "tcp://127.0.0.1:1883", Username: "u", PasswordFile: filepath.Join(dir, "secret"), Prefix: "fp", Ack: "gateway", Keepalive: setting.Duration(time.Minute)}
	if len(config.Links) != 1 || config.Links[0].Name != "lan" || *config.Links[0].MQTT != wantLink {
		t.Errorf("got %+v", config.Links)
	}

	var names []string
	for _, d := range config.Devices {
		names = append(names, d.DeviceSettings.Device)
	}
	if !slices.Equal(names, []string{"a", "b", "c"}) {
		t.Fatalf("got devices %v", names)
	}
	a, b, c := config.Devices[0], config.Devices[1], config.Devices[2]
	if a.File != filepath.Join(dir, "sensors/a") || a.Kind.Name != "meter" || a.Silent != 0 || b.Silent.Go() != 5*time.Minute {
		t.Errorf("got %+v\n%+v", a, b)
	}
	if want := (&meter{Attachment: drivers.Attachment{Bus: "rs485"}, Unit: 1, Interval: setting.Duration(time.Minute)}); !reflect.DeepEqual(a.Driver, want) {
		t.Errorf("got  %+v\nwant %+v", a.Driver, want)
	}
	wantMetric := edge.MetricSettings{Name: "power", Unit: "W", Type: "integer", Scale: 0.1, Lane: "bulk", MaxSilence: setting.DurationOrOff(10 * time.Minute), Address: &register{40}}
	if len(b.Metrics) != 1 || !reflect.DeepEqual(b.Metrics[0], wantMetric) {
		t.Errorf("got  %+v\nwant %+v", b.Metrics, wantMetric)
	}
	if c.Metrics[0].Address != nil || c.Labels["k"] != "v" {
		t.Errorf("got %+v", c)
	}

	lines := config.Lines()
	if len(lines) != 2 {
		t.Fatalf("got %d lines", len(lines))
	}
	rs485 := serialport.Settings{Port: "/dev/b", Line: serialport.Line{Mode: "8E1"}}
	if l := lines[0]; l.Bus.Name != "rs485" || *l.Bus.Serial != rs485 || l.Kind.Name != "meter" || len(l.Devices) != 2 || l.Devices[1].Device != "b" {
		t.Errorf("got %+v", l)
	}
	if l := lines[1]; l.Bus.Name != "/dev/c" || l.Bus.Serial.Baud != 300 || l.Kind.Name != "plain" || len(l.Devices) != 1 {
		t.Errorf("got %+v", l)
	}
	if e, err := config.Edge("test", nil); err != nil || e.Node != "pi-7" || len(e.Lines) != 2 || e.Archive != config.Archive || e.HTTP.Listen == "" {
		t.Errorf("got %+v", e)
	}
}

func TestLoadAsksTheDrivers(t *testing.T) {
	for name, c := range map[string]struct {
		devices map[string]string
		want    []string
	}{
		"each device": {
			map[string]string{"a": "device: a\nmeter: {bus: net}\nmetrics: [{name: x, register: 1}, {name: y, register: 10000}]\n"},
			[]string{"a.yaml:3:55: metric y: register: no such register"},
		},
		"devices together": {
			map[string]string{
				"a": "device: a\nmeter: {bus: net}\nmetrics: [{name: x, register: 1}]\n",
				"b": "device: b\nmeter: {bus: net}\nmetrics: [{name: x, register: 1}]\n",
			},
			[]string{`b.yaml:2:14: bus "net": bus net: a and b are both unit 1`},
		},
		"one driver to a bus": {
			map[string]string{
				"a": "device: a\nmeter: {bus: net}\nmetrics: [{name: x, register: 1}]\n",
				"b": "device: b\nplain: {bus: net}\nmetrics: [{name: x}]\n",
			},
			[]string{`b.yaml:2:14: plain on bus "net", where a speaks meter (DIR/a.yaml:2:14); a bus has one driver`},
		},
		"two drivers": {
			map[string]string{"a": "device: a\nmeter: {bus: net}\nplain: {bus: net}\nmetrics: [{name: x, register: 1}]\n"},
			[]string{`a.yaml:3:1: "plain" beside "meter" in line 2; want exactly one driver`},
		},
		"no driver": {
			map[string]string{"a": "device: a\nmetrics: [{name: x, register: 1}]\n"},
			[]string{`a.yaml:1:1: the driver is missing; want one of meter, plain`},
		},
		"no address keys": {
			map[string]string{"a": "device: a\nplain: {bus: net}\nmetrics: [{name: x, register: 1}]\n"},
			[]string{`a.yaml:3:21: unknown key "register"; known here: name, unit, type, scale, offset, valid, invalid, lane, deadband, max_silence, resolution, max_error`},
		},
		"no way to it": {
			map[string]string{"a": "device: a\nplain: {}\nmetrics: [{name: x}]\n"},
			[]string{`a.yaml:2:8: say where the device is attached: port (a serial line of its own), bus (a name out of buses) or tcp (host:port)`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			files := map[string]string{"edge.yaml": "node: n\nbuses: [{name: net, tcp: \"h:1\"}]\n"}
			for d, text := range c.devices {
				files["devices/"+d+".yaml"] = text
			}
			path := write(t, files)
			dir := filepath.Join(filepath.Dir(path), "devices")
			_, problems := edgefile.Load(path, kinds())
			var got []string
			for _, p := range problems {
				if !p.Warning {
					got = append(got, p.String())
				}
			}
			for i, w := range c.want {
				c.want[i] = strings.ReplaceAll(dir+"/"+w, "DIR", dir)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got:\n%q\nwant:\n%q", got, c.want)
			}
		})
	}
}

// Folders may have names that would be patterns.
func TestLoadInAFolderWithAPattern(t *testing.T) {
	path := write(t, map[string]string{
		"a[b]*/edge.yaml":        "node: n\n",
		"a[b]*/devices/d.yaml":   "device: d\nplain: {tcp: \"h:1\"}\nmetrics: [{name: x}]\n",
		"abx/devices/other.yaml": "device: other\nplain: {tcp: \"h:1\"}\nmetrics: [{name: x}]\n",
	})
	config, problems := edgefile.Load(filepath.Join(filepath.Dir(path), "a[b]*", "edge.yaml"), kinds())
	if len(problems) > 0 || len(config.Devices) != 1 || config.Devices[0].DeviceSettings.Device != "d" {
		t.Errorf("got %v\n%s", config.Devices, problems)
	}
}

// Two names of one port are one port.
func TestLoadFollowsLinksOfPorts(t *testing.T) {
	path := write(t, map[string]string{"edge.yaml": "node: n\n", "tty": ""})
	dir := filepath.Dir(path)
	if err := os.Symlink("tty", filepath.Join(dir, "by-id")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "devices"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, d := range []struct{ name, port string }{{"a", "by-id"}, {"b", "tty"}} {
		text := fmt.Sprintf("device: %s\nplain: {port: %q}\nmetrics: [{name: x}]\n", d.name, filepath.Join(dir, d.port))
		if err := os.WriteFile(filepath.Join(dir, "devices", d.name+".yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, problems := edgefile.Load(path, kinds())
	if len(problems) != 1 || !strings.Contains(problems[0].Message, `is that of device "a"`) {
		t.Errorf("got:\n%s", problems)
	}
}

func TestLoadDeviceAlone(t *testing.T) {
	dir := filepath.Dir(write(t, map[string]string{
		"good.yaml": "device: a\nmeter: {bus: anywhere}\nmetrics: [{name: x, register: 1}]\n",
		"bad.yaml":  "device: a\nmeter: {bus: anywhere}\nmetrics: [{name: x, register: 10000}]\n",
	}))
	device, problems := edgefile.LoadDevice(filepath.Join(dir, "good.yaml"), kinds())
	if len(problems) > 0 || device.DeviceSettings.Device != "a" || device.Kind.Name != "meter" {
		t.Errorf("got %+v\n%s", device, problems)
	}
	_, problems = edgefile.LoadDevice(filepath.Join(dir, "bad.yaml"), kinds())
	if want := filepath.Join(dir, "bad.yaml") + ":3:31: metric x: register: no such register\n"; problems.String() != want {
		t.Errorf("got:\n%s", problems)
	}
}

// The host names the node; the test's own host has some name.
func TestLoadNamesTheNodeAfterItsHost(t *testing.T) {
	config, problems := edgefile.Load(write(t, map[string]string{"edge.yaml": "devices: \"\"\n"}), kinds())
	host, err := os.Hostname()
	if err != nil {
		t.Skip(err)
	}
	node, ok := edgefile.NodeOf(host)
	if !ok {
		t.Skipf("host %q names no node", host)
	}
	if problems.Failed() || config.Node != node {
		t.Errorf("got %q, want %q\n%s", config.Node, node, problems)
	}
}
