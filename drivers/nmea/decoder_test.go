package nmea_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"fieldpost/drivers"
	"fieldpost/drivers/drivertest"
	"fieldpost/drivers/nmea"
	"fieldpost/telemetry"
)

// deviceFile is a device.json of testdata. Metrics are fields, or "field:type", or "field@talker"; the name of one is what stands there.
type deviceFile struct {
	Sentences  []string
	NoChecksum bool `json:"no_checksum"`
	Time       string
	Metrics    []string
}

func (f deviceFile) device(t testing.TB) drivers.Device {
	t.Helper()
	d := drivers.Device{Name: "boat", Settings: &nmea.Settings{Sentences: f.Sentences, RequireChecksum: !f.NoChecksum, Time: f.Time}}
	for _, m := range f.Metrics {
		field, typ, _ := strings.Cut(m, ":")
		field, talker, _ := strings.Cut(field, "@")
		kind := telemetry.KindFloat
		if typ != "" {
			var err error
			if kind, err = telemetry.ParseKind(typ); err != nil {
				t.Fatal(err)
			}
		}
		d.Metrics = append(d.Metrics, drivers.Metric{Name: m, Kind: kind, Address: &nmea.Address{Field: field, Talker: talker}})
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

// decode returns the reports of what a device with the given metrics sends, one a line.
func decode(t testing.TB, f deviceFile, chunks ...string) string {
	t.Helper()
	var all [][]byte
	for _, c := range chunks {
		all = append(all, []byte(c))
	}
	return drivertest.Decode(t, nmea.Kind(), f.device(t), all...)
}

// sentence puts $, checksum and line end around a body.
func sentence(format string, args ...any) string {
	body := fmt.Sprintf(format, args...)
	var sum byte
	for _, c := range []byte(body) {
		sum ^= c
	}
	return fmt.Sprintf("$%s*%02X\r\n", body, sum)
}

func TestCases(t *testing.T) { drivertest.RunCases(t, nmea.Kind(), testcases(t)) }

// Noise between sentences costs none, and gives none.
func TestNoise(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, c := range testcases(t) {
		t.Run(c.Name, func(t *testing.T) {
			for range 20 {
				var input []byte
				for line := range strings.Lines(string(c.Input)) {
					for range r.IntN(80) {
						// All but what begins a sentence or may end one that began in the line before.
						if b := byte(r.IntN(256)); b != '$' && b != '!' && strings.HasSuffix(line, "\n") {
							input = append(input, b)
						}
					}
					input = append(input, line...)
				}
				want, got := drivertest.SamplesOnly(c.Expect), drivertest.SamplesOnly(drivertest.Decode(t, nmea.Kind(), c.Device, drivertest.Chunks(r, input)...))
				if got != want {
					t.Fatalf("got\n%s\nwant\n%s", got, want)
				}
			}
		})
	}
}

// Every bit of a sentence that turns over is noticed, if not by the checksum, then by the sentence not being one any more.
func TestBitErrors(t *testing.T) {
	good := sentence("GPGGA,122946,3857.5349,N,07628.4769,W,2,12,0.60,1,M,-33.7,M,,")
	want := decode(t, deviceFile{Metrics: []string{"GGA.lat", "GGA.lon"}}, good)
	for i := range len(good) - 2 {
		for bit := range 8 {
			b := []byte(good)
			b[i] ^= 1 << bit
			got := decode(t, deviceFile{Metrics: []string{"GGA.lat", "GGA.lon"}}, string(b))
			// The case of a digit of the checksum may change.
			if s := drivertest.SamplesOnly(got); s != "" && (s != want || !strings.EqualFold(string(b), good)) {
				t.Errorf("%q gives %s", b, s)
			}
		}
	}
}

// before is what an error says before it says why.
var before = regexp.MustCompile(`! sentence "[^"]*"…?: `)

// Positions are decimals: the nearest float64 to the degrees that the minutes say, rounded three places behind the minutes' last.
func TestPositions(t *testing.T) {
	for _, c := range []struct{ lat, lon, want string }{
		{"4807.038,N", "01131.000,E", "RMC.lat=48.1173 RMC.lon=11.516667"},
		{"4807.038,S", "01131.000,W", "RMC.lat=-48.1173 RMC.lon=-11.516667"},
		{"2304.167961,N", "16553.836924,W", "RMC.lat=23.069466017 RMC.lon=-165.897282067"},
		{"0000.0000,N", "00000.0000,W", "RMC.lat=0 RMC.lon=0"},
		{"9000.0000,N", "18000.0000,E", "RMC.lat=90 RMC.lon=180"},
		{"4807,N", "1131,E", "RMC.lat=48.117 RMC.lon=11.517"},
		{"5.5,n", "59.9999,e", "RMC.lat=0.0917 RMC.lon=0.9999983"},
		{"4807.03812345678901,N", "01131.99999999999999,E", "RMC.lat=48.1173020576 RMC.lon=11.533333333317"},
		{"36000.0000,N", "72000.0000,E", ""},
		{"36000,N", "72000,E", ""},
		{",N", ",E", ""},
		{"9000.0001,N", "18000.0001,E", `! field RMC.lat: "9000.0001" is out of range (and 1 more)`},
		{"4860.000,N", "01131.000,E", `RMC.lon=11.516667 ! field RMC.lat: "4860.000" is not degrees and minutes`},
		{"4807.038,", "01131.000,X", `! field RMC.lat: "4807.038" has no direction beside it, or an unknown one (and 1 more)`},
		{"-4807.038,N", "+01131.000,E", `! field RMC.lat: "-4807.038" is not degrees and minutes (and 1 more)`},
		{"48°07.038,N", "01131.000,E", "! broken off: there is a byte in it that no sentence has"},
		{"nan,N", "1e3,E", `! field RMC.lat: "nan" is not a number (and 1 more)`},
		{".,N", "1..2,E", `! field RMC.lat: "." is not a number (and 1 more)`},
	} {
		got := decode(t, deviceFile{Metrics: []string{"RMC.lat", "RMC.lon"}}, sentence("GPRMC,123519,A,%s,%s,022.4,084.4,230394,003.1,W", c.lat, c.lon))
		got = strings.TrimSuffix(got, "\n")
		got = before.ReplaceAllString(got, "! ")
		if got != c.want {
			t.Errorf("%s, %s: got %q; want %q", c.lat, c.lon, got, c.want)
		}
	}
}

// What is sent can be told from what is read.
func TestPositionsComeBack(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 2000 {
		places := 1 + r.IntN(8)
		degrees, minutes := r.IntN(180), r.Float64()*59.9
		text := fmt.Sprintf("%03d%0*.*f", degrees, places+3, places, minutes)
		var lon float64
		dec := drivertest.NewDecoder(t, nmea.Kind(), deviceFile{Metrics: []string{"GLL.lon"}}.device(t))
		dec.Decode([]byte(sentence("GPGLL,,,%s,E,,A,A", text)), func(r drivers.Report) {
			for _, s := range r.Samples {
				lon = s.Value.Float()
			}
		})
		whole := float64(int(lon))
		if back := fmt.Sprintf("%03.0f%0*.*f", whole, places+3, places, (lon-whole)*60); back != text {
			t.Fatalf("%s reads as %v, which is %s", text, lon, back)
		}
	}
}

// A decoder can be used again after Flush: what was is forgotten.
func TestFlush(t *testing.T) {
	f := deviceFile{Metrics: []string{"MTW.temperature"}, NoChecksum: true}
	dec := drivertest.NewDecoder(t, nmea.Kind(), f.device(t))
	var b strings.Builder
	emit := drivertest.Text(&b, "boat")
	dec.Flush(emit) // nothing there
	dec.Decode([]byte("$IIMTW,1"), emit)
	dec.Decode([]byte("7.9,C"), emit)
	dec.Flush(emit) // complete: it may do without a checksum
	dec.Flush(emit)
	dec.Decode([]byte("8,C\r\n$IIMTW,18"), emit)
	dec.Decode([]byte(".1,C*1D"), emit) // nothing can come after a checksum
	if want := "MTW.temperature=17.9\n"; !strings.HasPrefix(b.String(), want) || strings.Count(b.String(), "\n") != 2 {
		t.Errorf("got\n%s", b.String())
	}
	b.Reset()
	f.NoChecksum = false
	dec = drivertest.NewDecoder(t, nmea.Kind(), f.device(t))
	dec.Decode([]byte("$IIMTW,17.9,C"), emit)
	dec.Flush(emit)
	dec.Decode([]byte("$IIMTW,17.9,C*1"), emit)
	dec.Flush(emit)
	dec.Decode([]byte("$IIGLL,17.9"), emit) // nobody wants it
	dec.Flush(emit)
	want := `! sentence "$IIMTW,17.9,C": broken off: the stream ended in it` + "\n" + `! sentence "$IIMTW,17.9,C*1": checksum 01: it would be 1C` + "\n"
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

// Bytes that are no sentence are told once in a while: the baud rate may be wrong.
func TestNothing(t *testing.T) {
	const mtw = "$IIMTW,17.9,C*1C\r\n"
	f := deviceFile{Metrics: []string{"MTW.temperature"}}
	for _, c := range []struct {
		name, input string
		want        int
	}{
		{"wrong baud rate", strings.Repeat("\xf8\x00\x80$\xe0", 8192), 5},
		{"text", strings.Repeat("T=21.5;H=40\r\n", 2000), 3},
		{"money", strings.Repeat("$ 5,00\r\n", 2048), 1},
		{"long messages between sentences", strings.Repeat(strings.Repeat("\xb5", 8000)+mtw, 4), 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := decode(t, f, c.input)
			if n := strings.Count(got, "without a sentence"); n != c.want {
				t.Errorf("said %d times; want %d:\n%s", n, c.want, got)
			}
			if each := drivertest.Decode(t, nmea.Kind(), f.device(t), drivertest.Bytes([]byte(c.input))...); each != got {
				t.Errorf("byte by byte\n%s\nat once\n%s", each, got)
			}
		})
	}
}

var benchmark = deviceFile{Metrics: []string{"RMC.lat", "RMC.lon", "RMC.sog", "RMC.cog", "RMC.valid:bool", "RMC.mode:text"}}

const rmc = "$GNRMC,000001.00,A,2304.167961,N,16553.836924,W,7.87,100.6,111214,0,E,D*17\r\n"

// Reports allocate nothing while all goes well.
func TestNoAllocations(t *testing.T) {
	for _, clock := range []string{nmea.TimeNode, nmea.TimeInstrument} {
		f := benchmark
		f.Time = clock
		dec := drivertest.NewDecoder(t, nmea.Kind(), f.device(t))
		samples := 0
		emit := func(r drivers.Report) { samples += len(r.Samples) }
		input := []byte("$GPGSA,A,1,,,,,,,,,,,,,50.0,50.0,50.0*05\r\n" + rmc)
		if n := testing.AllocsPerRun(100, func() { dec.Decode(input, emit) }); n != 0 {
			t.Errorf("time %s: %v allocations", clock, n)
		}
		if samples == 0 {
			t.Error("no samples")
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	dec := drivertest.NewDecoder(b, nmea.Kind(), benchmark.device(b))
	input := []byte(rmc)
	samples := 0
	emit := func(r drivers.Report) { samples += len(r.Samples) }
	b.ReportAllocs()
	b.SetBytes(int64(len(input)))
	for b.Loop() {
		dec.Decode(input, emit)
	}
	if samples != 6*b.N {
		b.Fatalf("%d samples of %d sentences", samples, b.N)
	}
}
