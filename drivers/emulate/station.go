package emulate

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"time"
)

// StationPeriod is the time between the lines of a Station.
const StationPeriod = time.Second

// Station is a small weather station. Each second it prints a csv line of three fields, ended by CR LF as a sketch's println does:
//
//	21.06,51.6,1012.93
//
// temperature in degrees Celsius, relative humidity in percent, pressure in hPa. The values wander slowly and carry the
// noise of a cheap sensor; the air is damper when it is colder.
type Station struct {
	out         io.Writer
	rng         *rand.Rand
	temperature walk
	vapour      walk // relative humidity, as it would be at 20 °C
	pressure    walk
}

// NewStation returns a station that prints on out. The same seed gives the same lines.
func NewStation(out io.Writer, seed uint64) *Station {
	return &Station{
		out: out, rng: generator(seed, 1),
		temperature: walk{mean: 21, value: 21, pull: 1e-3, step: 0.05},
		vapour:      walk{mean: 55, value: 55, pull: 1e-3, step: 0.1},
		pressure:    walk{mean: 1013, value: 1013, pull: 1e-4, step: 0.03},
	}
}

// Run prints until ctx ends. It is called once.
func (s *Station) Run(ctx context.Context) { speak(ctx, s.out, StationPeriod, s.line) }

func (s *Station) line() []byte {
	t := s.temperature.next(s.rng)
	// The saturation pressure of water grows by some 6 % per degree.
	rh := s.vapour.next(s.rng) * (1 - 0.06*(t-20))
	p := s.pressure.next(s.rng)
	noise := s.rng.NormFloat64
	return fmt.Appendf(nil, "%.2f,%.1f,%.2f\r\n", t+0.02*noise(), min(max(rh+0.2*noise(), 0), 100), p+0.05*noise())
}
