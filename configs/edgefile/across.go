package edgefile

import (
	"path/filepath"
	"slices"
	"strings"

	"fieldpost/configs/setting"
	"fieldpost/configs/strict"
	"fieldpost/drivers"
)

// across is what can only be seen with all files in hand.
type across struct {
	config  *Config
	doc     *strict.Document // edge.yaml
	devices []*deviceFile
}

func checkAcross(c *Config, doc *strict.Document, devices []*deviceFile) {
	a := across{c, doc, devices}
	a.names()
	a.buses()
	a.claims()
	for _, d := range devices {
		d.checkDriver(d.bus(c.Buses))
	}
	a.sharedDrivers()
}

// names reports devices of the same name.
func (a across) names() {
	first := make(map[string]*deviceFile)
	for _, d := range a.devices {
		if d.name() == "" || !d.doc.Readable("device") {
			continue
		}
		if f := first[d.name()]; f != nil {
			d.doc.Problem("device", "a second device %q; the first is at %s", d.name(), f.doc.At("device"))
			continue
		}
		first[d.name()] = d
	}
}

// buses reports shared buses that are not there, not used, or used by drivers of different kinds.
func (a across) buses() {
	if !a.doc.Readable("buses") {
		return
	}
	var names []string
	for _, b := range a.config.Buses {
		names = append(names, b.Name)
	}
	users, complete := make(map[string]*deviceFile), true
	for _, d := range a.devices {
		if d.Driver == nil || !d.doc.Readable(d.path("bus")) {
			complete = false
			continue
		}
		bus := d.Driver.Attached().Bus
		if _, private := d.Driver.Attached().Private(); bus == "" || private {
			continue // or both, which the driver has reported
		}
		first, known := users[bus], slices.Contains(names, bus)
		switch {
		case !known && len(names) == 0:
			d.doc.Problem(d.path("bus"), "unknown bus %q; %s has no buses", bus, a.doc.File())
		case !known:
			d.doc.Problem(d.path("bus"), "unknown bus %q; the buses of %s are %s%s", bus, a.doc.File(), strings.Join(names, ", "), setting.DidYouMean(bus, names))
		case first == nil:
			users[bus] = d
		case first.Kind.Name != d.Kind.Name:
			d.doc.Problem(d.path("bus"), "%s on bus %q, where %s speaks %s (%s); a bus has one driver",
				d.Kind.Name, bus, first.name(), first.Kind.Name, first.doc.At(first.path("bus")))
		}
	}
	for i, b := range a.config.Buses {
		if complete && b.Name != "" && users[b.Name] == nil {
			a.doc.Warning(setting.Path("buses", i, "name"), "no device is on bus %q", b.Name)
		}
	}
}

// claim is who opens a port or an address.
type claim struct {
	bus, device string // one of them
	at          strict.Position
}

// claims reports ports that would be opened twice.
func (a across) claims() {
	claimed := make(map[string]claim)
	for i, b := range a.config.Buses {
		path := setting.Path("buses", i, b.key())
		if !a.doc.Readable(path) {
			continue
		}
		a.claim(claimed, a.doc, path, b.Driver(), claim{bus: b.Name})
	}
	for _, d := range a.devices {
		if d.Driver == nil || !d.doc.Readable(d.path("")) {
			continue
		}
		if bus, ok := d.Driver.Attached().Private(); ok {
			key := "tcp"
			if bus.Serial != nil {
				key = "port"
			}
			a.claim(claimed, d.doc, d.path(key), bus, claim{device: d.name()})
		}
	}
}

func (a across) claim(claimed map[string]claim, doc *strict.Document, path string, bus drivers.Bus, by claim) {
	say, what := doc.Problem, ""
	switch {
	case bus.Serial != nil && bus.Serial.Port != "":
		what = "port " + realPort(bus.Serial.Port)
	case bus.TCP != "":
		say, what = doc.Warning, "address "+bus.TCP // some converters take several connections
	default:
		return
	}
	first, taken := claimed[what]
	switch {
	case !taken:
		by.at = doc.At(path)
		claimed[what] = by
	case first.bus != "" && by.device != "":
		say(path, "%s is that of bus %q (%s); write bus: %s instead", what, first.bus, first.at, first.bus)
	case first.bus != "":
		say(path, "%s is that of bus %q already (%s)", what, first.bus, first.at)
	default:
		say(path, "%s is that of device %q (%s) already; to share it, make it a bus in %s and write bus: in both", what, first.device, first.at, a.doc.File())
	}
}

// realPort follows the links of /dev/serial/by-id, where they exist.
func realPort(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return filepath.Clean(path)
}

// sharedDrivers asks the driver of each shared bus about its devices together.
func (a across) sharedDrivers() {
	if a.doc.Problems().Failed() {
		return
	}
	for _, b := range a.config.Buses {
		var on []*deviceFile
		var devices []drivers.Device
		for _, d := range a.devices {
			if d.failed() {
				return
			}
			if d.Driver.Attached().Bus == b.Name {
				on, devices = append(on, d), append(devices, d.ForDriver())
			}
		}
		if len(on) < 2 {
			continue
		}
		if _, err := on[0].Kind.New(b.Driver(), devices, nil); err != nil {
			last := on[len(on)-1]
			last.doc.Problem(last.path("bus"), "bus %q: %v", b.Name, err)
		}
	}
}
