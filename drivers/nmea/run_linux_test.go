package nmea_test

import (
	"fmt"
	"io"
	"testing"
	"time"

	"fieldpost/drivers"
	"fieldpost/drivers/drivertest"
	"fieldpost/drivers/nmea"
	"fieldpost/drivers/stream"
	"fieldpost/telemetry"
)

// plug is what emulated instruments have in common.
type plug interface {
	io.Writer
	Plug() error
	Unplug() error
}

// instrument is a counter that says its number as a transducer.
type instrument struct{ plug }

func (i instrument) Say(n int) error {
	_, err := io.WriteString(i, sentence("IIXDR,G,%d,,COUNT", n))
	return err
}

func (i instrument) Babble() error {
	_, err := i.Write([]byte("\x00\xff$\x80$$garbage\x1b[2J\xb5\x62$IIXDR,G,1\x7f0,,COUNT*00\r\n"))
	return err
}

func newDriver(t *testing.T, bus drivers.Bus) drivers.Driver {
	t.Helper()
	d, err := nmea.Kind().New(bus, []drivers.Device{{
		Name:     "boat",
		Settings: &nmea.Settings{RequireChecksum: true},
		Metrics:  []drivers.Metric{{Name: "n", Kind: telemetry.KindInt, Address: &nmea.Address{Field: "XDR.COUNT"}}},
	}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestConformanceOverPty(t *testing.T) {
	drivertest.Run(t, drivertest.Fixture{Device: "boat", New: func(t *testing.T) (drivers.Driver, drivertest.Instrument) {
		p, bus := drivertest.NewPty(t)
		return newDriver(t, bus), instrument{p}
	}})
}

func TestConformanceOverTCP(t *testing.T) {
	drivertest.Run(t, drivertest.Fixture{Device: "boat", New: func(t *testing.T) (drivers.Driver, drivertest.Instrument) {
		i, bus := drivertest.NewTCP(t)
		return newDriver(t, bus), instrument{i}
	}})
}

// A sentence that lost its end with the stream does not count, however much of it came.
func TestCutOff(t *testing.T) {
	i, bus := drivertest.NewTCP(t)
	d, err := nmea.Kind().New(bus, []drivers.Device{deviceFile{Metrics: []string{"MTW.temperature"}, NoChecksum: true}.device(t)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, done := make(chan string, 10), make(chan error, 1)
	go func() {
		done <- d.Run(t.Context(), func(r drivers.Report) {
			got <- fmt.Sprint(len(r.Samples), r.Err)
		})
	}()
	<-i.Connected()
	if _, err := io.WriteString(i, "$IIMTW,17.9,C\r\n$IIMTW,18.9,C"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"1 <nil>", `0 sentence "$IIMTW,18.9,C": broken off: the stream ended in it`} {
		select {
		case g := <-got:
			if g != want {
				t.Errorf("got %s; want %s", g, want)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("no report; want %s", want)
		}
		i.HangUp()
	}
	if err := <-done; err == nil {
		t.Error("Run returned nil when the connection was closed")
	}
}

// After an hour of silence, and on a new connection, nobody knows the day.
func TestForgetsTheDay(t *testing.T) {
	gga := sentence("GPGGA,000001,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,")
	dec := drivertest.NewDecoder(t, nmea.Kind(), deviceFile{Metrics: []string{"GGA.altitude"}, Time: nmea.TimeInstrument}.device(t)).(stream.Decoder)
	var last telemetry.Time
	emit := func(r drivers.Report) { last = r.Samples[0].Time }
	none := func(drivers.Report) { t.Error("a report") }
	for _, forget := range []func(){
		func() { dec.Flush(none) },
		func() { dec.Begin(stream.Cut) },
		func() { dec.End(true, none) },
	} {
		dec.Decode([]byte(gga), emit)
		if last != 0 || dec.Quiet() != 0 {
			t.Errorf("without a date: %v, silence counts after %v", last, dec.Quiet())
		}
		dec.Decode([]byte(sentence("GPZDA,235959,31,12,2026,00,00")), none)
		dec.Decode([]byte(gga), emit)
		if last.String() != "2027-01-01T00:00:01.000Z" || dec.Quiet() != time.Hour {
			t.Errorf("with a date: %v, silence counts after %v", last, dec.Quiet())
		}
		forget()
	}
	dec.Decode([]byte(gga), emit)
	if last != 0 {
		t.Errorf("at the end: %v", last)
	}
}
