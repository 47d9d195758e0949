// Package edgefile loads edge.yaml and the device files that it names into one Config, and reports everything that is
// wrong with them at once. It opens no port, no journal and no link, and creates nothing on disk.
//
// It stands between the settings structs, which live beside the code that obeys them, and cmd/fieldpost-edge.
package edgefile

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"fieldpost/api"
	"fieldpost/configs/setting"
	"fieldpost/drivers"
	"fieldpost/drivers/serialport"
	"fieldpost/edge"
	"fieldpost/forwarder"
	"fieldpost/forwarder/link/mqtt"
	"fieldpost/telemetry"
	"fieldpost/telemetry/wire"
)

// DefaultPath is where edge.yaml is looked for if nobody says otherwise.
const DefaultPath = "/etc/fieldpost/edge.yaml"

// Config is edge.yaml with its device files. Paths in it are absolute or relative to the working directory.
type Config struct {
	// The name of this machine: lower-case letters, digits and -. No two nodes of a gateway may share one. Left out, it is made of the host name.
	Node string `yaml:"node"`
	// Whatever you want to sort nodes by later, such as site: north. Sent when it changes, not with every reading.
	Labels map[string]string `yaml:"labels"`
	// Where readings are kept until the gateway has them on its disk, and afterwards as long as there is room.
	Journal edge.JournalSettings `yaml:"journal"`
	// Where readings go that a deadband keeps off the link. Left out, they are dropped; {} keeps them with the defaults.
	Archive *edge.ArchiveSettings `yaml:"archive"`
	// What one kind of records may take of the journal, and for how long. When room is short bulk leaves before live, and events last.
	Lanes edge.LanesSettings `yaml:"lanes"`
	// Whether the time of this machine can be believed.
	Clock edge.ClockSettings `yaml:"clock"`
	// How this node gets to its gateway. Without links it is a logger of its own: everything stays in the journal.
	Links []Link `yaml:"links"`
	// Lines that several devices share. A device that has a port to itself names it in its own file instead.
	Buses []Bus `yaml:"buses"`
	// How often this node reports on itself, as device node: disk, backlog, temperature, clock. At least 1s, or off for never.
	Health setting.DurationOrOff `yaml:"health"`
	// Status, metrics and history in a browser. What stands here replaces the default whole, so {} means none.
	HTTP api.Settings `yaml:"http,replace"`
	// Which files are device files, one for each device: a pattern with * and ?, seen from the folder of this file. Hidden files do not count.
	DeviceFiles string    `yaml:"devices"`
	Devices     []*Device `yaml:"-"` // in the order of their file names
}

// Link is one way to the gateway. Exactly one kind is set.
type Link struct {
	// A word for this link, such as lte: letters, digits, - and _. It is shown in status, and is part of MQTT client ids.
	Name string `yaml:"name"`
	// How to reach the gateway's broker, or one that stands between, over MQTT.
	MQTT *mqtt.Settings `yaml:"mqtt,kind"`
	// The ids of gateway stores that may take the place of the one that this link met first. After a gateway's disk was replaced the link stops,
	// and the edge's status names the new store.
	AcceptStores []wire.StoreID `yaml:"accept_stores"`
	// How much of the link the newest readings may take from those that wait since an outage, so that one sees how a site is while what it was
	// still comes. 0% sends everything in its order. Events go before both.
	FreshShare setting.Percent `yaml:"fresh_share"`
	// How long readings may wait for others to leave with them: a lane sends at most one message in that time, unless full ones wait. Longer is cheaper
	// on a metered link. Up to 1h; 0s for not at all. Events go at once, and take along what waits. Where readings
	// wait so, the gateway confirms them within five seconds, not at once. It does not hold with ack: broker.
	SendEvery setting.Duration `yaml:"send_every"`
	// How readings are coded on this link. plain: as they are kept. full: densely, at about half the bytes or less, and a hundred times the work. light: nearly as
	// dense, at a third of that work. auto: the densest that the processor has time for. It does not hold with ack: broker.
	Coding string `yaml:"coding"`
	// What this link may take a day, both ways, such as 20MiB. With coding: auto, where it would take more, coding gets all of a processor that it asks for. 0B for none.
	Budget setting.Size `yaml:"budget"`
}

// SetDefaults is setting.Defaulter.
func (l *Link) SetDefaults() {
	l.FreshShare, l.SendEvery, l.Coding = 50, setting.Duration(time.Second), string(forwarder.Auto)
}

// Bus is one thing that several devices share. Exactly one kind is set.
type Bus struct {
	// A word for this bus, such as rs485: letters, digits, - and _. Device files name it under bus.
	Name string `yaml:"name"`
	// A serial port that devices share.
	Serial *serialport.Settings `yaml:"serial,kind"`
	// A TCP connection that devices share, such as that of a serial converter: host:port.
	TCP string `yaml:"tcp,kind"`
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
		Node: c.Node, Labels: c.Labels, Journal: c.Journal, Archive: c.Archive, Lanes: c.Lanes, Clock: c.Clock, HTTP: c.HTTP, Health: c.Health, Lines: c.Lines(),
		Software: software, Log: log,
	}
	for _, l := range c.Links {
		dialer, err := mqtt.New(*l.MQTT, log)
		if err != nil {
			return out, fmt.Errorf("set up link %s: %w", l.Name, err)
		}
		link := edge.Link{Name: l.Name, Kind: "mqtt", URL: dialer.Target(), Accept: l.AcceptStores, FreshShare: int(l.FreshShare), SendEvery: l.SendEvery.Go(),
			Coding: forwarder.Coding(l.Coding), Budget: int64(l.Budget)}
		if encoder, ok := l.MQTT.Foreign(c.Node); ok {
			link.Broker = &edge.Broker{Broker: dialer, Encoder: encoder}
		} else {
			link.Dialer, link.Proven = dialer, dialer.Proven()
		}
		out.Links = append(out.Links, link)
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

// Check is setting.Checker.
func (l *Link) Check(problem, _ setting.Problem) {
	switch {
	case l.Name == "":
		problem("name", "name is missing: a word for this link, such as lte")
	case !wire.ValidLink(l.Name):
		problem("name", "link name %q: use letters, digits, - and _, at most %d", l.Name, telemetry.MaxName)
	case l.Name == edge.AlarmLink || strings.HasPrefix(l.Name, edge.AlarmLink+"-"): // delivery rule 22
		problem("name", "link name %q is kept for the second connection that alarms may take; choose another", l.Name)
	}
	switch forwarder.Coding(l.Coding) {
	case forwarder.Plain, forwarder.Light, forwarder.Full, forwarder.Auto:
	default:
		problem("coding", "unknown coding %q; want plain, light, full or auto", l.Coding)
	}
	if l.SendEvery < 0 || l.SendEvery.Go() > time.Hour {
		problem("send_every", "%s is not between 0s and 1h", l.SendEvery)
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
