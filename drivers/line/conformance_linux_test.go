package line_test

import (
	"fmt"
	"io"
	"testing"

	"fieldpost/drivers"
	"fieldpost/drivers/drivertest"
	"fieldpost/drivers/line"
	"fieldpost/telemetry"
)

// plug is what emulated instruments have in common.
type plug interface {
	io.Writer
	Plug() error
	Unplug() error
	Close() error
}

// instrument says "n,<number>" lines.
type instrument struct{ plug }

func (i instrument) Say(n int) error {
	_, err := fmt.Fprintf(i, "%d\r\n", n)
	return err
}

func (i instrument) Babble() error {
	_, err := i.Write([]byte("\x00\xff\x80garbage\x1b[2J\r\n"))
	return err
}

func newDriver(t *testing.T, bus drivers.Bus) drivers.Driver {
	t.Helper()
	d, err := line.Kind().New(bus, []drivers.Device{{
		Name:     "boiler",
		Settings: &line.Settings{Format: line.CSV},
		Metrics:  []drivers.Metric{{Name: "n", Kind: telemetry.KindInt, Address: &line.Address{Field: "1"}}},
	}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestConformanceOverPty(t *testing.T) {
	drivertest.Run(t, drivertest.Fixture{Device: "boiler", New: func(t *testing.T) (drivers.Driver, drivertest.Instrument) {
		p, bus := drivertest.NewPty(t)
		return newDriver(t, bus), instrument{p}
	}})
}

func TestConformanceOverTCP(t *testing.T) {
	drivertest.Run(t, drivertest.Fixture{Device: "boiler", New: func(t *testing.T) (drivers.Driver, drivertest.Instrument) {
		i, bus := drivertest.NewTCP(t)
		return newDriver(t, bus), instrument{i}
	}})
}
