// Package catalogue is the one list of all kinds of drivers. It stands between the kinds and the edge, which finds them here by
// the key in a device file.
package catalogue

import (
	"fieldpost/drivers"
	"fieldpost/drivers/line"
	"fieldpost/drivers/nmea"
	"fieldpost/drivers/replay"
	"fieldpost/drivers/sim"
)

// Kinds returns all kinds, by name.
func Kinds() []drivers.Kind {
	return []drivers.Kind{
		line.Kind(),
		nmea.Kind(),
		replay.Kind(),
		sim.Kind(),
	}
}

// Find returns the kind of the given name.
func Find(name string) (drivers.Kind, bool) {
	for _, k := range Kinds() {
		if k.Name == name {
			return k, true
		}
	}
	return drivers.Kind{}, false
}

// Names returns the names of all kinds, for "did you mean".
func Names() []string {
	kinds := Kinds()
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = k.Name
	}
	return names
}
