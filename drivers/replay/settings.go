package replay

import (
	"math"
	"strings"

	"fieldpost/configs/setting"
	"fieldpost/drivers"
)

// Settings is the replay section of a device file: no instrument, but a recording that is played again.
type Settings struct {
	drivers.Detached `yaml:",inline"`
	// The recording, a csv file with a header row, seen from the folder of the device file.
	File string `yaml:"file"`
	// 1 is as recorded, 60 an hour in a minute, 0 without any pause.
	Speed float64 `yaml:"speed"`
	// The longest pause between two rows, at any speed. 0 for as long as it takes.
	MaxPause setting.Duration `yaml:"max_pause"`
	// now: readings have the time of playing. keep: that of the recording.
	Times string `yaml:"times"`
	// Begin again at the end. It takes times: now, and a speed.
	Loop bool `yaml:"loop"`
	// What the header row calls the columns.
	Columns Columns `yaml:"columns"`
	// How times are written: unix_ms, unix (seconds) or rfc3339.
	Layout string `yaml:"layout"`
	// The character between two fields.
	Separator string `yaml:"separator"`
}

// Columns are the names in the header row.
type Columns struct {
	// The column of times.
	Time string `yaml:"time"`
	// The column that says which sensor a row is of.
	Sensor string `yaml:"sensor"`
	// The column of values.
	Value string `yaml:"value"`
}

// Address is what the driver adds to each metric.
type Address struct {
	// What the recording calls it. Left out, the metric's own name.
	Sensor string `yaml:"sensor"`
}

// What becomes of the times of a recording.
const (
	Now  = "now"
	Keep = "keep"
)

// How times are written.
const (
	UnixMilli = "unix_ms"
	Unix      = "unix"
	RFC3339   = "rfc3339"
)

// NewSettings returns the defaults.
func NewSettings() *Settings {
	return &Settings{
		Speed: 1, Times: Now, Layout: UnixMilli, Separator: ",", Columns: Columns{Time: "ts_ms", Sensor: "sensor", Value: "value"},
	}
}

// Files implements setting.Filer.
func (s *Settings) Files() []setting.File { return []setting.File{{Path: "file", Value: &s.File}} }

// Check implements setting.Checker.
func (s *Settings) Check(problem, warning setting.Problem) {
	if s.File == "" {
		problem("file", "file is missing: the recording to play")
	}
	if !(s.Speed >= 0) || math.IsInf(s.Speed, 0) {
		problem("speed", "speed %v: use a number such as 1 (as recorded) or 60 (an hour in a minute); 0 makes no pauses", s.Speed)
	}
	if s.Speed == 0 && s.Loop {
		problem("speed", "a loop without pauses would never leave the journal a moment; give it a speed")
	}
	switch s.Times {
	case Now:
	case Keep:
		if s.Loop {
			problem("times", "a loop that keeps the times would give the same times again and again; use times: now, or no loop")
		}
	default:
		problem("times", "unknown times %q; want now or keep%s", s.Times, setting.DidYouMean(s.Times, []string{Now, Keep}))
	}
	layouts := []string{UnixMilli, Unix, RFC3339}
	switch s.Layout {
	case UnixMilli, Unix, RFC3339:
	default:
		problem("layout", "unknown layout %q; want one of %s%s", s.Layout, strings.Join(layouts, ", "), setting.DidYouMean(s.Layout, layouts))
	}
	if len(s.Separator) != 1 || strings.Contains("\"\r\n", s.Separator) {
		problem("separator", "separator %q: use one character such as , or ;", s.Separator)
	}
	first := map[string]string{}
	for _, c := range []struct{ key, name string }{
		{"time", s.Columns.Time}, {"sensor", s.Columns.Sensor}, {"value", s.Columns.Value},
	} {
		path := setting.Path("columns", c.key)
		if c.name == "" {
			problem(path, "the name of the column is missing")
		} else if other, taken := first[c.name]; taken {
			problem(path, "column %q is that of the %s already", c.name, other)
		}
		first[c.name] = c.key
	}
}
