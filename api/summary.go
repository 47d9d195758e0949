package api

import (
	"math"

	"fieldpost/telemetry"
)

// Summary is what several readings of one series come to. The zero value is of none. Readings of bad quality and not-a-number are left out as
// if they had not been. Booleans count as 0 and 1. Text is counted only.
type Summary struct {
	Count    uint64
	Numbers  uint64          // those of Count that are no text: all below is of these
	Min, Max telemetry.Value // integers exact
	Sum      float64         // of the finite ones, by Neumaier's sum: the mean of many like values keeps its last digits
	Lost     float64         // what Sum lost by rounding
	Small    float64         // the same sum times 2^-64, for when Sum overflows
	Infinite float64         // sum of the infinities, or 0
}

// Add takes in one more reading.
func (s *Summary) Add(v telemetry.Value, q telemetry.Quality) {
	if q == telemetry.Bad {
		return
	}
	f, ok := v.Number()
	if !ok {
		s.Count++
		return
	}
	if math.IsNaN(f) {
		return
	}
	if v.Kind() == telemetry.KindBool {
		v = telemetry.Int(int64(f))
	}
	s.Count++
	s.widen(v, v)
	s.Numbers++
	if math.IsInf(f, 0) {
		s.Infinite += f
		return
	}
	s.sum(f)
	s.Small += f * 0x1p-64
}

// Join takes in all that o is of, which comes to the same as adding those readings but for the last digits of the sum.
func (s *Summary) Join(o *Summary) {
	s.Count += o.Count
	if o.Numbers == 0 {
		return
	}
	s.widen(o.Min, o.Max)
	s.Numbers += o.Numbers
	s.Infinite += o.Infinite
	s.sum(o.Sum)
	s.Lost += o.Lost
	s.Small += o.Small
}

func (s *Summary) widen(lo, hi telemetry.Value) {
	if s.Numbers == 0 || less(lo, s.Min) {
		s.Min = lo
	}
	if s.Numbers == 0 || less(s.Max, hi) {
		s.Max = hi
	}
}

func (s *Summary) sum(f float64) {
	t := s.Sum + f
	if math.Abs(s.Sum) >= math.Abs(f) {
		s.Lost += s.Sum - t + f
	} else {
		s.Lost += f - t + s.Sum
	}
	s.Sum = t
}

// less compares integers exactly, all else as floats.
func less(a, b telemetry.Value) bool {
	if a.Kind() == telemetry.KindInt && b.Kind() == telemetry.KindInt {
		return a.Int() < b.Int()
	}
	x, _ := a.Number()
	y, _ := b.Number()
	return x < y
}

// Mean returns the mean of the numbers, of which there must be one.
func (s *Summary) Mean() telemetry.Value {
	m := s.Infinite
	if m == 0 {
		m = (s.Sum + s.Lost) / float64(s.Numbers)
		if math.IsNaN(m) || math.IsInf(m, 0) {
			m = s.Small / float64(s.Numbers) * 0x1p64
		}
	}
	return telemetry.Float(m)
}
