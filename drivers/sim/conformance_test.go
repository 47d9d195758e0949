package sim_test

import (
	"testing"
	"time"

	"fieldpost/configs/setting"
	"fieldpost/drivers"
	"fieldpost/drivers/drivertest"
	"fieldpost/drivers/sim"
	"fieldpost/telemetry"
)

// nobody is the other end of a bus that is not there.
type nobody struct{}

func (nobody) Say(int) error { return nil }
func (nobody) Babble() error { return nil }
func (nobody) Unplug() error { return nil }
func (nobody) Plug() error   { return nil }

func TestConformance(t *testing.T) {
	drivertest.Run(t, drivertest.Fixture{Device: "tank", Detached: true, New: func(t *testing.T) (drivers.Driver, drivertest.Instrument) {
		last := 12.
		d, err := sim.Kind().New(drivers.Bus{}, []drivers.Device{{
			Name: "tank", Settings: &sim.Settings{Interval: setting.Duration(time.Millisecond)},
			Metrics: []drivers.Metric{{Name: "n", Kind: telemetry.KindInt, Address: &sim.Address{Shape: sim.Counter, Min: 1, Max: &last}}},
		}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return d, nobody{}
	}})
}
