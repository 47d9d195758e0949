package sim

import (
	"math"
	"math/rand/v2"
	"time"
)

// shape gives the value of sample n. It is called once for each n, from 0 on.
type shape func(n int64) float64

// newShape returns the shape that a names. Periods are counted in whole samples.
func newShape(a Address, interval time.Duration, rng *rand.Rand) shape {
	low, high, span := a.Min, a.max(), a.span()
	cycle := a.cycle(interval)
	switch a.Shape {
	case Sine:
		return func(n int64) float64 {
			return low + span/2*(1+math.Sin(2*math.Pi*float64(n%cycle)/float64(cycle)))
		}
	case Square:
		return func(n int64) float64 {
			if 2*(n%cycle) < cycle {
				return high
			}
			return low
		}
	case Step:
		var level float64
		return func(n int64) float64 {
			if n%cycle == 0 {
				level = low + span*rng.Float64()
			}
			return level
		}
	case Walk:
		at, step := low+span/2, a.step()
		return func(n int64) float64 {
			if n > 0 {
				at = reflected(at+step*rng.NormFloat64(), low, high)
			}
			return at
		}
	case Counter:
		step := a.step()
		perRound := int64(math.MaxInt64)
		if a.Max != nil && step > 0 {
			perRound = 1 + int64(math.Floor((high-low)/step))
		}
		// A product, not a sum: rounding errors do not add up.
		return func(n int64) float64 { return low + step*float64(n%perRound) }
	default:
		return func(int64) float64 { return a.Value }
	}
}

// reflected folds v back into low and high, as a mirror at each end would.
func reflected(v, low, high float64) float64 {
	span := high - low
	if off := math.Mod(math.Abs(v-low), 2*span); off <= span {
		return low + off
	} else {
		return low + 2*span - off
	}
}
