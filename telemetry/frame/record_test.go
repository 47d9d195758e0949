package frame_test

import (
	"encoding/binary"
	"encoding/csv"
	"hash/crc32"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
)

// recordings are the cuts in testdata; its README.md says where they come from.
var recordings = []string{"household_power", "yosemite", "nab_machine"}

// recording reads one of them.
func recording(tb testing.TB, name string) []frame.Record {
	tb.Helper()
	f, err := os.Open(filepath.Join("testdata", name+".csv"))
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		tb.Fatal(err)
	}
	series := make(map[string]uint32)
	var recs []frame.Record
	for _, row := range rows[1:] {
		ms, err := strconv.ParseInt(row[0], 10, 64)
		if err != nil {
			tb.Fatal(err)
		}
		v, err := strconv.ParseFloat(row[2], 64)
		if err != nil {
			tb.Fatal(err)
		}
		if _, ok := series[row[1]]; !ok {
			series[row[1]] = uint32(len(series))
		}
		recs = append(recs, frame.Record{Series: series[row[1]], Time: telemetry.Time(ms * 1e6), Value: telemetry.Float(v)})
	}
	return recs
}

// header is what the tests encode under.
func header() frame.Header {
	return frame.Header{
		Node: "pi-7", Epoch: 0x0123456789abcdef, Lane: telemetry.Live, First: 1001,
		Boot: telemetry.Boot{Ordinal: 3, ID: 0xfedcba9876543210}, Clock: telemetry.ClockSync,
		Offset: 1_699_999_000_123_456_789, Table: 0x1122334455667788,
	}
}

const start = telemetry.Time(1_700_000_000_000_000_000)

// column makes the records of one series from its values, period apart.
func column(series uint32, period telemetry.Time, values ...telemetry.Value) []frame.Record {
	recs := make([]frame.Record, len(values))
	for i, v := range values {
		recs[i] = frame.Record{Series: series, Time: start + telemetry.Time(i)*period, Value: v}
	}
	return recs
}

func floats(f ...float64) []telemetry.Value { return valuesOf(telemetry.Float, f) }
func ints(n ...int64) []telemetry.Value     { return valuesOf(telemetry.Int, n) }
func texts(s ...string) []telemetry.Value   { return valuesOf(telemetry.Text, s) }
func bools(b ...bool) []telemetry.Value     { return valuesOf(telemetry.Bool, b) }

func valuesOf[T any](of func(T) telemetry.Value, in []T) []telemetry.Value {
	out := make([]telemetry.Value, len(in))
	for i, v := range in {
		out[i] = of(v)
	}
	return out
}

// interleave takes the columns' records turn by turn.
func interleave(columns ...[]frame.Record) []frame.Record {
	var out []frame.Record
	for i := 0; ; i++ {
		n := len(out)
		for _, c := range columns {
			if i < len(c) {
				out = append(out, c[i])
			}
		}
		if len(out) == n {
			return out
		}
	}
}

// A shape makes the i-th value of a column; it may keep state.
type shape func(r *rand.Rand) func(i int) telemetry.Value

func floatShape(f func(r *rand.Rand, i int, walk float64) float64) shape {
	return func(r *rand.Rand) func(int) telemetry.Value {
		walk := r.Float64() * 100
		return func(i int) telemetry.Value {
			walk += r.NormFloat64() / 4
			return telemetry.Float(f(r, i, walk))
		}
	}
}

func intShape(f func(r *rand.Rand, i int) int64) shape {
	return func(r *rand.Rand) func(int) telemetry.Value {
		return func(i int) telemetry.Value { return telemetry.Int(f(r, i)) }
	}
}

func decimal(x float64, digits int) float64 {
	f, _ := strconv.ParseFloat(strconv.FormatFloat(x, 'f', digits, 64), 64)
	return f
}

var specialFloats = []float64{
	0, math.Copysign(0, -1), math.Inf(1), math.Inf(-1), math.NaN(), math.Float64frombits(0x7ff0000000000001), math.Float64frombits(0xfff8dead0000beef),
	math.MaxFloat64, -math.MaxFloat64, math.SmallestNonzeroFloat64, -math.SmallestNonzeroFloat64, 1 << 53, 1<<53 + 2, -1 << 53, 1 << 63, -1 << 63, 0.1, -0.1, 1e22, 1e23, 1e-22, 1e300,
}

