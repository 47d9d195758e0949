package emulate

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"time"
)

// PumpPeriod is the time between the lines of a Pump.
const PumpPeriod = time.Second

// Pump is the controller of a cooling pump. Each second it prints names and values:
//
//	temp=59.8 flow=38.42 rpm=2874 state=run
//
// the motor's temperature in degrees Celsius, the flow in litres per minute, turns per minute, and run or blocked. Now and then something gets
// into its inlet for 25 s: the flow breaks down and the motor overheats to some 92 °C until it is free again. The first time is 10 s after the start.
type Pump struct {
	out         io.Writer
	rng         *rand.Rand
	temperature float64
	load        walk
	n           int // lines printed
	blockedAt   int // line at which the inlet is or was blocked last, or will be next
}

const (
	pumpWarm     = 60.0  // °C when all is well
	pumpHot      = 105.0 // °C where it would end up without flow
	pumpInertia  = 20.0  // s: time constant of warming and cooling
	pumpFirst    = 10    // s
	pumpBlocked  = 25    // s
	pumpPauseMin = 150   // s from one time to the next
	pumpPauseMax = 300
)

// NewPump returns a pump that prints on out. The same seed gives the same lines.
func NewPump(out io.Writer, seed uint64) *Pump {
	return &Pump{
		out: out, rng: generator(seed, 3), temperature: pumpWarm, blockedAt: pumpFirst,
		load: walk{mean: 1, value: 1, pull: 0.05, step: 0.004},
	}
}

// Run prints until ctx ends. It is called once.
func (p *Pump) Run(ctx context.Context) { speak(ctx, p.out, PumpPeriod, p.line) }

func (p *Pump) line() []byte {
	if p.n == p.blockedAt+pumpBlocked {
		p.blockedAt += pumpPauseMin + p.rng.IntN(pumpPauseMax-pumpPauseMin)
	}
	blocked := p.n >= p.blockedAt
	p.n++
	load := p.load.next(p.rng)
	goal, flow, turns, state := pumpWarm, 38.5*load, 2875.0, "run"
	if blocked {
		goal, flow, turns, state = pumpHot, 2.5*load, 2960, "blocked"
	}
	p.temperature += (goal*load - p.temperature) * PumpPeriod.Seconds() / pumpInertia
	noise := p.rng.NormFloat64
	return fmt.Appendf(nil, "temp=%.1f flow=%.2f rpm=%.0f state=%s\r\n", p.temperature+0.1*noise(), flow+0.1*noise(), turns+5*noise(), state)
}
