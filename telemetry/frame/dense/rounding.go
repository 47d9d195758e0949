package dense

import (
	"math"
	"strconv"

	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
)

// Only the sender rounds, so that it may do so in any way: what it made of a value is coded bit for bit.

// round applies what roundings allow, by series, to recs. before returns the last number of a series that was sent.
func round(recs []frame.Record, roundings []frame.Rounding, before func(series uint32) (bits uint64, ok bool)) {
	said := map[uint32]uint64{}
	for i := range recs {
		r := &recs[i]
		if int(r.Series) >= len(roundings) || r.Value.Kind() != telemetry.KindFloat {
			continue
		}
		allowed := roundings[r.Series]
		if allowed == (frame.Rounding{}) {
			continue
		}
		last, ok := said[r.Series]
		if !ok {
			last, ok = before(r.Series)
		}
		x := r.Value.Float()
		y := rounded(x, allowed, math.Float64frombits(last), ok)
		said[r.Series] = math.Float64bits(y)
		r.Value = telemetry.Float(y)
	}
}

// rounded returns what x may be sent as, given the last number, where there is one.
func rounded(x float64, allowed frame.Rounding, last float64, ok bool) float64 {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return x
	}
	if allowed.Resolution > 0 {
		if y := nearest(x, allowed.Resolution); math.Abs(y-x) <= allowed.Resolution/2*(1+1e-9) {
			return y
		}
		return x // its own digits are coarser than that
	}
	most := allowed.MaxError
	if allowed.Relative {
		most *= math.Abs(x)
	}
	if ok && math.Abs(last-x) <= most {
		return last // said again: nothing is cheaper
	}
	if !(most > 0) || math.IsInf(most, 0) {
		return x
	}
	// The coarsest decimal step that keeps the bound. A step is as wide as both errors together.
	e := int(math.Floor(math.Log10(2 * most)))
	for _, step := range [...]struct{ digit, e int }{{1, e + 1}, {5, e}, {2, e}, {1, e}, {5, e - 1}} {
		width, err := strconv.ParseFloat(strconv.Itoa(step.digit)+"e"+strconv.Itoa(step.e), 64)
		if err != nil || width == 0 {
			continue
		}
		if y := nearest(x, width); math.Abs(y-x) <= most {
			return y
		}
	}
	return x
}

// nearest returns the multiple of step that is nearest to x: the float that its decimal digits stand for, where step is one over an integer.
func nearest(x, step float64) float64 {
	n := math.RoundToEven(x / step)
	if parts := math.Round(1 / step); step < 1 && parts < 1<<53 && 1/parts == step {
		return n / parts
	}
	return n * step
}
