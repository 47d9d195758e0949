package replay_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fieldpost/drivers"
	"fieldpost/drivers/drivertest"
	"fieldpost/drivers/replay"
	"fieldpost/telemetry"
)

// nobody is the other end of a bus that is not there.
type nobody struct{}

func (nobody) Say(int) error { return nil }
func (nobody) Babble() error { return nil }
func (nobody) Unplug() error { return nil }
func (nobody) Plug() error   { return nil }

func TestConformance(t *testing.T) {
	var b strings.Builder
	b.WriteString("ts_ms,sensor,value\n")
	for n := 1; n <= 12; n++ {
		fmt.Fprintf(&b, "%d,n,%d\n", n, n)
	}
	drivertest.Run(t, drivertest.Fixture{Device: "house", Detached: true, New: func(t *testing.T) (drivers.Driver, drivertest.Instrument) {
		s := replay.NewSettings()
		s.File, s.Loop = record(t, b.String()), true
		return newDriver(t, s, metric("n", "")), nobody{}
	}})
}

// record writes a recording.
func record(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "recording.csv")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func metric(name, sensor string) drivers.Metric {
	return drivers.Metric{Name: name, Kind: telemetry.KindFloat, Address: &replay.Address{Sensor: sensor}}
}

func device(s *replay.Settings, metrics ...drivers.Metric) drivers.Device {
	return drivers.Device{Name: "house", Settings: s, Metrics: metrics}
}

func newDriver(t *testing.T, s *replay.Settings, metrics ...drivers.Metric) drivers.Driver {
	t.Helper()
	d, err := replay.Kind().New(drivers.Bus{}, []drivers.Device{device(s, metrics...)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
