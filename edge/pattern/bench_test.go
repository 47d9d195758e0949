package pattern_test

import (
	"testing"
	"time"

	"fieldpost/edge/pattern"
	"fieldpost/telemetry"
)

// BenchmarkReport measures what a report of one reading costs a device with 20 patterns, of which so many use that metric.
func BenchmarkReport(b *testing.B) {
	hot := pattern.Definition{When: "temperature > 80 and pressure < 3 or pump", For: time.Minute, Clear: "temperature < 75", Message: "{temperature}"}
	other := pattern.Definition{When: "max > 80"}
	for _, c := range []struct {
		name string
		uses int
	}{{"0 of 20", 0}, {"1 of 20", 1}, {"20 of 20", 20}} {
		b.Run(c.name, func(b *testing.B) {
			var defs []pattern.Definition
			for i := range 20 {
				if i < c.uses {
					defs = append(defs, hot)
				} else {
					defs = append(defs, other)
				}
			}
			r := newRig(b, defs...)
			r.say(0, "pressure", 2.0, "pump", false, "max", 1.0)
			reading := telemetry.Reading{Value: telemetry.Float(20.5)}
			b.ReportAllocs()
			for b.Loop() {
				r.Observe("temperature", reading)
				r.Step(0, 0)
			}
		})
	}
}
