package emulate

import "math/rand/v2"

// walk is a quantity that wanders about its mean, as weather and loads do (an Ornstein-Uhlenbeck process).
// Its spread in the long run is step/sqrt(2*pull), for a small pull.
type walk struct {
	mean, value float64
	pull        float64 // part of the way back to the mean that each step goes
	step        float64 // standard deviation of what pushes it
}

func (w *walk) next(rng *rand.Rand) float64 {
	w.value += w.pull*(w.mean-w.value) + w.step*rng.NormFloat64()
	return w.value
}

// generator returns the source of an instrument's noise. The same seed gives the same telegrams.
func generator(seed, instrument uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, instrument)) }
