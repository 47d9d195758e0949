package edge

import (
	"fmt"
	"math"
	"strings"
	"time"

	"fieldpost/configs/setting"
	"fieldpost/edge/reduce"
	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
)

// MetricSettings is one entry of a device's metrics.
type MetricSettings struct {
	// The metric's name: lower-case letters, digits and _, beginning with a letter, so that patterns can use it. A new name is a new series.
	Name string `yaml:"name"`
	// The unit as SenML or UCUM write it: Cel, %RH, kPa, W, m/s. Another one is carried as it is, with a warning.
	Unit string `yaml:"unit"`
	// What values are: float, integer, bool (a yes or no) or text.
	Type string `yaml:"type"`
	// Values are multiplied by this before offset is added. 0.1 where the device sends tenths.
	Scale float64 `yaml:"scale"`
	// Is added to values after scale, in unit.
	Offset float64 `yaml:"offset"`
	// The lowest and the highest good value, after scale and offset: [-40, 125]. What lies outside is kept, and marked bad.
	Valid *[2]float64 `yaml:"valid"`
	// What the device sends when it has no value, before scale and offset: [85]. Such a reading is kept, and marked bad.
	Invalid []float64 `yaml:"invalid"`
	// live is sent within seconds. bulk is not urgent: it may wait, and leaves first when the journal is full.
	Lane string `yaml:"lane"`
	// Holds back readings that differ from the last one sent by no more than this: a number in unit, such as 0.5, or a percentage of that reading,
	// such as 2%. 0 sends changes only. Left out, every reading is sent. What is held back goes to the archive, where there is one.
	Deadband *reduce.Band `yaml:"deadband"`
	// How long deadband may hold back: the first reading after that is sent whatever it says. off for as long as it takes.
	MaxSilence setting.DurationOrOff `yaml:"max_silence"`
	// On links whose frames are dense, values may be rounded to the nearest multiple of this, in unit, such as 0.1: fewer digits, fewer bytes. The journal here keeps
	// them as they are, and the gateway says of the series how it is rounded.
	Resolution float64 `yaml:"resolution"`
	// On links whose frames are dense, values may be off by so much: a number in unit, such as 0.2, or a percentage of the value, such as 0.5%. It goes instead of
	// resolution, and saves more where values vary much in size.
	MaxError *reduce.Band `yaml:"max_error"`
	Address  any          `yaml:",inline"` // the driver's own keys: what drivers.Kind.Address made, filled; nil if it has none
}

// SetDefaults is setting.Defaulter.
func (s *MetricSettings) SetDefaults() {
	s.Type, s.Scale, s.Lane = telemetry.KindFloat.String(), 1, telemetry.Live.String()
	s.MaxSilence = defaultMaxSilence
}

// defaultMaxSilence is long against how often sensors are read, so that a deadband saves what it can, and short enough for somebody who
// looks at the last value to believe it: 144 readings a day.
const defaultMaxSilence = setting.DurationOrOff(10 * time.Minute)

// Kind returns Type as telemetry has it.
func (s *MetricSettings) Kind() telemetry.Kind {
	k, err := telemetry.ParseKind(s.Type)
	if err != nil { // Check has refused it
		return telemetry.KindFloat
	}
	return k
}

// rounding returns what a link may do to values.
func (s *MetricSettings) rounding() frame.Rounding {
	switch e := s.MaxError; {
	case e == nil:
		return frame.Rounding{Resolution: s.Resolution}
	case e.Percent:
		return frame.Rounding{MaxError: e.Width / 100, Relative: true}
	default:
		return frame.Rounding{MaxError: e.Width}
	}
}

// InLane returns Lane as telemetry has it.
func (s *MetricSettings) InLane() telemetry.Lane {
	if s.Lane == telemetry.Bulk.String() {
		return telemetry.Bulk
	}
	return telemetry.Live
}

