// Package stream is the loop of drivers that only listen: it opens a bus, reads, and hands what comes to a decoder. The kinds that read
// streams share it; a kind adds its decoder.
//
// Such a driver reads the whole stream of its bus, so a bus has one device.
package stream

import (
	"fmt"
	"log/slog"
	"time"

	"fieldpost/drivers"
)

// Decoder is the pure half of a kind that listens, with what the loop knows beyond the bytes. The loop calls Begin before all else. Not safe
// for concurrent use.
type Decoder interface {
	drivers.Decoder
	// Begin forgets the stream before and says how the next one begins.
	Begin(s Start)
	// Quiet returns how long a silence is after which Flush is to be called; 0: a silence says nothing.
	Quiet() time.Duration
	// End says that the stream is over. What is complete is reported; closed tells a stream that the other side has closed from one that
	// failed, or that ends because the driver does not want more of it.
	End(closed bool, emit drivers.Emit)
}

// Start is how much is known of the beginning of a stream.
type Start uint8

const (
	Whole   Start = iota // it begins with a telegram
	Cut                  // it may begin in the middle of one: what cannot be read at the beginning is nobody's fault
	Suspect              // it likely does: what can be read there by chance is not certain
)

// New makes the driver of a bus with one device. Kind is the key of the driver in a device file, decoder makes the device's decoder.
func New(kind string, bus drivers.Bus, devices []drivers.Device, decoder func(drivers.Device) (Decoder, error), log *slog.Logger) (drivers.Driver, error) {
	switch len(devices) {
	case 0:
		return nil, fmt.Errorf("%s: a bus needs a device", kind)
	case 1:
	default:
		return nil, fmt.Errorf("%s reads whole streams: one device per port, but %s and %s are both on %s", kind, devices[0].Name, devices[1].Name, bus.Name)
	}
	dec, err := decoder(devices[0])
	if err != nil {
		return nil, err
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &driver{bus: bus, decoder: dec, log: log}, nil
}
