package api_test

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"net/http"
	"slices"
	"testing"

	"fieldpost/api"
	"fieldpost/telemetry"
)

func TestStepGolden(t *testing.T) {
	h := api.New(sample(), api.Options{})
	for query, file := range map[string]string{
		"?step=1s": "step.json", "?step=1s&order=desc&format=ndjson": "step_desc.ndjson", "?step=1s&format=csv": "step.csv", "?step=1w&format=ndjson": "step_week.ndjson",
	} {
		_, body := get(t, h, "/v1/readings"+query)
		golden(t, file, body)
	}
}

func TestStep(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	float := func(fs ...float64) (out []telemetry.Value) {
		for _, f := range fs {
			out = append(out, telemetry.Float(f))
		}
		return out
	}
	tests := []struct {
		name   string
		values []telemetry.Value
		want   string // min max mean count
	}{
		{"one", float(21.5), "21.5 21.5 21.5 1"},
		{"some", float(3, 1, 2), "1 3 2 3"},
		{"tenths keep their digits", float(0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1), "0.1 0.1 0.1 10"},
		{"small beside big", float(1e100, 1, -1e100, 1), "-1e+100 1e+100 0.5 4"},
		{"sum beyond a float", float(1.5e308, 1.5e308, 1.5e308), "1.5e+308 1.5e+308 1.5e+308 3"},
		{"NaN is left out", float(nan, 2, nan, 4), "2 4 3 2"},
		{"only NaN", float(nan, nan), ""},
		{"infinity", float(1, inf), "1 +Inf +Inf 2"},
		{"both infinities", float(inf, -inf, 5), "-Inf +Inf NaN 3"},
		{"integers exact", []telemetry.Value{telemetry.Int(math.MaxInt64), telemetry.Int(math.MaxInt64 - 1)}, "9223372036854775806 9223372036854775807 9223372036854775807 2"},
		{"integers exact below", []telemetry.Value{telemetry.Int(math.MinInt64 + 1), telemetry.Int(math.MinInt64)}, "-9223372036854775808 -9223372036854775807 -9223372036854775808 2"},
		{"booleans", []telemetry.Value{telemetry.Bool(true), telemetry.Bool(false), telemetry.Bool(true), telemetry.Bool(true)}, "0 1 0.75 4"},
		{"text is counted", []telemetry.Value{telemetry.Text("a"), telemetry.Text("b")}, "<nil> <nil> <nil> 2"},
		{"text among numbers is counted", []telemetry.Value{telemetry.Float(4), telemetry.Text("b"), telemetry.Int(2)}, "2 4 3 3"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := &fake{}
			for i, v := range tt.values {
				f.readings = append(f.readings, reading(t0+telemetry.Time(i), v, uint64(i+1)))
			}
			f.readings = append(f.readings, with(reading(t0+50, telemetry.Float(-1e6), 99), func(r *api.Reading) { r.Quality = telemetry.Bad }))
			_, body := get(t, api.New(f, api.Options{}), "/v1/readings?step=1m&format=csv")
			want := "time,node,device,metric,min,max,mean,count,unit\n"
			if tt.want != "" {
				var lo, hi, mean, count string
				_, _ = fmt.Sscan(tt.want, &lo, &hi, &mean, &count)
				if lo == "<nil>" {
					lo, hi, mean = "", "", ""
				}
				// Integers are exact; the mean is a float, written without an exponent.
				if mean == "9223372036854775807" || mean == "-9223372036854775808" {
					mean = telemetry.Float(map[bool]float64{true: math.MaxInt64, false: math.MinInt64}[mean[0] != '-']).String()
				}
				want += fmt.Sprintf("2026-07-01T12:00:00.000Z,pi-7,boiler,temperature,%s,%s,%s,%s,Cel\n", lo, hi, mean, count)
			}
			if body != want {
				t.Errorf("got %s want %s", body, want)
			}
		})
	}
}

// Buckets begin at multiples of the step since 1970, before it too, and at the ends of time.
func TestStepAligned(t *testing.T) {
	tests := []struct {
		at   telemetry.Time
		step string
		want string
	}{
		{t0 + 61*second, "1m", "2026-07-01T12:01:00.000Z"},
		{t0 + 61*second, "7s", "2026-07-01T12:00:59.000Z"},
		{t0 + 1, "1ms", "2026-07-01T12:00:00.000Z"},
		{t0, "1w", "2026-06-25T00:00:00.000Z"}, // 1970-01-01 was a Thursday
		{0, "1h", "1970-01-01T00:00:00.000Z"},
		{-1, "1h", "1969-12-31T23:00:00.000Z"},
		{-3600 * second, "1h", "1969-12-31T23:00:00.000Z"},
		{math.MinInt64, "1d", "1677-09-21T00:12:43.145224192Z"},
		{math.MaxInt64 - 1, "1d", "2262-04-11T00:00:00.000Z"},
		{t0, "15000w", "1970-01-01T00:00:00.000Z"},
	}
	for _, tt := range tests {
		f := &fake{readings: []api.Reading{reading(tt.at, telemetry.Float(1), 1)}}
		_, body := get(t, api.New(f, api.Options{}), "/v1/readings?step="+tt.step)
		if got := rows(t, body); len(got) != 1 || got[0]["time"] != tt.want {
			t.Errorf("%v by %s: %s, want %s", tt.at, tt.step, body, tt.want)
		}
	}
}

