package sim

import (
	"hash/fnv"
	"math"
	"math/rand/v2"
	"time"

	"fieldpost/drivers"
	"fieldpost/telemetry"
)

// source makes the samples of one metric, one after the other.
type source struct {
	metric drivers.Metric
	Address
	perHour float64 // samples
	scale   float64 // 10^Decimals
	shape   shape

	// Each impairment draws from a generator of its own.
	noise, spikes, stuck, dropouts *rand.Rand

	last float64
	held int // how often last is still to be repeated
	gone int // how many samples are still missing
}

func newSource(s *Settings, device string, m drivers.Metric, a Address) *source {
	draw := func(what string) *rand.Rand {
		return rand.New(rand.NewPCG(s.Seed, hash(device, m.Name, what)))
	}
	return &source{
		metric: m, Address: a, perHour: float64(time.Hour) / float64(s.Interval.Go()), scale: math.Pow10(a.Decimals),
		shape: newShape(a, s.Interval.Go(), draw("shape")),
		noise: draw("noise"), spikes: draw("spikes"), stuck: draw("stuck"), dropouts: draw("dropouts"),
	}
}

// next returns sample n; ok is false if it is missing. It is called once for each n, from 0 on.
func (s *source) next(n int64) (v telemetry.Value, ok bool) {
	x := s.sensor(n)
	switch {
	case s.gone > 0:
		s.gone--
		return v, false
	case chance(s.dropouts, s.Dropouts):
		s.gone = s.dropouts.IntN(30)
		return v, false
	}
	return s.value(x), true
}

// sensor returns what the sensor measures, whether it is heard or not.
func (s *source) sensor(n int64) float64 {
	x := s.shape(n) + s.Drift*float64(n)/s.perHour
	if s.Noise > 0 {
		x += s.Noise * s.noise.NormFloat64()
	}
	if chance(s.spikes, s.Spikes) {
		off := (1 + 2*s.spikes.Float64()) * s.span()
		if s.spikes.IntN(2) == 0 {
			off = -off
		}
		x += off
	}
	switch {
	case s.held > 0:
		s.held--
		return s.last
	case chance(s.stuck, s.Stuck):
		s.held = 5 + s.stuck.IntN(56)
	}
	s.last = x
	return x
}

// value returns x as the metric's type has it: an integer is rounded, a boolean is true in the upper half of the range.
func (s *source) value(x float64) telemetry.Value {
	switch s.metric.Kind {
	case telemetry.KindInt:
		return telemetry.Int(int64(math.Round(min(max(x, math.MinInt64/2), math.MaxInt64/2)))) // a drift may go on for years
	case telemetry.KindBool:
		return telemetry.Bool(x >= s.Min+s.span()/2)
	}
	r := math.Round(x*s.scale) / s.scale
	if r == 0 {
		r = 0 // no display shows -0.000
	}
	return telemetry.Float(r)
}

// chance draws only where there is a chance, so that what is switched off costs nothing.
func chance(rng *rand.Rand, p float64) bool { return p > 0 && rng.Float64() < p }

// hash returns a number that stands for some words.
func hash(words ...string) uint64 {
	h := fnv.New64a()
	for _, w := range words {
		h.Write([]byte(w)) // never fails
		h.Write([]byte{0})
	}
	return h.Sum64()
}
