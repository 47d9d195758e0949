package edge

import (
	"log/slog"
	"time"

	"fieldpost/api"
	"fieldpost/configs/setting"
	"fieldpost/drivers"
	"fieldpost/edge/clock"
	"fieldpost/forwarder"
	"fieldpost/forwarder/foreign"
	"fieldpost/telemetry/wire"
)

// Config is what an edge runs: the files as configs/edgefile has read them, with the kinds resolved.
type Config struct {
	Node     string
	Software string // name and version, told to the gateway
	Labels   map[string]string
	Journal  JournalSettings
	Archive  *ArchiveSettings // nil: switched off
	Lanes    LanesSettings
	Clock    ClockSettings
	HTTP     api.Settings
	Links    []Link
	Lines    []Line
	Health   setting.DurationOrOff // how often the node reports on itself, as device node; 0: never
	Log      *slog.Logger

	// Source replaces the kernel's clocks in tests; nil: the kernel's.
	Source clock.Source
	// SegmentSize replaces the journal's in tests; 0: the journal's.
	SegmentSize int64
	// Root is where /proc and /sys are looked for in tests; "": the real ones.
	Root string
}

// Link is one way to a gateway.
type Link struct {
	Name   string
	Kind   string // mqtt
	URL    string // as status shows it, without secrets
	Dialer forwarder.Dialer
	Broker *Broker        // in place of Dialer: the broker's word is enough
	Accept []wire.StoreID // stores that may take the place of the one met first
	Proven bool           // the other end has proved who it is (TLS)

	FreshShare int           // percent of the link that the newest readings may take from the backlog
	SendEvery  time.Duration // readings wait so long for others to leave with them
	Coding     forwarder.Coding
	Budget     int64 // bytes a day that Coding Auto tries to keep; 0: none
}

// Broker is somebody who is no gateway, and how records are written for him.
type Broker struct {
	forwarder.Broker
	Encoder foreign.Encoder
}

// Line is one bus, shared or private, with the devices on it. One driver runs it.
type Line struct {
	Bus     drivers.Bus
	Kind    drivers.Kind
	Devices []Device
}

// Device is one device with its driver's options.
type Device struct {
	DeviceSettings
	Driver drivers.Settings // what Kind.Settings made, filled
}

// ForDriver returns d as its driver sees it.
func (d Device) ForDriver() drivers.Device {
	m := make([]drivers.Metric, len(d.Metrics))
	for i, s := range d.Metrics {
		m[i] = drivers.Metric{Name: s.Name, Kind: s.Kind(), Address: s.Address}
	}
	return drivers.Device{Name: d.DeviceSettings.Device, Settings: d.Driver, Metrics: m}
}
