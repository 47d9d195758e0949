package line_test

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"

	"fieldpost/drivers"
	"fieldpost/drivers/drivertest"
	"fieldpost/drivers/line"
	"fieldpost/telemetry"
)

type deviceFile struct {
	Format, Separator, Decimal, Match string
	MaxLine                           int `json:"max_line"`
	Time                              *struct{ Field, Layout string }
	Metrics                           []struct{ Name, Type, Field string }
}

func (f deviceFile) device(t testing.TB) drivers.Device {
	t.Helper()
	s := &line.Settings{Format: f.Format, Separator: f.Separator, Decimal: f.Decimal, Match: f.Match, MaxLine: f.MaxLine}
	if f.Time != nil {
		s.Time = &line.Time{Field: line.Field(f.Time.Field), Layout: f.Time.Layout}
	}
	d := drivers.Device{Name: "boiler", Settings: s}
	for _, m := range f.Metrics {
		kind := telemetry.KindFloat
		if m.Type != "" {
			var err error
			if kind, err = telemetry.ParseKind(m.Type); err != nil {
				t.Fatal(err)
			}
		}
		d.Metrics = append(d.Metrics, drivers.Metric{Name: m.Name, Kind: kind, Address: &line.Address{Field: line.Field(m.Field)}})
	}
	return d
}

func testcases(t testing.TB) []drivertest.Case {
	t.Helper()
	return drivertest.Cases(t, func(t testing.TB, b []byte) drivers.Device {
		t.Helper()
		var f deviceFile
		if err := json.Unmarshal(b, &f); err != nil {
			t.Fatal(err)
		}
		return f.device(t)
	})
}

func newDecoder(t testing.TB, d drivers.Device) drivers.Decoder {
	t.Helper()
	return drivertest.NewDecoder(t, line.Kind(), d)
}

func decode(t testing.TB, d drivers.Device, chunks ...[]byte) string {
	t.Helper()
	return drivertest.Decode(t, line.Kind(), d, chunks...)
}

func write(b *strings.Builder) drivers.Emit { return drivertest.Text(b, "boiler") }

func TestCases(t *testing.T) { drivertest.RunCases(t, line.Kind(), testcases(t)) }

// Noise between lines costs no line, and gives no sample.
func TestNoise(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	noise := func() []byte {
		b := make([]byte, 1+r.IntN(60))
		for i := range b {
			// Bytes that make no value of any format by chance, as no digits and no letters are among them.
			b[i] = "\x00\x01\x1b\x7f\x80\xfe\xff\xef\xbb\xbf!#*?~^"[r.IntN(16)]
		}
		return append(b, '\n')
	}
	for _, c := range testcases(t) {
		t.Run(c.Name, func(t *testing.T) {
			for range 20 {
				var input []byte
				for _, l := range strings.SplitAfter(string(c.Input), "\n") {
					input = append(input, noise()...)
					input = append(input, l...)
					if !strings.HasSuffix(l, "\n") {
						break
					}
				}
				want, got := drivertest.SamplesOnly(c.Expect), drivertest.SamplesOnly(decode(t, c.Device, drivertest.Chunks(r, input)...))
				if got != want {
					t.Fatalf("got\n%s\nwant\n%s", got, want)
				}
			}
		})
	}
}

// A decoder can be used again after Flush: what was is forgotten.
func TestFlush(t *testing.T) {
	d := deviceFile{Format: line.CSV, MaxLine: 16, Metrics: []struct{ Name, Type, Field string }{{"n", "integer", "1"}}}.device(t)
	dec := newDecoder(t, d)
	var b strings.Builder
	emit := write(&b)
	dec.Flush(emit) // nothing there
	dec.Decode([]byte("12"), emit)
	dec.Flush(emit)
	dec.Flush(emit)
	dec.Decode([]byte("3"), emit)
	dec.Decode([]byte("4\r"), emit)
	dec.Decode([]byte("\n"), emit)
	dec.Decode([]byte("01234567890123456789"), emit) // too long
	dec.Decode([]byte("0123456789"), emit)           // still the same line
	dec.Flush(emit)
	dec.Decode([]byte("5\n"), emit)
	want := "n=12\nn=34\n! line \"01234567890123456\": dropped: it is longer than max_line, 16 bytes\nn=5\n"
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

// Reports allocate nothing while all goes well.
func TestNoAllocations(t *testing.T) {
	for _, b := range benchmarks {
		if b.allocates {
			continue
		}
		t.Run(b.name, func(t *testing.T) {
			dec := newDecoder(t, b.device.device(t))
			samples := 0
			emit := func(r drivers.Report) { samples += len(r.Samples) }
			input := []byte(b.line)
			if n := testing.AllocsPerRun(100, func() { dec.Decode(input, emit) }); n != 0 {
				t.Errorf("%v allocations per line", n)
			}
			if samples == 0 {
				t.Error("no samples")
			}
		})
	}
}

type fields = []struct{ Name, Type, Field string }

var benchmarks = []struct {
	name      string
	device    deviceFile
	line      string
	allocates bool
}{
	{"csv", deviceFile{Format: line.CSV, Metrics: fields{{"t", "", "1"}, {"p", "", "2"}, {"n", "integer", "4"}}}, "21.53,101.325,48.2,123456\r\n", false},
	{"csv decimal comma", deviceFile{Format: line.CSV, Decimal: ",", Metrics: fields{{"t", "", "1"}, {"p", "", "2"}, {"n", "integer", "4"}}}, "21,53;101,325;48,2;123456\r\n", false},
	{"json", deviceFile{Format: line.JSON, Metrics: fields{{"t", "", "env.t"}, {"p", "", "env.p"}, {"n", "integer", ""}}}, `{"id":"node-1","env":{"t":21.53,"p":101.325},"n":123456}` + "\n", false},
	{"keyvalue", deviceFile{Format: line.KeyValue, Metrics: fields{{"t", "", "T"}, {"p", "", "P"}, {"n", "integer", "N"}}}, "T=21.53 P=101.325 H=48.2 N=123456\n", false},
	{"regex", deviceFile{Format: line.Regex, Match: `T:(?P<t>\S+) P:(?P<p>\S+) .* N:(?P<n>\d+)`, Metrics: fields{{"t", "", ""}, {"p", "", ""}, {"n", "integer", ""}}}, "T:21.53 P:101.325 H:48.2 N:123456\n", true},
	{"text and bool", deviceFile{Format: line.CSV, Metrics: fields{{"state", "text", "1"}, {"on", "bool", "2"}}}, "heating,ON\n", false},
}

func BenchmarkDecode(b *testing.B) {
	for _, c := range benchmarks {
		b.Run(c.name, func(b *testing.B) {
			dec := newDecoder(b, c.device.device(b))
			const lines = 64
			input := []byte(strings.Repeat(c.line, lines))
			samples := 0
			emit := func(r drivers.Report) { samples += len(r.Samples) }
			b.ReportAllocs()
			b.SetBytes(int64(len(c.line)))
			for i := 0; i < b.N; i += lines {
				dec.Decode(input, emit)
			}
			if samples < b.N {
				b.Fatalf("%d samples of %d lines", samples, b.N)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "lines/s")
		})
	}
}