// Check is setting.Checker.
func (s *MetricSettings) Check(problem, warning setting.Problem) {
	if s.Name == "" {
		problem("name", "name is missing: the metric's name, such as temperature")
	} else if err := telemetry.CheckName(s.Name); err != nil {
		problem("name", "%v", err)
	}
	if s.Unit != "" && !telemetry.KnownUnit(s.Unit) {
		warning("unit", "unknown unit %q; it is carried as it is%s", s.Unit, meantUnit(s.Unit))
	}
	kind, err := telemetry.ParseKind(s.Type)
	if err != nil {
		problem("type", "unknown type %q; want float, integer, bool or text", s.Type)
	}
	if s.Lane != "live" && s.Lane != "bulk" {
		problem("lane", "unknown lane %q; want live or bulk", s.Lane)
	}
	if s.Deadband == nil && s.MaxSilence != defaultMaxSilence {
		warning("max_silence", "max_silence has no effect without a deadband: all readings are reported")
	}
	if err == nil && (kind == telemetry.KindBool || kind == telemetry.KindText) {
		s.checkNoNumber(problem)
		return
	}
	s.checkNumbers(problem)
}

func (s *MetricSettings) checkNumbers(problem setting.Problem) {
	if s.Scale == 0 {
		problem("scale", "scale 0 would make every value the same")
	}
	for _, f := range []struct {
		key   string
		value float64
	}{{"scale", s.Scale}, {"offset", s.Offset}} {
		if math.IsNaN(f.value) || math.IsInf(f.value, 0) {
			problem(f.key, "%s must be finite", f.key)
		}
	}
	if s.Type != telemetry.KindFloat.String() && s.Resolution != 0 {
		problem("resolution", "resolution is for floats; this metric is %s", s.Type)
	}
	if s.Type != telemetry.KindFloat.String() && s.MaxError != nil {
		problem("max_error", "max_error is for floats; this metric is %s", s.Type)
	}
	switch e := s.MaxError; {
	case !(s.Resolution >= 0) || math.IsInf(s.Resolution, 0):
		problem("resolution", "want a number above 0, such as 0.1")
	case e == nil:
	case s.Resolution > 0:
		problem("max_error", "either resolution or max_error")
	case !(e.Width > 0 && e.Width <= math.MaxFloat64) || e.Percent && e.Width >= 100:
		problem("max_error", "max_error %s: want more than 0, and less than 100%%", e)
	}
	if v := s.Valid; v != nil && !(v[0] <= v[1]) {
		problem("valid", "want the lowest and the highest good value, in this order; got [%v, %v]", v[0], v[1])
	}
}

func (s *MetricSettings) checkNoNumber(problem setting.Problem) {
	for _, f := range []struct {
		key string
		set bool
	}{{"scale", s.Scale != 1}, {"offset", s.Offset != 0}, {"valid", s.Valid != nil}, {"invalid", len(s.Invalid) > 0},
		{"resolution", s.Resolution != 0}, {"max_error", s.MaxError != nil}} {
		if f.set {
			problem(f.key, "%s is for numbers; this metric is %s", f.key, s.Type)
		}
	}
	if b := s.Deadband; b != nil && b.Width != 0 {
		problem("deadband", "deadband %s is for numbers; this metric is %s: deadband: 0 reports changes only", b, s.Type)
	}
}

// spellings are units as people write them, in lower case, with the codes that they mean.
var spellings = map[string]string{
	"°c": "Cel", "degc": "Cel", "celsius": "Cel", "°f": "[degF]", "degf": "[degF]", "fahrenheit": "[degF]", "kelvin": "K",
	"%rh": "%RH", "rh": "%RH", "rh%": "%RH", "percent": "%", "volt": "V", "volts": "V", "amp": "A", "amps": "A", "ampere": "A",
	"watt": "W", "watts": "W", "ohms": "Ohm", "Ω": "Ohm", "lux": "lx", "hertz": "Hz", "°": "deg", "degree": "deg", "degrees": "deg",
	"m³": "m3", "m²": "m2", "l/m": "l/min", "µg/m³": "ug/m3", "ug/m³": "ug/m3", "pascal": "Pa", "knots": "kn", "kt": "kn",
}

func meantUnit(unit string) string {
	if code, ok := spellings[strings.ToLower(unit)]; ok {
		return fmt.Sprintf("; did you mean %q?", code)
	}
	return setting.DidYouMean(unit, telemetry.Units())
}
