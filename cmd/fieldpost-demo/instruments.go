package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"fieldpost/drivers/emulate"
	"fieldpost/drivers/emulate/recordings"
)

const (
	seed          = 1 // of the instruments' noise
	machinePeriod = time.Second
)

// instrument is something that speaks until its context ends.
type instrument interface{ Run(context.Context) }

// startInstruments plugs the instruments in and switches them on. Where each is goes into values, under its name in capitals.
func (d *demo) startInstruments(values map[string]string) error {
	for _, i := range []struct {
		name string // as in the files
		plug func(name string) (at string, line io.WriteCloser, err error)
		on   func(line io.Writer) (instrument, error)
	}{
		{"STATION", d.serial, func(w io.Writer) (instrument, error) { return emulate.NewStation(w, seed), nil }},
		{"GPS", d.serial, func(w io.Writer) (instrument, error) { return emulate.NewGPS(w, seed), nil }},
		{"PUMP", d.serial, func(w io.Writer) (instrument, error) { return emulate.NewPump(w, seed), nil }},
		{"METER", d.network, func(w io.Writer) (instrument, error) { return emulate.NewMeter(w, seed), nil }},
		{"MACHINE", d.network, func(w io.Writer) (instrument, error) {
			return emulate.NewPlayer(w, recordings.Machine(), machinePeriod)
		}},
	} {
		at, line, err := i.plug(i.name)
		if err != nil {
			return err
		}
		d.parts.add(line.Close)
		values[i.name] = quoted(at)
		instrument, err := i.on(line)
		if err != nil {
			return err
		}
		d.parts.start(func(ctx context.Context) error {
			instrument.Run(ctx)
			return nil
		})
	}
	return nil
}

// serial plugs an instrument into a serial port of the demo's folder.
func (d *demo) serial(name string) (at string, line io.WriteCloser, err error) {
	at = d.path("tty-" + name)
	line, err = emulate.NewPty(at)
	return at, line, err
}

// network plugs an instrument into a converter on this machine's network.
func (d *demo) network(name string) (at string, line io.WriteCloser, err error) {
	converter, err := emulate.ListenTCP("127.0.0.1:0")
	if err != nil {
		return "", nil, fmt.Errorf("switch %s on: %w", name, err)
	}
	return converter.Address(), converter, nil
}