var specialInts = []int64{0, 1, -1, math.MaxInt64, math.MinInt64, math.MaxInt64 - 1, math.MinInt64 + 1, 1 << 62, -1 << 62, 1 << 61, -1 << 61}

var shapes = map[string]shape{
	"constant":       floatShape(func(*rand.Rand, int, float64) float64 { return 21.5 }),
	"whole":          floatShape(func(_ *rand.Rand, _ int, w float64) float64 { return math.Round(w) }),
	"decimals 1":     floatShape(func(_ *rand.Rand, _ int, w float64) float64 { return decimal(w, 1) }),
	"decimals 3":     floatShape(func(_ *rand.Rand, _ int, w float64) float64 { return decimal(w, 3) }),
	"decimals 8":     floatShape(func(_ *rand.Rand, _ int, w float64) float64 { return decimal(w, 8) }),
	"steps of 0.25":  floatShape(func(_ *rand.Rand, _ int, w float64) float64 { return math.Round(w*4) / 4 }),
	"last place":     floatShape(func(r *rand.Rand, _ int, w float64) float64 { return decimal(w, 2) * (1 + float64(r.IntN(3))*0x1p-52) }),
	"noise":          floatShape(func(_ *rand.Rand, _ int, w float64) float64 { return w }),
	"any bits":       floatShape(func(r *rand.Rand, _ int, _ float64) float64 { return math.Float64frombits(r.Uint64()) }),
	"single":         floatShape(func(_ *rand.Rand, _ int, w float64) float64 { return float64(float32(w)) }),
	"single decimal": floatShape(func(_ *rand.Rand, _ int, w float64) float64 { return float64(float32(decimal(w, 2))) }),
	"printed single": floatShape(func(_ *rand.Rand, _ int, w float64) float64 { return printed(float32(math.Round(w*8192) / 8192)) }),
	"printed small":  floatShape(func(_ *rand.Rand, _ int, w float64) float64 { return printed(float32(math.Round(w*1e3) / (1 << 24))) }),
	"printed wide": floatShape(func(r *rand.Rand, _ int, w float64) float64 {
		return printed(float32(math.Round(w*math.Pow10(r.IntN(8)-3)*4096) / 4096))
	}),
	"mean of 3": floatShape(func(_ *rand.Rand, _ int, w float64) float64 { return mean(math.Round(w*100)/100, 3) }),
	"mean of 7": floatShape(func(_ *rand.Rand, _ int, w float64) float64 { return mean(-math.Round(w*10)/10, 7) }),
	"huge":      floatShape(func(_ *rand.Rand, _ int, w float64) float64 { return w * 1e200 }),
	"tiny":      floatShape(func(_ *rand.Rand, _ int, w float64) float64 { return w * 1e-200 }),
	"special":   floatShape(func(r *rand.Rand, _ int, _ float64) float64 { return specialFloats[r.IntN(len(specialFloats))] }),
	"decimal, special": floatShape(func(r *rand.Rand, i int, w float64) float64 {
		if r.IntN(10) == 0 {
			return specialFloats[r.IntN(len(specialFloats))]
		}
		return decimal(w, 2)
	}),
	"counter":       intShape(func(r *rand.Rand, i int) int64 { return int64(i)*7 + 1<<40 }),
	"jumpy counter": intShape(func(r *rand.Rand, i int) int64 { return int64(i)*1000 + int64(r.IntN(3))*1000 }),
	"parabola":      intShape(func(r *rand.Rand, i int) int64 { return int64(i) * int64(i) * 12 }),
	"small":         intShape(func(r *rand.Rand, i int) int64 { return int64(r.IntN(5)) - 2 }),
	"any integer":   intShape(func(r *rand.Rand, i int) int64 { return int64(r.Uint64()) }),
	"extremes":      intShape(func(r *rand.Rand, i int) int64 { return specialInts[r.IntN(len(specialInts))] }),
	"even extremes": intShape(func(r *rand.Rand, i int) int64 { return int64(r.IntN(3)-1) << 62 }),
	"outliers":      intShape(func(r *rand.Rand, i int) int64 { return int64(r.IntN(8)) + int64(r.IntN(40)/39)<<50 }),
	"runs":          intShape(func(r *rand.Rand, i int) int64 { return int64(i/37) * 100003 }),
	"boolean": func(r *rand.Rand) func(int) telemetry.Value {
		return func(int) telemetry.Value { return telemetry.Bool(r.IntN(2) == 0) }
	},
	"seldom boolean": func(r *rand.Rand) func(int) telemetry.Value {
		return func(i int) telemetry.Value { return telemetry.Bool(i/50%2 == 0) }
	},
	"states": func(r *rand.Rand) func(int) telemetry.Value {
		return func(int) telemetry.Value {
			return telemetry.Text([]string{"on", "off", "", "\xff\x00 fault"}[r.IntN(4)])
		}
	},
	"texts": func(r *rand.Rand) func(int) telemetry.Value {
		return func(i int) telemetry.Value { return telemetry.Text(strconv.Itoa(i)) }
	},
	"any kind": func(r *rand.Rand) func(int) telemetry.Value {
		return func(i int) telemetry.Value {
			switch r.IntN(4) {
			case 0:
				return telemetry.Float(decimal(r.Float64(), 3))
			case 1:
				return telemetry.Int(int64(i))
			case 2:
				return telemetry.Bool(i&1 == 0)
			}
			return telemetry.Text(strconv.Itoa(r.IntN(3)))
		}
	},
}

