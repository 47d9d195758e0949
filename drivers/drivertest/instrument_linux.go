package drivertest

import (
	"path/filepath"
	"testing"

	"fieldpost/drivers"
	"fieldpost/drivers/emulate"
	"fieldpost/drivers/serialport"
)

// NewPty plugs in an instrument on a serial line, until the test ends.
func NewPty(t *testing.T) (*emulate.Pty, drivers.Bus) {
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

// NewTCP switches on an instrument that listens, until the test ends.
func NewTCP(t *testing.T) (*emulate.TCP, drivers.Bus) {
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
