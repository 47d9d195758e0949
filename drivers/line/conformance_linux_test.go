package line_test

import (
	"fmt"
	"io"
	"path/filepath"
	"testing"

	"fieldpost/drivers"
	"fieldpost/drivers/drivertest"
	"fieldpost/drivers/emulate"
	"fieldpost/drivers/line"
	"fieldpost/drivers/serialport"
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

func newPty(t *testing.T) (*emulate.Pty, drivers.Bus) {
	t.Helper()
	link := filepath.Join(t.TempDir(), "usb-Maker_Product_1-if00")
	p, err := emulate.NewPty(link)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p, drivers.Bus{Name: link, Serial: &serialport.Settings{Port: link}}
}

func newTCP(t *testing.T) (*emulate.TCP, drivers.Bus) {
	t.Helper()
	i, err := emulate.ListenTCP("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := i.Close(); err != nil {
			t.Error(err)
		}
	})
	return i, drivers.Bus{Name: i.Address(), TCP: i.Address()}
}

func TestConformanceOverPty(t *testing.T) {
	drivertest.Run(t, drivertest.Fixture{Device: "boiler", New: func(t *testing.T) (drivers.Driver, drivertest.Instrument) {
		p, bus := newPty(t)
		return newDriver(t, bus), instrument{p}
	}})
}

func TestConformanceOverTCP(t *testing.T) {
	drivertest.Run(t, drivertest.Fixture{Device: "boiler", New: func(t *testing.T) (drivers.Driver, drivertest.Instrument) {
		i, bus := newTCP(t)
		return newDriver(t, bus), instrument{i}
	}})
}