func printed(f float32) float64 {
	x, _ := strconv.ParseFloat(strconv.FormatFloat(float64(f), 'g', -1, 32), 64)
	return x
}

func mean(sum, n float64) float64 {
	x, _ := strconv.ParseFloat(strconv.FormatFloat(sum/n, 'g', 15, 64), 64)
	return x
}

// A pace makes the i-th time of a column.
var paces = map[string]func(r *rand.Rand, i int) telemetry.Time{
	"each second": func(r *rand.Rand, i int) telemetry.Time { return start + telemetry.Time(i)*1e9 },
	"each 5 min":  func(r *rand.Rand, i int) telemetry.Time { return start + telemetry.Time(i)*300e9 },
	"with gaps":   func(r *rand.Rand, i int) telemetry.Time { return start + telemetry.Time(i+i/40*5)*1e9 },
	"at once":     func(r *rand.Rand, i int) telemetry.Time { return start },
	"jitter ms":   func(r *rand.Rand, i int) telemetry.Time { return start + telemetry.Time(i*1000+r.IntN(9))*1e6 },
	"jitter ns": func(r *rand.Rand, i int) telemetry.Time {
		return start + telemetry.Time(i)*1e9 + telemetry.Time(r.IntN(1e6))
	},
	"back and forth": func(r *rand.Rand, i int) telemetry.Time { return start + telemetry.Time(r.IntN(100)-50)*1e9 },
	"backward":       func(r *rand.Rand, i int) telemetry.Time { return start - telemetry.Time(i)*1e6 },
	"any time":       func(r *rand.Rand, i int) telemetry.Time { return telemetry.Time(r.Uint64()) },
	"ends of time":   func(r *rand.Rand, i int) telemetry.Time { return telemetry.Time(specialInts[r.IntN(len(specialInts))]) },
}

// flags are how a column's records are flagged.
var flags = map[string]func(r *rand.Rand, i int, rec *frame.Record){
	"good":    func(*rand.Rand, int, *frame.Record) {},
	"stamped": func(_ *rand.Rand, _ int, rec *frame.Record) { rec.Stamped = true },
	"episode": func(_ *rand.Rand, i int, rec *frame.Record) { rec.Quality = telemetry.Quality(min(i/20, 2)) },
	"any": func(r *rand.Rand, _ int, rec *frame.Record) {
		rec.Quality, rec.Stamped = telemetry.Quality(r.IntN(3)), r.IntN(2) == 0
	},
}

// reseal mends the lengths and checksums of a frame whose header or body was changed, and reports whether there is enough of it.
func reseal(b []byte) ([]byte, bool) {
	if len(b) < 3 {
		return nil, false
	}
	head, n := binary.Uvarint(b[3:])
	if n <= 0 || head > uint64(len(b)) {
		return nil, false
	}
	_, m := binary.Uvarint(b[3+n:])
	at := 3 + n + m
	if m <= 0 || at+int(head)+8 > len(b) {
		return nil, false
	}
	out := append([]byte(nil), b[:3+n]...)
	out = binary.AppendUvarint(out, uint64(len(b)-at-int(head)-8))
	out = append(out, b[at:at+int(head)]...)
	out = appendCheck(out)
	out = append(out, b[at+int(head)+4:len(b)-4]...)
	return appendCheck(out), true
}

func appendCheck(b []byte) []byte {
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)))
}
