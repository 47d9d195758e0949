package reduce_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"fieldpost/edge/reduce"
	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
)

// at is a good reading of v whose place in the series is its time.
func at(place int, v float64) frame.Record {
	return frame.Record{Time: telemetry.Time(place), Value: telemetry.Float(v)}
}

func places(recs []frame.Record) (out []int) {
	for _, r := range recs {
		out = append(out, int(r.Time))
	}
	return out
}

func TestStepIsReportedWithWhatWasBefore(t *testing.T) {
	r := reduce.New(reduce.Band{Width: 1}, 0)
	var report, held []frame.Record
	for i, v := range []float64{20, 20.1, 20.2, 20.3, 30, 40, 40.5, 39.5, 30} {
		report, held = r.Next(at(i, v), 0, report, held)
	}
	if want := []int{0, 3, 4, 5, 7, 8}; !slices.Equal(places(report), want) {
		t.Errorf("reported %v, want %v", places(report), want)
	}
	if want := []int{1, 2, 6}; !slices.Equal(places(held), want) {
		t.Errorf("held back %v, want %v", places(held), want)
	}
	if rest := r.Flush(nil); len(rest) > 0 {
		t.Errorf("%v waits after it was reported", places(rest))
	}
}

func TestDriftIsMeasuredFromTheLastReport(t *testing.T) {
	r := reduce.New(reduce.Band{Width: 1}, 0)
	var report []frame.Record
	for i := range 100 {
		report, _ = r.Next(at(i, float64(i)*0.25), 0, report, nil)
	}
	// Each report is 1.25 above the one before it, with the reading before it.
	if want := []int{0, 4, 5, 9, 10, 14, 15}; !slices.Equal(places(report)[:7], want) {
		t.Errorf("reported %v, want %v …", places(report)[:7], want)
	}
}

func TestQualityIsNews(t *testing.T) {
	r := reduce.New(reduce.Band{Width: 1}, 0)
	var report, held []frame.Record
	for i, q := range []telemetry.Quality{telemetry.Good, telemetry.Good, telemetry.Bad, telemetry.Bad, telemetry.Bad, telemetry.Uncertain, telemetry.Good} {
		rec := at(i, 20)
		rec.Quality = q
		report, held = r.Next(rec, 0, report, held)
	}
	if want := []int{0, 1, 2, 4, 5, 6}; !slices.Equal(places(report), want) {
		t.Errorf("reported %v, want %v", places(report), want)
	}
	if want := []int{3}; !slices.Equal(places(held), want) {
		t.Errorf("held back %v, want %v", places(held), want)
	}
}

func TestSignOfLife(t *testing.T) {
	const s = int64(time.Second)
	r := reduce.New(reduce.Band{Width: 1}, 10*time.Second)
	var report, held []frame.Record
	for i, mono := range []int64{0, 9*s + 999_999_999, 10 * s, 19 * s, 21 * s, 40 * s, 41 * s} {
		report, held = r.Next(at(i, 20), mono, report, held)
	}
	if want := []int{0, 2, 4, 5}; !slices.Equal(places(report), want) {
		t.Errorf("reported %v, want %v", places(report), want)
	}
	if want := []int{1, 3}; !slices.Equal(places(held), want) { // nothing had changed: the one before is not needed
		t.Errorf("held back %v, want %v", places(held), want)
	}
	if want := []int{6}; !slices.Equal(places(r.Flush(nil)), want) {
		t.Error("the last one does not wait")
	}
}

// TestHistoryInOneTelegram: all comes at one moment, and the instrument's own times say how far it is apart.
func TestHistoryInOneTelegram(t *testing.T) {
	r := reduce.New(reduce.Band{Width: 1}, 10*time.Minute)
	var report []frame.Record
	var want []telemetry.Time
	for i := range 13 {
		rec := at(0, 20)
		rec.Time, rec.Stamped = telemetry.Time(i)*telemetry.Time(5*time.Minute), true
		report, _ = r.Next(rec, 0, report, nil)
		if i%2 == 0 {
			want = append(want, rec.Time)
		}
	}
	var got []telemetry.Time
	for _, rec := range report {
		got = append(got, rec.Time)
	}
	if !slices.Equal(got, want) {
		t.Errorf("reported %v, want %v", got, want)
	}
	// An instrument's clock may be anywhere.
	for _, when := range []telemetry.Time{math.MinInt64, math.MaxInt64, 0} {
		rec := at(0, 20)
		rec.Time, rec.Stamped = when, true
		if report, _ := r.Next(rec, 0, nil, nil); len(report) != 1 {
			t.Errorf("%v: reported %v", when, report)
		}
	}
}

