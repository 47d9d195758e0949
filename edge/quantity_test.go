package edge

import (
	"math"
	"testing"

	"fieldpost/telemetry"
)

func TestCondition(t *testing.T) {
	with := func(change func(*MetricSettings)) MetricSettings {
		var s MetricSettings
		s.SetDefaults()
		s.Name = "m"
		change(&s)
		return s
	}
	plain := with(func(*MetricSettings) {})
	tenth := with(func(s *MetricSettings) { s.Scale = 0.1 })
	linear := with(func(s *MetricSettings) { s.Scale, s.Offset = 1.8, 32 })
	limited := with(func(s *MetricSettings) {
		s.Scale, s.Valid, s.Invalid = 0.1, &[2]float64{-40, 125}, []float64{-1270}
	})
	whole := with(func(s *MetricSettings) { s.Type, s.Scale = "integer", 10 })
	nan := math.Float64frombits(0x7ff8_0000_0000_1234)
	for _, c := range []struct {
		name     string
		settings MetricSettings
		in       telemetry.Value
		quality  telemetry.Quality
		want     telemetry.Value
		wantQ    telemetry.Quality
	}{
		{"as it is", plain, telemetry.Float(21.5), telemetry.Good, telemetry.Float(21.5), telemetry.Good},
		{"minus zero stays", plain, telemetry.Float(math.Copysign(0, -1)), telemetry.Good, telemetry.Float(math.Copysign(0, -1)), telemetry.Good},
		{"the sensor's doubt stays", plain, telemetry.Float(1), telemetry.Uncertain, telemetry.Float(1), telemetry.Uncertain},
		{"not a number is bad and keeps its bits", plain, telemetry.Float(nan), telemetry.Good, telemetry.Float(nan), telemetry.Bad},
		{"a tenth is exact", tenth, telemetry.Float(3), telemetry.Good, telemetry.Float(0.3), telemetry.Good},
		{"scale and offset", linear, telemetry.Float(100), telemetry.Good, telemetry.Float(212), telemetry.Good},
		{"in range after scaling", limited, telemetry.Float(1250), telemetry.Good, telemetry.Float(125), telemetry.Good},
		{"out of range after scaling", limited, telemetry.Float(1251), telemetry.Good, telemetry.Float(125.1), telemetry.Bad},
		{"what stands for no probe, before scaling", limited, telemetry.Float(-1270), telemetry.Good, telemetry.Float(-127), telemetry.Bad},
		{"an integer stays one", whole, telemetry.Int(7), telemetry.Good, telemetry.Int(70), telemetry.Good},
		{"an integer does not wrap", whole, telemetry.Int(math.MaxInt64), telemetry.Good, telemetry.Int(math.MaxInt64), telemetry.Good},
		{"text passes", plain, telemetry.Text("on"), telemetry.Good, telemetry.Text("on"), telemetry.Good},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, q := newQuantity(c.settings, 0).condition(c.in, c.quality)
			if got != c.want || q != c.wantQ {
				t.Fatalf("%v %v, want %v %v", got, q, c.want, c.wantQ)
			}
		})
	}
}