// from and to cut buckets; what lies outside does not count, and the bucket keeps its name.
func TestStepCut(t *testing.T) {
	f := &fake{}
	for i := range 10 {
		f.readings = append(f.readings, reading(t0+telemetry.Time(i)*second, telemetry.Int(int64(i)), uint64(i+1)))
	}
	_, body := get(t, api.New(f, api.Options{}), "/v1/readings?step=4s&from=1782907201&to=1782907206&format=csv")
	want := `time,node,device,metric,min,max,mean,count,unit
2026-07-01T12:00:00.000Z,pi-7,boiler,temperature,1,3,2,3,Cel
2026-07-01T12:00:04.000Z,pi-7,boiler,temperature,4,5,4.5,2,Cel
`
	if body != want {
		t.Errorf("got %s", body)
	}
}

// Following Link through buckets gives each once, in order; a series whose unit changes has one bucket per unit.
func TestStepPages(t *testing.T) {
	f := &fake{}
	for i := range 120 {
		f.readings = append(f.readings, with(reading(t0+telemetry.Time(i)*second/4, telemetry.Int(int64(i)), uint64(i+1)), func(r *api.Reading) {
			r.Series.Metric = fmt.Sprintf("m%d", i%3)
			r.Series.Node = []string{"pi-7", "attic"}[i%2]
			if i > 60 {
				r.Unit = "K"
			}
		}))
	}
	h := api.New(f, api.Options{})
	for _, order := range []string{"asc", "desc"} {
		base := "/v1/readings?step=5s&from=1782907201.3&to=1782907228&order=" + order
		_, whole := get(t, h, base)
		want := rows(t, whole)
		if len(want) != 37 { // 6 spans by 6 series, and one series that changes its unit inside a span
			t.Fatalf("%d buckets", len(want))
		}
		total := 0.0
		for _, row := range want {
			total += row["count"].(float64)
		}
		if total != 106 { // i from 6 (1.5 s) to 111 (27.75 s)
			t.Errorf("buckets hold %v readings", total)
		}
		for _, limit := range []int{1, 2, 5, 6, 7, 36, 37, 38} {
			var got []map[string]any
			for target := fmt.Sprintf("%s&limit=%d", base, limit); target != ""; {
				res, body := get(t, h, target)
				if res.StatusCode != http.StatusOK {
					t.Fatal(body)
				}
				got = append(got, rows(t, body)...)
				target = next(t, res)
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Fatalf("%s limit %d: %v, want %v", order, limit, got, want)
			}
		}
	}
}

// The mean agrees with exact arithmetic to the last digit or so, whatever the order of sizes.
func TestStepMeanExact(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		f := &fake{}
		sum := new(big.Float).SetPrec(2200)
		n := 1 + rng.IntN(40)
		scale := 0.0
		for i := range n {
			v := math.Ldexp(rng.Float64()-0.5, rng.IntN(60)-30)
			scale = max(scale, math.Abs(v))
			sum.Add(sum, big.NewFloat(v))
			f.readings = append(f.readings, reading(t0+telemetry.Time(i), telemetry.Float(v), uint64(i+1)))
		}
		want, _ := sum.Quo(sum, big.NewFloat(float64(n))).Float64()
		_, body := get(t, api.New(f, api.Options{}), "/v1/readings?step=1h")
		if got := rows(t, body)[0]["mean"].(float64); math.Abs(got-want) > 4e-16*max(math.Abs(want), scale*1e-6) {
			t.Errorf("mean is %v, want %v", got, want)
		}
	}
}

// Equal series under different steps count the same readings.
func TestStepLosesNothing(t *testing.T) {
	f := &fake{}
	for i := range 500 {
		f.readings = append(f.readings, reading(t0+telemetry.Time(i*i)*second/7, telemetry.Int(1), uint64(i+1)))
	}
	h := api.New(f, api.Options{})
	for _, step := range []string{"1ms", "1s", "90s", "1h", "7d"} {
		_, body := get(t, h, "/v1/readings?format=ndjson&step="+step)
		total, times := 0.0, []string{}
		for _, row := range rows(t, body) {
			total += row["count"].(float64)
			times = append(times, row["time"].(string))
		}
		if total != 500 || !slices.IsSorted(times) || len(slices.Compact(times)) != len(times) {
			t.Errorf("step %s: %v readings in %d buckets", step, total, len(times))
		}
	}
}
