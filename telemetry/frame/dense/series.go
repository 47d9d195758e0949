package dense

import (
	"math"

	"fieldpost/telemetry"
)

// Predictors of a number. The last three are of the full effort only.
const (
	byLast   = iota
	byLine   // the last change again
	byMean   // a slow mean
	byOwn    // least squares of its own changes
	byOthers // and of those of other series at this instant
	byLevels // least squares of where the other series stand
	predictors
)

// series is what is remembered of one series.
type series struct {
	n     uint32 // values so far, as far as it matters
	kind  telemetry.Kind
	units units // of floats
	flags byte
	text  string // the last one
	bits  uint64 // of the last number

	last     [4]int64 // in units, newest first
	change   int64    // last[0] less the one before
	residual [2]int64
	miss     int64
	run      uint32 // how often the last number was said again
	again    bool   // it was
	trust    [2]uint32

	origin, mean      float64
	fast, slow, delta float64             // of residuals, lately and since long; of changes
	off               [predictors]float64 // of each predictor

	own, others, levels rls // without inputs: none
	center, unit        float64
}

func (s *series) clone() series {
	c := *s
	c.own, c.others, c.levels = s.own.clone(), s.others.clone(), s.levels.clone()
	return c
}

// restart forgets all numbers.
func (s *series) restart() {
	kind, flags, text := s.kind, s.flags, s.text
	own, others, levels := s.own, s.others, s.levels
	*s = series{kind: kind, flags: flags, text: text, units: units{step: 1}, own: own, others: others, levels: levels}
	for _, r := range []*rls{&s.own, &s.others, &s.levels} {
		clear(r.w)
		r.restart()
	}
}

// convert brings what is remembered into other units.
func (s *series) convert(u units) {
	for i, n := range s.last {
		s.last[i], _ = u.integer(s.units.float(n))
	}
	x := math.Float64frombits(s.bits)
	f := u.resolution(x) / s.units.resolution(x)
	if !(f > 1e-18 && f < 1e18) {
		f = 1
	}
	s.units = u
	s.mean, s.origin = float64(s.last[0]), float64(s.last[0])
	for _, v := range []*float64{&s.fast, &s.slow, &s.delta} {
		*v = float64(*v * f)
	}
	for i := range s.off {
		s.off[i] = float64(s.off[i] * f)
	}
	s.residual, s.change, s.miss = [2]int64{}, 0, 0
}

// learn takes in the number n, of which center was said and p predicted.
func (s *series) learn(n, center int64, p *[predictors]float64, again bool) {
	y, distance := float64(n), n-center
	if s.n == 0 {
		s.mean, s.origin = y, y
		s.last = [4]int64{n, n, n, n}
	} else {
		s.change = n - s.last[0]
		d := float64(s.change)
		scaled := float64(d * unit(s.delta))
		if s.own.x != nil {
			s.own.update(scaled)
			s.others.update(scaled)
			s.levels.update(float64((y - s.center) * s.unit))
		}
		for i, x := range p {
			s.off[i] += float64((math.Abs(y-x) - s.off[i]) * 0.06)
		}
		s.mean += float64((y - s.mean) * 0.01)
		toward(&s.fast, math.Abs(float64(distance)), 0.15, s.n)
		toward(&s.slow, math.Abs(float64(distance)), 0.015, s.n)
		toward(&s.delta, math.Abs(d), 0.005, s.n)
		s.last = [4]int64{n, s.last[0], s.last[1], s.last[2]}
	}
	s.residual = [2]int64{distance, s.residual[0]}
	s.run++
	if s.again = again; !again {
		s.run = 0
	}
	if s.n < 1<<20 {
		s.n++
	}
}

// toward moves a mean of n values toward x: by rate, or as the mean of all where they are few.
func toward(mean *float64, x, rate float64, n uint32) {
	if first := 1 / float64(n+1); first > rate {
		rate = first
	}
	*mean += float64((x - *mean) * rate)
}
