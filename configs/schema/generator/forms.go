package generator

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"fieldpost/configs/edgefile"
	"fieldpost/configs/gatewayfile"
	"fieldpost/drivers/catalogue"
	"fieldpost/edge"
)

// Forms are the three forms of file.
type Forms struct {
	edge, device, gateway *section
}

// Read walks through the structs of all forms. Source is the root of module, for the comments. A key without a comment is an error, and so is a
// rule that no key follows.
func Read(module string, source fs.FS) (*Forms, error) {
	w := &walker{comments: &comments{module: module, source: source, known: make(map[string]map[string]comment)}, unused: make(map[string]bool)}
	for id := range rules {
		w.unused[id] = true
	}
	f := &Forms{edge: w.into(new(edgefile.Config)), gateway: w.into(new(gatewayfile.Config))}
	kinds := catalogue.Kinds()
	f.device = w.into(edgefile.NewDeviceForm(new(edge.DeviceSettings), kinds))
	f.device.first("device", "labels")
	for _, k := range kinds {
		v := variant{key: k.Name, list: "metrics"}
		if k.Address != nil {
			v.extra = w.into(k.Address())
		}
		f.device.variants = append(f.device.variants, v)
	}
	if w.err == nil && len(w.unused) > 0 {
		w.err = fmt.Errorf("rules of keys that are not there: %q", slices.Sorted(maps.Keys(w.unused)))
	}
	return f, w.err
}
