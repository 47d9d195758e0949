// Package edgefile loads edge.yaml and the device files that it names into one Config, and reports everything that is
// wrong with them at once. It opens no port, no journal and no link, and creates nothing on disk.
//
// It stands between the settings structs, which live beside the code that obeys them, and cmd/fieldpost-edge.
package edgefile

import (
	"fmt"
	"log/slog"
	"slices"

	"fieldpost/api"
	"fieldpost/configs/setting"
	"fieldpost/drivers"
	"fieldpost/drivers/serialport"
	"fieldpost/edge"
	"fieldpost/forwarder/link/mqtt"
	"fieldpost/telemetry"
	"fieldpost/telemetry/wire"
)

// DefaultPath is where edge.yaml is looked for if nobody says otherwise.
const DefaultPath = "/etc/fieldpost/edge.yaml"

// Config is edge.yaml with its device files. Paths in it are absolute or relative to the working directory.
type Config struct {
	Node        string                `yaml:"node"` // default: the host name
	Labels      map[string]string     `yaml:"labels"`
	Journal     edge.JournalSettings  `yaml:"journal"`
	Archive     *edge.ArchiveSettings `yaml:"archive"` // nil: off
	Clock       edge.ClockSettings    `yaml:"clock"`
	Links       []Link                `yaml:"links"` // none: a stand-alone logger
	Buses       []Bus                 `yaml:"buses"`
	Health      setting.DurationOrOff `yaml:"health"`       // how often the node reports on itself, as device node; default 1m; off: never
	HTTP        api.Settings          `yaml:"http,replace"` // default 127.0.0.1:8081; no Listen: none
	DeviceFiles string                `yaml:"devices"`      // glob; default devices/*.yaml
	Devices     []*Device             `yaml:"-"`            // in the order of their file names
}

// Link is one way to the gateway. Exactly one kind is set.
type Link struct {
	Name string         `yaml:"name"` // also in topics and client ids
	MQTT *mqtt.Settings `yaml:"mqtt,kind"`

	// AcceptStores are ids of gateway stores that may take the place of the one this link met first: after a gateway's disk was
	// replaced, the edge's status names the new one.
	AcceptStores []wire.StoreID `yaml:"accept_stores"`
}

// Bus is one thing that several devices share. Exactly one kind is set.
type Bus struct {
	Name   string               `yaml:"name"`
	Serial *serialport.Settings `yaml:"serial,kind"`
	TCP    string               `yaml:"tcp,kind"` // host:port
}

// Device is one device file.
type Device struct {
	edge.Device
	Kind drivers.Kind // of its driver
	File string       // that it was loaded from
}

// Lines returns what is to be run: the shared buses that have devices, then the private ones in the order of the devices.
func (c *Config) Lines() []edge.Line {
	var lines []edge.Line
	for _, b := range c.Buses {
		line := edge.Line{Bus: b.Driver()}
		for _, d := range c.Devices {
			if d.Driver.Attached().Bus == b.Name {
				line.Kind = d.Kind
				line.Devices = append(line.Devices, d.Device)
			}
		}
		if len(line.Devices) > 0 {
			lines = append(lines, line)
		}
	}
	for _, d := range c.Devices {
		if bus, ok := d.Driver.Attached().Private(); ok {
			if bus.Name == "" { // attached to nothing
				bus.Name = d.DeviceSettings.Device
			}
			lines = append(lines, edge.Line{Bus: bus, Kind: d.Kind, Devices: []edge.Device{d.Device}})
		}
	}
	return lines
}

// Edge returns what an edge runs by c, with a dialer for each link. Software and log are the caller's.
func (c *Config) Edge(software string, log *slog.Logger) (edge.Config, error) {
	out := edge.Config{
		Node: c.Node, Labels: c.Labels, Journal: c.Journal, Archive: c.Archive, Clock: c.Clock, HTTP: c.HTTP, Health: c.Health, Lines: c.Lines(),
		Software: software, Log: log,
	}
	for _, l := range c.Links {
		dialer, err := mqtt.New(*l.MQTT, log)
		if err != nil {
			return out, fmt.Errorf("set up link %s: %w", l.Name, err)
		}
		out.Links = append(out.Links, edge.Link{Name: l.Name, Kind: "mqtt", URL: dialer.Target(), Dialer: dialer, Accept: l.AcceptStores})
	}
	return out, nil
}

// Driver returns b as a driver sees it.
func (b Bus) Driver() drivers.Bus { return drivers.Bus{Name: b.Name, Serial: b.Serial, TCP: b.TCP} }

// SetDefaults is setting.Defaulter.
func (c *Config) SetDefaults() {
	c.DeviceFiles = "devices/*.yaml"
	c.HTTP.Listen = "127.0.0.1:8081"
	c.Health = edge.DefaultHealth
}

// Check is setting.Checker.
func (c *Config) Check(problem, _ setting.Problem) {
	if c.Node != "" {
		if err := telemetry.CheckNode(c.Node); err != nil {
			problem("node", "%v", err)
		}
	}
	edge.CheckLabels("labels", c.Labels, problem)
	if c.Health > 0 && c.Health < edge.MinHealth {
		problem("health", "%s is too often; at least %s, or off", c.Health, edge.MinHealth)
	}
	var links, buses []string
	for i, l := range c.Links {
		if slices.Contains(links, l.Name) && l.Name != "" {
			problem(setting.Path("links", i, "name"), "a second link %q", l.Name)
		}
		links = append(links, l.Name)
	}
	for i, b := range c.Buses {
		if slices.Contains(buses, b.Name) && b.Name != "" {
			problem(setting.Path("buses", i, "name"), "a second bus %q", b.Name)
		}
		buses = append(buses, b.Name)
	}
}

// alarmLink is a link name that the link itself uses for its second connection (delivery rule 22).
const alarmLink = "alarm"

// Check is setting.Checker.
func (l *Link) Check(problem, _ setting.Problem) {
	switch {
	case l.Name == "":
		problem("name", "name is missing: a word for this link, such as lte")
	case !wire.ValidLink(l.Name):
		problem("name", "link name %q: use letters, digits, - and _, at most %d", l.Name, telemetry.MaxName)
	case l.Name == alarmLink:
		problem("name", "link name %q is kept for the second connection that alarms may take; choose another", l.Name)
	}
}

// Check is setting.Checker.
func (b *Bus) Check(problem, _ setting.Problem) {
	if b.Name == "" {
		problem("name", "name is missing: a word for this bus, such as rs485")
	} else if !wire.ValidLink(b.Name) {
		problem("name", "bus name %q: use letters, digits, - and _, at most %d", b.Name, telemetry.MaxName)
	}
	if b.TCP != "" {
		if err := setting.CheckAddress(b.TCP); err != nil {
			problem("tcp", "%v", err)
		}
	}
}

// key is where b names its port or address.
func (b Bus) key() string {
	if b.Serial != nil {
		return "serial.port"
	}
	return "tcp"
}
