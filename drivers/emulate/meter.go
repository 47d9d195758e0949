package emulate

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"time"
)

// MeterPeriod is the time between the lines of a Meter.
const MeterPeriod = 500 * time.Millisecond

// Meter is a power meter. Twice a second it writes a JSON object on a line:
//
//	{"voltage":230.4,"current":2.057,"power":450.3,"energy":1200000}
//
// volts, amperes, watts, and the watt-hours it has counted so far. The load wanders, and now and then something heavy is
// switched on or off; the voltage sags with it.
type Meter struct {
	out     io.Writer
	rng     *rand.Rand
	mains   walk
	load    walk
	heavy   bool
	counted float64 // Wh
}

const (
	heavyLoad  = 1800.0 // W: a kettle
	perSwitch  = 60     // lines between two switchings, in the mean
	resistance = 0.3    // ohms of the line to the meter
	factor     = 0.95   // power factor
)

// NewMeter returns a meter that writes on out. The same seed gives the same lines.
func NewMeter(out io.Writer, seed uint64) *Meter {
	return &Meter{
		out: out, rng: generator(seed, 2), counted: 1_200_000,
		mains: walk{mean: 231, value: 231, pull: 0.01, step: 0.15},
		load:  walk{mean: 450, value: 450, pull: 0.005, step: 4},
	}
}

// Run writes until ctx ends. It is called once.
func (m *Meter) Run(ctx context.Context) { speak(ctx, m.out, MeterPeriod, m.line) }

func (m *Meter) line() []byte {
	if m.rng.IntN(perSwitch) == 0 {
		m.heavy = !m.heavy
	}
	watts := max(m.load.next(m.rng), 0)
	if m.heavy {
		watts += heavyLoad
	}
	volts := m.mains.next(m.rng)
	volts -= resistance * watts / volts
	amperes := watts / volts / factor
	m.counted += watts * MeterPeriod.Hours()
	return fmt.Appendf(nil, `{"voltage":%.1f,"current":%.3f,"power":%.1f,"energy":%d}`+"\n",
		volts+0.05*m.rng.NormFloat64(), amperes, watts, int64(m.counted))
}