// series draws a series with all that may happen in one: noise, drift, steps, doubt, not-a-number, other types.
func series(random *rand.Rand, n int) (recs []frame.Record, monos []int64) {
	v, mono := random.NormFloat64()*10, int64(0)
	q := telemetry.Good
	for i := range n {
		switch random.IntN(40) {
		case 0:
			v += random.NormFloat64() * 20
		case 1:
			q = telemetry.Quality(random.IntN(3))
		case 2:
			v = 0
		}
		v += random.NormFloat64() * 0.3
		rec := at(i, v)
		switch random.IntN(60) {
		case 0:
			rec.Value = telemetry.Float(math.NaN())
		case 1:
			rec.Value = telemetry.Float(math.Inf(1 - 2*random.IntN(2)))
		case 2:
			rec.Value = telemetry.Int(int64(v))
		case 3:
			rec.Value = telemetry.Text("?")
		}
		rec.Quality = q
		recs, monos = append(recs, rec), append(monos, mono)
		mono += random.Int64N(int64(20 * time.Second))
	}
	return recs, monos
}

// TestBounds proves of random series what the package says: each reading ends in one place and in order; what was held back is within the band
// of the report before it, within twice the band of the line between the reports around it, of the same quality and type, and less than max_silence after a report.
func TestBounds(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	reported, all := 0, 0
	for round := range 300 {
		band := reduce.Band{Width: float64(round%7) * 0.4}
		if round%3 == 0 {
			band = reduce.Band{Width: float64(round % 11), Percent: true}
		}
		silence := time.Duration(round%4) * time.Minute
		flushed := round%5 == 0 // a held-back reading may leave early at any time
		recs, monos := series(random, 400)
		var report, held []frame.Record
		r := reduce.New(band, silence)
		for i, rec := range recs {
			report, held = r.Next(rec, monos[i], report, held)
			if flushed && random.IntN(10) == 0 {
				held = r.Flush(held)
			}
		}
		held = r.Flush(held)
		reported, all = reported+len(report), all+len(recs)

		up, down := places(report), places(held)
		if !slices.IsSorted(up) || !slices.IsSorted(down) {
			t.Fatalf("round %d: out of order: reported %v, held %v", round, up, down)
		}
		both := slices.Concat(up, down)
		slices.Sort(both)
		if len(both) != len(recs) || len(slices.Compact(both)) != len(recs) || up[0] != 0 {
			t.Fatalf("round %d: of %d readings, %v were reported and %v held back", round, len(recs), up, down)
		}
		for _, i := range down {
			k, _ := slices.BinarySearch(up, i)
			before := recs[up[k-1]]
			rec := recs[i]
			if rec.Quality != before.Quality || rec.Value.Kind() != before.Value.Kind() {
				t.Fatalf("round %d: %+v held back after %+v", round, rec, before)
			}
			if gap := time.Duration(monos[i] - monos[up[k-1]]); silence > 0 && gap >= silence {
				t.Fatalf("round %d: reading %d held back %v after the last report, max_silence %v", round, i, gap, silence)
			}
			a, number := before.Value.Number()
			v, _ := rec.Value.Number()
			if !number || math.IsNaN(a) || math.IsInf(a, 0) {
				if v != a && !(math.IsNaN(v) && math.IsNaN(a)) {
					t.Fatalf("round %d: %v held back after %v", round, rec.Value, before.Value)
				}
				continue
			}
			width := band.Width
			if band.Percent {
				width *= math.Abs(a) / 100
			}
			const rounding = 1e-12
			if !(math.Abs(v-a) <= width+rounding) {
				t.Fatalf("round %d: %v held back after %v, deadband %s", round, v, a, band)
			}
			if k == len(up) || flushed {
				continue
			}
			if b := recs[up[k]].Value.Float(); math.Abs(line(up[k-1], a, up[k], b, i)-v) > 2*width+rounding {
				t.Fatalf("round %d: %v held back between %v and %v, deadband %s", round, v, a, b, band)
			}
		}
	}
	t.Logf("%d of %d readings reported", reported, all)
}

// line returns the value at x of the straight line through (x0, y0) and (x1, y1).
func line(x0 int, y0 float64, x1 int, y1 float64, x int) float64 {
	return y0 + (y1-y0)*float64(x-x0)/float64(x1-x0)
}

func BenchmarkNext(b *testing.B) {
	recs, monos := series(rand.New(rand.NewPCG(1, 2)), 4096)
	var report, held []frame.Record
	r := reduce.New(reduce.Band{Width: 0.5}, 10*time.Minute)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		report, held = r.Next(recs[i%4096], monos[i%4096], report[:0], held[:0])
	}
}
