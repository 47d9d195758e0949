package dense

import (
	"math"
	"math/rand/v2"
	"strconv"
	"testing"

	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
)

// Whatever the numbers and whatever is allowed: what arrives is never further off than that, what is no float or not finite is what it was, and so is all else of a record.
func TestRoundingKeepsItsBound(t *testing.T) {
	rnd := rand.New(rand.NewPCG(4, 2))
	for range 400 {
		rules := make([]frame.Rounding, 4) // of the last series none
		for i := range rules[:3] {
			size := math.Pow(10, float64(rnd.IntN(12)-6)) * float64(1+rnd.IntN(9))
			switch rnd.IntN(3) {
			case 0:
				rules[i].Resolution = size
			case 1:
				rules[i].MaxError = size
			case 2:
				rules[i] = frame.Rounding{MaxError: rnd.Float64() * 0.2, Relative: true}
			}
		}
		e := NewEncoder(Effort(rnd.IntN(2)))
		e.Allowed = rules
		var c Chain
		level := [4]float64{}
		var clock telemetry.Time
		for at := range uint64(4) {
			recs := make([]frame.Record, 1+rnd.IntN(60))
			for i := range recs {
				if recs[i] = anyRecord(rnd, &clock); rnd.IntN(8) > 0 {
					s := rnd.IntN(5)
					level[s%4] += rnd.NormFloat64() * math.Pow(10, float64(rnd.IntN(9)-4))
					recs[i].Series, recs[i].Value = uint32(s), telemetry.Float(level[s%4])
				}
			}
			b, then, _, err := e.Encode(nil, headerOf(known, 1+at), recs, known, c, c.Last(func(uint64) bool { return true }))
			if err != nil {
				t.Fatal(err)
			}
			_, back, after, err := Decode(b, known, c)
			if err != nil {
				t.Fatal(err)
			}
			_, c = after, then
			for i, r := range back {
				was := recs[i]
				x, y := was.Value, r.Value
				r.Value = was.Value
				if r != was {
					t.Fatalf("%+v became %+v", was, back[i])
				}
				if int(was.Series) >= len(rules) || rules[was.Series] == (frame.Rounding{}) || x.Kind() != telemetry.KindFloat || math.IsNaN(x.Float()) || math.IsInf(x.Float(), 0) {
					if x.Kind() != y.Kind() || x.Bits() != y.Bits() || x.Text() != y.Text() {
						t.Fatalf("series %d, which is not rounded: %v became %v", was.Series, x, y)
					}
					continue
				}
				rule := rules[was.Series]
				most := rule.MaxError
				if rule.Relative {
					most *= math.Abs(x.Float())
				}
				if rule.Resolution > 0 {
					most = rule.Resolution / 2 * (1 + 1e-9)
				}
				if off := math.Abs(y.Float() - x.Float()); !(off <= most) {
					t.Fatalf("%v became %v, off by %v, at most %v (%+v)", x.Float(), y.Float(), off, most, rule)
				}
			}
		}
	}
}

// A resolution gives the numbers that people write.
func TestRoundingToDecimals(t *testing.T) {
	for _, c := range []struct {
		x, step float64
		want    string
	}{{20.3476, 0.1, "20.3"}, {0.30000000000000004, 0.1, "0.3"}, {-7.449, 0.05, "-7.45"}, {1234.5, 10, "1230"}, {3e300, 0.1, "3e+300"}, {0.123456, 0.001, "0.123"}, {99.99, 0.25, "100"}} {
		if got := strconv.FormatFloat(rounded(c.x, frame.Rounding{Resolution: c.step}, 0, false), 'g', -1, 64); got != c.want {
			t.Errorf("%v to %v: %s, want %s", c.x, c.step, got, c.want)
		}
	}
}

// What may be rounded takes fewer bytes.
func TestRoundingSaves(t *testing.T) {
	recs := recordsOf(t, all(t)[0])
	rules := make([]frame.Rounding, 32)
	for i := range rules {
		rules[i] = frame.Rounding{MaxError: 0.01, Relative: true}
	}
	size := func(allowed []frame.Rounding) (n int) {
		e := NewEncoder(Full)
		e.Allowed = allowed
		var c Chain
		for at := 0; at+60 <= 6000; at += 60 {
			b, then, _, err := e.Encode(nil, headerOf(known, uint64(at+1)), recs[at:at+60], known, c, c.Last(func(uint64) bool { return true }))
			if err != nil {
				t.Fatal(err)
			}
			c, n = then, n+len(b)
		}
		return n
	}
	exact, loose := size(nil), size(rules)
	t.Logf("%d bytes as they are, %d within 1%%", exact, loose)
	if loose*10 > exact*8 {
		t.Errorf("%d bytes within 1%%, %d as they are", loose, exact)
	}
}
