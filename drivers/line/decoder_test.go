package line_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fieldpost/drivers"
	"fieldpost/drivers/line"
	"fieldpost/telemetry"
)

// A case is a folder below testdata: device.json says how the instrument is read, input.bin is what it sent, and expect.txt holds a line for each
// report: its samples, and then its error.
type testcase struct {
	name   string
	device drivers.Device
	input  []byte
	expect string
}

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

func testcases(t testing.TB) []testcase {
	t.Helper()
	dirs, err := filepath.Glob("testdata/*/device.json")
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	var all []testcase
	for _, path := range dirs {
		dir := filepath.Dir(path)
		c := testcase{name: filepath.Base(dir)}
		var f deviceFile
		read := func(name string) []byte {
			b, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
		if err := json.Unmarshal(read("device.json"), &f); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		c.device, c.input, c.expect = f.device(t), read("input.bin"), string(read("expect.txt"))
		all = append(all, c)
	}
	return all
}

func newDecoder(t testing.TB, d drivers.Device) drivers.Decoder {
	t.Helper()
	dec, err := line.Kind().Decoder(d)
	if err != nil {
		t.Fatal(err)
	}
	return dec
}

// write appends reports as text.
func write(b *strings.Builder) drivers.Emit {
	return func(r drivers.Report) {
		if r.Device != "boiler" {
			fmt.Fprintf(b, "device %q ", r.Device)
		}
		for i, s := range r.Samples {
			if i > 0 {
				b.WriteByte(' ')
			}
			fmt.Fprintf(b, "%s=%s", s.Metric, s.Value.AppendJSON(nil))
			if s.Quality != telemetry.Good {
				fmt.Fprintf(b, "(%v)", s.Quality)
			}
			if s.Time != 0 {
				fmt.Fprintf(b, "@%v", s.Time)
			}
		}
		if r.Err != nil {
			if len(r.Samples) > 0 {
				b.WriteByte(' ')
			}
			fmt.Fprintf(b, "! %v", r.Err)
		}
		b.WriteByte('\n')
	}
}

// decode feeds the chunks to a new decoder and returns the reports as text.
func decode(t testing.TB, d drivers.Device, chunks ...[]byte) string {
	t.Helper()
	dec := newDecoder(t, d)
	var b strings.Builder
	for _, c := range chunks {
		mine := slices.Clone(c)
		dec.Decode(mine, write(&b))
		for i := range mine { // it keeps none of p
			mine[i] = '#'
		}
	}
	dec.Flush(write(&b))
	return b.String()
}

func single(p []byte) [][]byte {
	var chunks [][]byte
	for i := range p {
		chunks = append(chunks, p[i:i+1])
	}
	return chunks
}

func random(r *rand.Rand, p []byte) [][]byte {
	var chunks [][]byte
	for len(p) > 0 {
		n := r.IntN(min(len(p), 40)) + 1
		chunks, p = append(chunks, p[:n]), p[n:]
	}
	return chunks
}

func TestCases(t *testing.T) {
	for _, c := range testcases(t) {
		t.Run(c.name, func(t *testing.T) {
			got := decode(t, c.device, c.input)
			if os.Getenv("UPDATE") != "" {
				if err := os.WriteFile(filepath.Join("testdata", c.name, "expect.txt"), []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != c.expect {
				t.Errorf("got\n%s\nwant\n%s", got, c.expect)
			}
		})
	}
}

// The same reports come whatever the chunks.
func TestChunks(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, c := range testcases(t) {
		t.Run(c.name, func(t *testing.T) {
			if got := decode(t, c.device, single(c.input)...); got != c.expect {
				t.Errorf("byte by byte: got\n%s\nwant\n%s", got, c.expect)
			}
			for range 50 {
				if got := decode(t, c.device, random(r, c.input)...); got != c.expect {
					t.Fatalf("in random chunks: got\n%s\nwant\n%s", got, c.expect)
				}
			}
		})
	}
}

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
		t.Run(c.name, func(t *testing.T) {
			for range 20 {
				var input []byte
				for _, l := range strings.SplitAfter(string(c.input), "\n") {
					input = append(input, noise()...)
					input = append(input, l...)
					if !strings.HasSuffix(l, "\n") {
						break
					}
				}
				want, got := samplesOnly(c.expect), samplesOnly(decode(t, c.device, random(r, input)...))
				if got != want {
					t.Fatalf("got\n%s\nwant\n%s", got, want)
				}
			}
		})
	}
}

// samplesOnly leaves out what begins with an error, and errors behind samples.
func samplesOnly(reports string) string {
	var b strings.Builder
	for l := range strings.Lines(reports) {
		l, _, _ = strings.Cut(strings.TrimSuffix(l, "\n"), "! ")
		if l = strings.TrimSpace(l); l != "" {
			b.WriteString(l + "\n")
		}
	}
	return b.String()
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
