package reduce_test

import (
	"math"
	"strings"
	"testing"

	"fieldpost/edge/reduce"
	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
)

func TestBandIsReadAndWritten(t *testing.T) {
	for text, want := range map[string]struct {
		band reduce.Band
		back string
	}{
		"0":     {reduce.Band{}, "0"},
		"-0":    {reduce.Band{}, "0"},
		"0.5":   {reduce.Band{Width: 0.5}, "0.5"},
		".5":    {reduce.Band{Width: 0.5}, "0.5"},
		"1e-3":  {reduce.Band{Width: 0.001}, "0.001"},
		"2%":    {reduce.Band{Width: 2, Percent: true}, "2%"},
		"2.5 %": {reduce.Band{Width: 2.5, Percent: true}, "2.5%"},
		"0%":    {reduce.Band{Percent: true}, "0%"},
		"200%":  {reduce.Band{Width: 200, Percent: true}, "200%"},
	} {
		var b reduce.Band
		if err := b.UnmarshalText([]byte(text)); err != nil || b != want.band || b.String() != want.back {
			t.Errorf("%q: got %+v %s, %v; want %+v %s", text, b, b, err, want.band, want.back)
		}
	}
	for text, want := range map[string]string{
		"":      "such as 0.5",
		"%":     "such as 0.5",
		"a":     "such as 0.5",
		"0.5 V": "such as 0.5",
		"2%%":   "such as 0.5",
		"inf":   "such as 0.5",
		"NaN":   "such as 0.5",
		"0x1p3": "such as 0.5",
		"1_0":   "such as 0.5",
		"1e999": "such as 0.5",
		"-1":    "negative",
		"-1%":   "negative",
	} {
		b := reduce.Band{Width: 7}
		if err := b.UnmarshalText([]byte(text)); err == nil || !strings.Contains(err.Error(), want) || b != (reduce.Band{Width: 7}) {
			t.Errorf("%q: got %+v, %v; want an error with %q", text, b, err, want)
		}
	}
}

func FuzzBand(f *testing.F) {
	for _, s := range []string{"0.5", "2%", "1e-300%", "", "-1", "inf"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var b, back reduce.Band
		if b.UnmarshalText([]byte(text)) != nil {
			return
		}
		if !(b.Width >= 0) || math.IsInf(b.Width, 0) {
			t.Fatalf("%q is %+v", text, b)
		}
		if err := back.UnmarshalText([]byte(b.String())); err != nil || back != b {
			t.Fatalf("%q is %s, read back as %+v, %v", text, b, back, err)
		}
	})
}

// TestWhatIsNew holds each pair of values against each other: is the second reported after the first?
func TestWhatIsNew(t *testing.T) {
	var (
		f    = telemetry.Float
		i    = telemetry.Int
		nan  = math.NaN()
		inf  = math.Inf(1)
		none = reduce.Band{}
		half = reduce.Band{Width: 0.5}
		two  = reduce.Band{Width: 2, Percent: true}
	)
	for _, c := range []struct {
		name    string
		band    reduce.Band
		last, v telemetry.Value
		new     bool
	}{
		{"no change", none, f(1), f(1), false},
		{"the least change", none, f(1), f(math.Nextafter(1, 2)), true},
		{"zeros of either sign", none, f(0), f(math.Copysign(0, -1)), false},
		{"inside", half, f(20), f(20.4), false},
		{"at the edge", half, f(20), f(20.5), false},
		{"at the lower edge", half, f(20), f(19.5), false},
		{"outside", half, f(20), f(20.51), true},
		{"outside below", half, f(20), f(19.49), true},
		{"an edge that is not binary", reduce.Band{Width: 0.1}, f(0.3), f(0.4), false},
		{"the same at another place", reduce.Band{Width: 0.1}, f(1000.2), f(1000.3), false},
		{"just over it", reduce.Band{Width: 0.1}, f(0.3), f(0.4000001), true},
		{"the farthest apart", half, f(-math.MaxFloat64), f(math.MaxFloat64), true},
		{"inside two percent", two, f(50), f(51), false},
		{"inside two percent of a negative", two, f(-50), f(-51), false},
		{"outside two percent", two, f(50), f(51.1), true},
		{"percent of the reported, not of the new", two, f(100), f(97.99), true},
		{"percent at zero", two, f(0), f(1e-300), true},
		{"percent at zero, no change", two, f(0), f(0), false},
		{"not a number any more", half, f(1), f(nan), true},
		{"a number again", half, f(nan), f(1), true},
		{"still not a number", half, f(nan), f(nan), false},
		{"another kind of not a number", none, f(nan), f(math.Float64frombits(0x7ff8000000000099)), false},
		{"to infinity", half, f(1), f(inf), true},
		{"back from infinity", two, f(inf), f(1), true},
		{"still infinite", two, f(inf), f(inf), false},
		{"the other infinity", two, f(inf), f(-inf), true},
		{"integer inside", reduce.Band{Width: 2}, i(7), i(9), false},
		{"integer outside", reduce.Band{Width: 2}, i(7), i(4), true},
		{"integer, half a step", half, i(7), i(8), true},
		{"integers that a float cannot tell apart", none, i(1 << 60), i(1<<60 + 1), true},
		{"the same, with a band", half, i(1 << 60), i(1<<60 + 1), true},
		{"integers the farthest apart", reduce.Band{Width: 1e19}, i(math.MinInt64), i(math.MaxInt64), true},
		{"no change of the lowest integer", none, i(math.MinInt64), i(math.MinInt64), false},
		{"integer percent", two, i(100), i(102), false},
		{"integer percent, outside", two, i(100), i(103), true},
		{"another type", reduce.Band{Width: 10}, f(1), i(1), true},
		{"number to text", half, f(1), telemetry.Text("1"), true},
		{"same text", none, telemetry.Text("on"), telemetry.Text("on"), false},
		{"other text", none, telemetry.Text("on"), telemetry.Text("off"), true},
		{"same boolean", none, telemetry.Bool(true), telemetry.Bool(true), false},
		{"other boolean", none, telemetry.Bool(true), telemetry.Bool(false), true},
	} {
		r := reduce.New(c.band, 0)
		r.Next(frame.Record{Value: c.last}, 0, nil, nil)
		report, _ := r.Next(frame.Record{Value: c.v}, 0, nil, nil)
		if got := len(report) > 0; got != c.new {
			t.Errorf("%s: %v after %v with deadband %s: reported %v", c.name, c.v, c.last, c.band, got)
		}
	}
}
