package edge

import (
	"math"

	"fieldpost/edge/lane"
	"fieldpost/edge/reduce"
	"fieldpost/telemetry"
)

// quantity is the pipeline of one metric. It turns a sample into a reading: scale and offset, then what is invalid or out of range becomes bad.
type quantity struct {
	settings MetricSettings
	kind     telemetry.Kind
	lane     telemetry.Lane
	series   lane.SeriesID
	reducer  *reduce.Reducer // nil: all readings go through
	divisor  float64         // 1/scale where that is a whole number: v/10 gives 23.5 where v*0.1 may give 23.500000000000004
}

func newQuantity(s MetricSettings, id lane.SeriesID) *quantity {
	m := &quantity{settings: s, kind: s.Kind(), lane: s.InLane(), series: id}
	if d := math.Round(1 / s.Scale); d != 0 && d != 1 && 1/d == s.Scale {
		m.divisor = d
	}
	if s.Deadband != nil {
		m.reducer = reduce.New(*s.Deadband, s.MaxSilence.Go())
	}
	return m
}

// condition returns the value and quality of a sample as a reading of m.
func (m *quantity) condition(v telemetry.Value, q telemetry.Quality) (telemetry.Value, telemetry.Quality) {
	switch v.Kind() {
	case telemetry.KindFloat:
		raw := v.Float()
		f := m.scaled(raw)
		if m.bad(raw, f) {
			q = telemetry.Bad
		}
		return telemetry.Float(f), q
	case telemetry.KindInt:
		i := v.Int()
		if m.settings.Scale != 1 || m.settings.Offset != 0 {
			i = clampInt(math.Round(m.scaled(float64(i))))
		}
		if m.bad(float64(v.Int()), float64(i)) {
			q = telemetry.Bad
		}
		return telemetry.Int(i), q
	}
	return v, q
}

func (m *quantity) scaled(raw float64) float64 {
	if m.divisor != 0 {
		return raw/m.divisor + m.settings.Offset
	}
	if m.settings.Scale == 1 && m.settings.Offset == 0 {
		return raw // keeps -0 and the bits of a NaN
	}
	return float64(raw*m.settings.Scale) + m.settings.Offset
}

// bad reports whether a value is no measurement: what the sensor sends when it has none, not a number, or out of range.
func (m *quantity) bad(raw, scaled float64) bool {
	for _, x := range m.settings.Invalid {
		if raw == x {
			return true
		}
	}
	if math.IsNaN(scaled) || math.IsInf(scaled, 0) {
		return true
	}
	v := m.settings.Valid
	return v != nil && !(v[0] <= scaled && scaled <= v[1])
}

func clampInt(f float64) int64 {
	switch {
	case f >= math.MaxInt64:
		return math.MaxInt64
	case f <= math.MinInt64:
		return math.MinInt64
	}
	return int64(f)
}
