package drivers

import (
	"log/slog"

	"fieldpost/telemetry"
)

// Kind is one entry of the catalogue: a driver under its key in a device file.
type Kind struct {
	Name string
	// Settings returns a pointer to a new struct of the driver's options, holding the defaults; the loader fills it by its yaml tags.
	// The struct embeds Attachment or Detached (yaml:",inline") and may be a setting.Checker.
	Settings func() Settings
	// Address returns a pointer to a new struct of the keys that a driver adds to each metric (field, register, obis …), or nil if it adds none.
	Address func() any
	// New makes the driver of one bus for its devices, which share that bus. It touches no hardware.
	New func(bus Bus, devices []Device, log *slog.Logger) (Driver, error)
	// Decoder makes the pure decoder of a device for a driver that reads a stream; nil where it asks instead.
	Decoder func(d Device) (Decoder, error)
}

// Settings is what every driver's options can tell.
type Settings interface {
	Attached() Attachment
}

// Device is one device as its driver sees it.
type Device struct {
	Name     string
	Settings Settings // what Kind.Settings made, filled
	Metrics  []Metric
}

// Metric is one metric as its driver sees it.
type Metric struct {
	Name    string
	Kind    telemetry.Kind // what values are wanted: the driver parses to it
	Address any            // what Kind.Address made, filled
}
