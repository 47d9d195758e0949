package emulate_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"fieldpost/drivers/emulate"
)

type instrument interface{ Run(context.Context) }

var instruments = []struct {
	name     string
	period   time.Duration
	together int    // lines
	golden   string // of seed 1
	make     func(out io.Writer, seed uint64) instrument
	check    func(telegram []byte) error
}{
	{"station", emulate.StationPeriod, 1, "testdata/station.csv",
		func(out io.Writer, seed uint64) instrument { return emulate.NewStation(out, seed) }, checkStation},
	{"meter", emulate.MeterPeriod, 1, "testdata/meter.json",
		func(out io.Writer, seed uint64) instrument { return emulate.NewMeter(out, seed) }, checkMeter},
	{"pump", emulate.PumpPeriod, 1, "testdata/pump.txt",
		func(out io.Writer, seed uint64) instrument { return emulate.NewPump(out, seed) }, checkPump},
	{"gps", emulate.GPSPeriod, 2, "testdata/gps.nmea",
		func(out io.Writer, seed uint64) instrument { return emulate.NewGPS(out, seed) }, checkGPS},
}

// lines gathers what is written; each write must be so many whole lines.
type lines struct {
	t     *testing.T
	each  int
	lines [][]byte
	err   error // of each write
}

func (l *lines) Write(b []byte) (int, error) {
	if bytes.Count(b, []byte("\n")) != l.each || b[len(b)-1] != '\n' {
		l.t.Errorf("wrote %q, want %d lines", b, l.each)
	}
	l.lines = append(l.lines, b)
	return len(b), l.err
}

// hear runs an instrument for n periods and returns its n+1 telegrams.
func hear(t *testing.T, i int, seed uint64, n int, failing error) (out [][]byte) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(n)*instruments[i].period+time.Millisecond)
		defer cancel()
		l := &lines{t: t, each: instruments[i].together, err: failing}
		instruments[i].make(l, seed).Run(ctx)
		out = l.lines
	})
	if len(out) != n+1 {
		t.Fatalf("%d telegrams in %d periods, want one at once and one after each", len(out), n)
	}
	return out
}

func TestFirstLines(t *testing.T) {
	for i, x := range instruments {
		t.Run(x.name, func(t *testing.T) {
			want, err := os.ReadFile(x.golden)
			if err != nil {
				t.Fatal(err)
			}
			if got := bytes.Join(hear(t, i, 1, 4, nil), nil); !bytes.Equal(got, want) {
				t.Errorf("got\n%swant\n%s", got, want)
			}
		})
	}
}

func TestSeeds(t *testing.T) {
	for i, x := range instruments {
		t.Run(x.name, func(t *testing.T) {
			first := bytes.Join(hear(t, i, 7, 50, nil), nil)
			if again := bytes.Join(hear(t, i, 7, 50, nil), nil); !bytes.Equal(first, again) {
				t.Error("the same seed gives other lines")
			}
			if other := bytes.Join(hear(t, i, 8, 50, nil), nil); bytes.Equal(first, other) {
				t.Error("another seed gives the same lines")
			}
		})
	}
}

// A broken line does not stop an instrument.
func TestNobodyListens(t *testing.T) {
	for i, x := range instruments {
		t.Run(x.name, func(t *testing.T) { hear(t, i, 1, 3, io.ErrClosedPipe) })
	}
}

// Two hours of lines are plausible and not stuck.
func TestPlausible(t *testing.T) {
	for i, x := range instruments {
		t.Run(x.name, func(t *testing.T) {
			all := hear(t, i, 3, int(2*time.Hour/x.period), nil)
			different := map[string]bool{}
			for n, l := range all {
				if err := x.check(l); err != nil {
					t.Fatalf("line %d, %q: %v", n, l, err)
				}
				different[string(l)] = true
			}
			if len(different) < len(all)*9/10 {
				t.Errorf("only %d of %d lines differ", len(different), len(all))
			}
		})
	}
}

func checkStation(line []byte) error {
	var t, rh, p float64
	if _, err := fmt.Sscanf(string(line), "%f,%f,%f\r\n", &t, &rh, &p); err != nil {
		return err
	}
	return within(map[string][3]float64{"temperature": {t, 10, 32}, "humidity": {rh, 5, 100}, "pressure": {p, 980, 1045}})
}

func checkMeter(line []byte) error {
	var m struct {
		Voltage, Current, Power float64
		Energy                  int64
	}
	if err := json.Unmarshal(line, &m); err != nil {
		return err
	}
	return within(map[string][3]float64{"voltage": {m.Voltage, 207, 253}, "current": {m.Current, 0, 16}, "power": {m.Power, 0, 3680},
		"energy": {float64(m.Energy), 1_200_000, 1_225_000}, "power factor": {m.Power / (m.Voltage*m.Current + 1e-9), 0.9, 1}})
}

func checkPump(line []byte) error {
	var t, flow, rpm float64
	var state string
	if _, err := fmt.Sscanf(string(line), "temp=%f flow=%f rpm=%f state=%s\r\n", &t, &flow, &rpm, &state); err != nil {
		return err
	}
	if (state == "run") != (flow > 20) {
		return fmt.Errorf("flow %v in state %q", flow, state)
	}
	return within(map[string][3]float64{"temperature": {t, 55, 105}, "flow": {flow, 0, 45}, "turns": {rpm, 2800, 3050}})
}

func checkGPS(telegram []byte) error {
	for line := range bytes.Lines(telegram) {
		var sum, want byte
		text, rest, _ := bytes.Cut(line[1:], []byte("*"))
		for _, c := range text {
			sum ^= c
		}
		if _, err := fmt.Sscanf(string(rest), "%02X\r\n", &want); err != nil || line[0] != '$' || sum != want {
			return fmt.Errorf("checksum %02X, want %02X, %w", want, sum, err)
		}
	}
	var clock, date, lat, lon, sog, cog float64
	if _, err := fmt.Sscanf(string(telegram), "$GPRMC,%f,A,%f,N,%f,E,%f,%f,%f,", &clock, &lat, &lon, &sog, &cog, &date); err != nil {
		return err
	}
	return within(map[string][3]float64{"latitude": {lat, 4739, 4740.2}, "longitude": {lon, 920, 922}, "knots": {sog, 3, 13}, "course": {cog, 0, 360}})
}

func within(values map[string][3]float64) error {
	for name, v := range values {
		if !(v[1] <= v[0] && v[0] <= v[2]) {
			return fmt.Errorf("%s %v is not within %v and %v", name, v[0], v[1], v[2])
		}
	}
	return nil
}
