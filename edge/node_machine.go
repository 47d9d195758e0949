package edge

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"fieldpost/drivers"
	"fieldpost/telemetry"
)

// machine reads what the kernel says of the computer and of this process.
type machine struct {
	root string // that /proc and /sys are under
	dir  string // on the file system that is asked for its room
}

// samples returns what can be read. What this machine does not have is left out; err is about what it has and does not give.
func (m machine) samples() (out []drivers.Sample, err error) {
	var errs []error
	add := func(metric string, v telemetry.Value, err error) {
		switch {
		case err == nil:
			out = append(out, drivers.Sample{Metric: metric, Value: v})
		case !errors.Is(err, fs.ErrNotExist):
			errs = append(errs, err)
		}
	}
	v, err := m.temperature()
	add("cpu_temperature", v, err)
	v, err = m.field("proc/loadavg", "", 1)
	add("load", v, err)
	v, err = m.bytes("proc/meminfo", "MemAvailable:", 1<<10)
	add("memory_available", v, err)
	v, err = m.field("proc/uptime", "", 1)
	add("uptime", telemetry.Int(int64(v.Float())), err)
	v, err = m.bytes("proc/self/io", "write_bytes:", 1)
	add("written", v, err)
	v, err = m.free()
	add("disk_free", v, err)
	return out, errors.Join(errs...)
}

// field returns the number that is the n-th word, counted from 1, behind label in the first line of a file that begins with it.
func (m machine) field(file, label string, n int) (telemetry.Value, error) {
	path := filepath.Join(m.root, file)
	b, err := os.ReadFile(path)
	if err != nil {
		return telemetry.Value{}, err // it names the file
	}
	for line := range strings.Lines(string(b)) {
		rest, ok := strings.CutPrefix(line, label)
		if !ok {
			continue
		}
		words := strings.Fields(rest)
		if len(words) < n {
			break
		}
		f, err := strconv.ParseFloat(words[n-1], 64)
		if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			break
		}
		return telemetry.Float(f), nil
	}
	return telemetry.Value{}, fmt.Errorf("read %s: no number %d behind %q", path, n, label)
}

// bytes returns the number behind label as an integer, times unit.
func (m machine) bytes(file, label string, unit float64) (telemetry.Value, error) {
	v, err := m.field(file, label, 1)
	return telemetry.Int(clampInt(v.Float() * unit)), err
}

// free returns the bytes that this process may still write to the file system.
func (m machine) free() (telemetry.Value, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(m.dir, &s); err != nil {
		return telemetry.Value{}, fmt.Errorf("ask for the room on the file system of %s: %w", m.dir, err)
	}
	return telemetry.Int(clampInt(float64(s.Bavail) * float64(s.Bsize))), nil
}

// temperature returns that of the processor in degrees Celsius, or of the first thermal zone if none is called so.
func (m machine) temperature() (telemetry.Value, error) {
	zones, err := filepath.Glob(filepath.Join(m.root, "sys/class/thermal/thermal_zone*"))
	if err != nil || len(zones) == 0 {
		return telemetry.Value{}, fs.ErrNotExist
	}
	chosen := zones[0]
	for _, z := range zones {
		if b, err := os.ReadFile(filepath.Join(z, "type")); err == nil && ofProcessor(strings.TrimSpace(string(b))) {
			chosen = z
			break
		}
	}
	rel, err := filepath.Rel(m.root, chosen)
	if err != nil {
		return telemetry.Value{}, fmt.Errorf("find %s below %s: %w", chosen, m.root, err)
	}
	v, err := m.field(filepath.Join(rel, "temp"), "", 1)
	return telemetry.Float(v.Float() / 1000), err // the kernel gives thousandths
}

// ofProcessor reports whether a thermal zone of that type is in the processor: cpu-thermal on a Pi, x86_pkg_temp on a PC, soc_thermal and the like.
func ofProcessor(kind string) bool {
	for _, part := range []string{"cpu", "soc", "pkg"} {
		if strings.Contains(kind, part) {
			return true
		}
	}
	return false
}
