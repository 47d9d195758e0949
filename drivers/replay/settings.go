package replay

import (
	"math"
	"strings"

	"fieldpost/configs/setting"
	"fieldpost/drivers"
)

// Settings is what stands under the key replay of a device file.
type Settings struct {
	drivers.Detached `yaml:",inline"`
	File             string           `yaml:"file"`      // the recording, seen from the folder of the device file
	Speed            float64          `yaml:"speed"`     // 1 (default) as recorded, 60: an hour in a minute; 0: without any pause
	MaxPause         setting.Duration `yaml:"max_pause"` // between two rows, at most so long, at any speed; default 0: as long as it takes
	Times            string           `yaml:"times"`     // now (default): the time of playing; keep: that of the recording
	Loop             bool             `yaml:"loop"`      // begin again at the end
	Columns          Columns          `yaml:"columns"`
	Layout           string           `yaml:"layout"`    // of the times: unix_ms (default), unix (seconds), or rfc3339
	Separator        string           `yaml:"separator"` // default ","
}

// Columns are the names in the header row.
type Columns struct {
	Time   string `yaml:"time"`   // default ts_ms
	Sensor string `yaml:"sensor"` // default sensor
	Value  string `yaml:"value"`  // default value
}

// Address is what the driver adds to each metric.
type Address struct {
	Sensor string `yaml:"sensor"` // as the recording has it; left out: the metric's own name
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
