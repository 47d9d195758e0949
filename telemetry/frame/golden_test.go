package frame_test

import (
	"bytes"
	"encoding/hex"
	"flag"
	"maps"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
)

var update = flag.Bool("update", false, "write the golden bytes of new cases")

// goldenReadings are frames whose bytes must stay readable for ever. Between them they use every way to write a column.
func goldenReadings() map[string][]frame.Record {
	csv := interleave(
		column(0, 60e9, floats(20.1, 20.3, 20.2, 20.2, 20.6, 20.5, 20.9, 20.1)...),
		column(1, 60e9, ints(5, 5, 5, 5, 6, 6, 6, 6)...),
		column(2, 60e9, bools(true, false, false, true, true, true, false, true)...),
		column(7, 60e9, texts("idle", "idle", "heating", "heating", "", "idle", "idle", "fault \xff")...),
	)
	flagged := column(3, 1e9, floats(1, 2, 4, 9, 3)...)
	flagged[1].Quality, flagged[2].Quality, flagged[4].Stamped = telemetry.Uncertain, telemetry.Bad, true
	late := column(9, 1e9, ints(1, 2, 3, 4, 5, 6)...)
	late[2].Time, late[3].Time, late[5].Time = start-3e9, start-3e9, start+1
	shifted := column(1, 1e9, ints(3, 1, 4, 1, 5)...)
	for i := range shifted {
		shifted[i].Time += 250e6 + 1e9
	}
	var runs, cubes []int64
	for i := range 60 {
		runs, cubes = append(runs, int64(i/20)*int64(i/20)*1e6), append(cubes, int64(i*i*i))
	}
	var steps []telemetry.Value
	for i := range 130 {
		steps = append(steps, telemetry.Int(int64(i)*1000+int64(i*i%7)*50))
	}
	steps[99] = telemetry.Int(1 << 50)
	mixed := column(4, 1e9, telemetry.Float(1.5), telemetry.Text("n/a"), telemetry.Int(-7), telemetry.Bool(true), telemetry.Float(2.5), telemetry.Text("n/a"))
	extremes := interleave(column(0, 1, floats(specialFloats...)...), column(1, 1, ints(specialInts...)...))
	extremes[0].Time, extremes[3].Time = math.MinInt64, math.MaxInt64
	uneven := append(slices.Clone(csv), csv[0], csv[3], csv[1], csv[0])
	return map[string][]frame.Record{
		"one":      column(0, 0, floats(21.5)...),
		"csv":      csv,
		"cut csv":  csv[2:29],
		"uneven":   uneven,
		"flagged":  flagged,
		"late":     late,
		"shifted":  interleave(column(0, 1e9, ints(9, 8, 7, 6, 5, 4, 3)...), shifted),
		"runs":     interleave(column(0, 1e9, ints(runs...)...), column(1, 1e9, ints(cubes...)...)),
		"steps":    column(0, 1e9, steps...),
		"mixed":    mixed,
		"extremes": extremes,
		"lattices": interleave(
			column(0, 1e9, floats(73.96732207, 74.93588199999998, 76.12416182, 78.14070732)...),
			column(1, 1e9, floats(float64(float32(20.13)), float64(float32(20.16)), float64(float32(20.11)), float64(float32(20.19)))...),
			column(2, 1e9, floats(0.9250488, 0.9267578, 0.92858887, 0.9239502)...),
			column(3, 1e9, floats(19.9266666666667, 19.9333333333333, 20, 19.9566666666667)...),
			column(4, 1e9, floats(math.Pi, math.E, math.Sqrt2, math.Ln2, math.Phi)...),
			column(5, 1e9, floats(1e300, 1e300*(1+0x1p-52), 1e300*(1+0x1p-51), 1e300*(1+0x1p-50))...),
		),
	}
}

// golden returns the stored bytes of a case, or with -update stores fresh where there are none.
func golden(t *testing.T, name string, fresh []byte) []byte {
	t.Helper()
	path := filepath.Join("testdata", "golden", strings.ReplaceAll(name, " ", "_")+".hex")
	text, err := os.ReadFile(path)
	if os.IsNotExist(err) && *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		var lines strings.Builder
		for part := range slices.Chunk(fresh, 32) {
			lines.WriteString(hex.EncodeToString(part) + "\n")
		}
		if err := os.WriteFile(path, []byte(lines.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return fresh
	}
	if err != nil {
		t.Fatal(err)
	}
	b, err := hex.DecodeString(strings.Join(strings.Fields(string(text)), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestGoldenReadings(t *testing.T) {
	cases := goldenReadings()
	for _, name := range slices.Sorted(maps.Keys(cases)) {
		t.Run(name, func(t *testing.T) {
			recs := cases[name]
			fresh := roundTrip(t, header(), recs)
			want := golden(t, name, fresh)
			_, got, err := frame.Decode(want, nil)
			if err != nil {
				t.Fatal(err)
			}
			same(t, got, recs)
			if !bytes.Equal(fresh, want) {
				t.Errorf("the encoder's choice has changed:\n got %x\nwant %x", fresh, want)
			}
		})
	}
}

func TestGoldenEvents(t *testing.T) {
	events := []telemetry.Event{event(1), event(2), event(3), event(4)}
	h := header()
	h.Lane = telemetry.Alarm
	fresh, err := frame.EncodeEvents(nil, h, events)
	if err != nil {
		t.Fatal(err)
	}
	want := golden(t, "events", fresh)
	if !bytes.Equal(fresh, want) {
		t.Errorf("got %x\nwant %x", fresh, want)
	}
	if _, got, err := frame.DecodeEvents(want); err != nil || !reflect.DeepEqual(got, events) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestGoldenTable(t *testing.T) {
	fresh, err := table().Encode()
	if err != nil {
		t.Fatal(err)
	}
	want := golden(t, "table", fresh)
	if !bytes.Equal(fresh, want) {
		t.Errorf("got %x\nwant %x", fresh, want)
	}
	if got, err := frame.DecodeTable(want); err != nil || !reflect.DeepEqual(got, table()) {
		t.Errorf("got %+v, %v", got, err)
	}
	if h := frame.Hash(want); h != goldenHash {
		t.Errorf("hash %#x, want %#x", h, uint64(goldenHash))
	}
}

const goldenHash = 0x8cff9de0aef27a68
