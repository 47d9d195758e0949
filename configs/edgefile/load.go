package edgefile

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"fieldpost/configs/strict"
	"fieldpost/drivers"
)

// Load reads the file at path and its device files. Kinds are the drivers that device files may name. The Config is fit
// to be run only if the problems have not Failed.
func Load(path string, kinds []drivers.Kind) (*Config, strict.Problems) {
	c := new(Config)
	doc := strict.Load(path, c)
	doc.ResolveFiles()
	c.Journal.Dir = doc.Resolve(c.Journal.Dir)
	c.defaultNode(doc)

	var devices []*deviceFile
	if doc.Readable("devices") {
		for _, file := range c.findDevices(doc) {
			devices = append(devices, loadDevice(file, kinds))
		}
	}
	checkAcross(c, doc, devices)

	problems := doc.Problems()
	for _, d := range devices {
		problems = append(problems, d.doc.Problems()...)
		c.Devices = append(c.Devices, &d.Device)
	}
	return c, problems
}

// LoadDevice reads one device file on its own, as the decode command does. A bus that it names is not looked for.
func LoadDevice(path string, kinds []drivers.Kind) (*Device, strict.Problems) {
	d := loadDevice(path, kinds)
	d.checkDriver(d.bus(nil))
	return &d.Device, d.doc.Problems()
}

// findDevices lists the device files by name. A glob that matches none is a warning: that may be meant, but seldom is.
func (c *Config) findDevices(doc *strict.Document) []string {
	if c.DeviceFiles == "" {
		return nil
	}
	// The folder of edge.yaml is a name, not a pattern.
	dir := strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(filepath.Dir(doc.File()))
	glob := c.DeviceFiles
	if !filepath.IsAbs(glob) {
		glob = filepath.Join(dir, glob)
	}
	files, err := filepath.Glob(glob)
	if err != nil {
		doc.Problem("devices", "%q is no pattern for file names; write one like devices/*.yaml", c.DeviceFiles)
		return nil
	}
	files = slices.DeleteFunc(files, func(f string) bool {
		s, err := os.Stat(f)
		return strings.HasPrefix(filepath.Base(f), ".") || err == nil && s.IsDir()
	})
	if len(files) == 0 {
		shown := doc.Resolve(c.DeviceFiles)
		doc.Warning("devices", "no file matches %s, so this edge has no devices%s", shown, nearMisses(filepath.Dir(shown)))
	} else if missed := otherExtension(glob); len(missed) > 0 {
		doc.Warning("devices", "left out, for %s does not match them: %s; name them like the others, or hide them by a dot in front",
			doc.Resolve(c.DeviceFiles), strings.Join(missed, ", "))
	}
	return files
}

// otherExtension lists the files that a glob for *.yaml would match if they did not end in .yml, or in capital letters, and the other way round.
func otherExtension(glob string) (missed []string) {
	want := filepath.Ext(glob)
	if want != ".yaml" && want != ".yml" {
		return nil
	}
	files, err := filepath.Glob(strings.TrimSuffix(glob, want) + ".[yY]*")
	if err != nil {
		return nil // said already
	}
	for _, f := range files {
		ext, base := filepath.Ext(f), filepath.Base(f)
		if lower := strings.ToLower(ext); ext == want || lower != ".yaml" && lower != ".yml" || strings.HasPrefix(base, ".") {
			continue
		}
		if s, err := os.Stat(f); err == nil && s.Mode().IsRegular() {
			missed = append(missed, base)
		}
	}
	return missed
}

// nearMisses names files in dir that were probably meant to match.
func nearMisses(dir string) string {
	if strings.ContainsAny(dir, "*?[") {
		return ""
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Sprintf("; there is no folder %s that can be read", dir)
	}
	var near []string
	for _, e := range entries {
		name := strings.ToLower(e.Name())
		if !e.IsDir() && !strings.HasPrefix(name, ".") && (strings.Contains(name, ".yml") || strings.Contains(name, ".yaml")) {
			near = append(near, e.Name())
		}
	}
	more := ""
	if len(near) > 3 {
		near, more = near[:3], " and others"
	}
	if len(near) == 0 {
		return ""
	}
	return fmt.Sprintf("; not matched: %s%s", strings.Join(near, ", "), more)
}
