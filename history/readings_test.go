package history_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"fieldpost/api"
	"fieldpost/history"
	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
)

func float(series uint32, at telemetry.Time, v float64) frame.Record {
	return frame.Record{Series: series, Time: at, Value: telemetry.Float(v)}
}

func TestReadingsInOrder(t *testing.T) {
	s := newShelf(t, 1, history.NewCatalogue(), nil)
	synced := frame.Header{Node: "pi", Clock: telemetry.ClockSync}
	s.put(synced, 1000*second, float(temperature, 50*second, 1), float(temperatureMean, 50*second, 1.5), float(temperature, 70*second, 2))
	// Older data lands later, and the two overlap; one reading goes backwards, one has the time of another.
	s.put(synced, 1001*second, float(temperature, 20*second, 3), float(temperature, 60*second, 4), float(temperature, 10*second, 5), float(temperature, 50*second, 6))
	s.put(frame.Header{Node: "pi-2", Clock: telemetry.ClockSync}, 1002*second,
		frame.Record{Series: running, Time: 55 * second, Value: telemetry.Bool(true), Quality: telemetry.Uncertain})

	for name, q := range map[string]api.Query{
		"all":         everything,
		"descending":  {From: everything.From, To: everything.To, Descending: true},
		"half-open":   {From: 20 * second, To: 60 * second},
		"node":        {Filter: api.Filter{Node: "pi-2"}, From: everything.From, To: everything.To},
		"metric":      {Filter: api.Filter{Metric: "temperature"}, From: everything.From, To: everything.To},
		"derived":     {Filter: api.Filter{Metric: "temperature_mean"}, From: everything.From, To: everything.To},
		"device":      {Filter: api.Filter{Device: "pump"}, From: everything.From, To: everything.To},
		"nothing":     {Filter: api.Filter{Device: "lamp"}, From: everything.From, To: everything.To},
		"empty range": {From: 5, To: 5},
	} {
		t.Run(name, func(t *testing.T) { s.wantAnswer(q) })
	}
	if n := len(answer(s.all, everything)); n != 7 {
		t.Fatalf("the answer to all has %d readings, want 7: the derived one is not among them", n)
	}
}

// Random frames in several journals, late, overlapping, with equal times; random queries, resumed after every page. Proven: the merged answer is
// the one that sorting all records gives, from any cursor, in both directions, also after opening again.
func TestModel(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 3))
			series := history.NewCatalogue()
			shelves := []*shelf{newShelf(t, 0, series, nil), newShelf(t, 1, series, nil), newShelf(t, 3, series, nil)}
			var all []api.Reading
			for range 60 {
				s := shelves[rnd.IntN(len(shelves))]
				base := telemetry.Time(rnd.IntN(1000)) * second
				recs := make([]frame.Record, 1+rnd.IntN(40))
				for i := range recs {
					recs[i] = float(uint32(rnd.IntN(2)), base+telemetry.Time(rnd.IntN(60))*second, rnd.Float64())
				}
				s.put(frame.Header{Node: fmt.Sprintf("pi-%d", rnd.IntN(3)), Clock: telemetry.ClockSync}, base, recs...)
			}
			again := history.NewCatalogue()
			var readers []*history.Reader
			for _, s := range shelves {
				if seed == 1 {
					series = again
					s.reopen(again)
				}
				all = append(all, s.all...)
				readers = append(readers, s.reader)
			}
			merged := history.Merge(series, readers...)
			for range 30 {
				q := api.Query{From: telemetry.Time(rnd.IntN(1000)) * second, Descending: rnd.IntN(2) == 0}
				q.To = q.From + telemetry.Time(rnd.IntN(500))*second
				if rnd.IntN(2) == 0 {
					q.Node = fmt.Sprintf("pi-%d", rnd.IntN(4))
				}
				if rnd.IntN(3) == 0 {
					q.Metric = "temperature_mean"
				}
				want := answer(all, q)
				wantReadings(t, gather(t, merged.Readings(context.Background(), q)), want)

				var paged []api.Reading
				for {
					n := 0
					page := 1 + rnd.IntN(50)
					for r, err := range merged.Readings(context.Background(), q) {
						if err != nil {
							t.Fatal(err)
						}
						paged = append(paged, r)
						if n++; n == page {
							break
						}
					}
					if n < page {
						break
					}
					c := paged[len(paged)-1].Cursor()
					q.After = &c
				}
				wantReadings(t, paged, want)
			}
		})
	}
}

// Times taken before the clock was known are put right as they are read, those of the instrument stay, and nothing on disk changes.
func TestClockBecomesKnown(t *testing.T) {
	known := false
	clock := func(h frame.Header) (int64, bool) {
		return history.Resolve(h, bootTable[h.Boot], known)
	}
	s := newShelf(t, 1, history.NewCatalogue(), clock)
	const wrong = telemetry.Time(100) * second
	doubtful := frame.Header{Node: "pi", Clock: telemetry.ClockFloor, Boot: boot1, Offset: int64(90 * second)}
	stamped := float(temperature, 5000*second, 3)
	stamped.Stamped = true
	s.put(doubtful, 1, float(temperature, wrong, 1), float(temperature, wrong+second, 2), stamped)
	s.put(frame.Header{Node: "pi", Clock: telemetry.ClockSync, Boot: boot1, Offset: int64(4990 * second)}, 2, float(temperature, 5002*second, 4))

	s.wantAnswer(everything)
	s.wantAnswer(api.Query{From: wrong, To: wrong + 1})
	merged := history.Merge(s.series, s.reader)
	list, err := merged.Series(context.Background(), api.Filter{})
	if err != nil || len(list) != 1 || list[0].First.Time != wrong || list[0].Last.Time != 5002*second {
		t.Fatalf("series %+v, %v", list, err)
	}

	known = true
	s.series.ForgetTimes("pi")
	for i := range s.all[:2] {
		s.all[i].Time += 4900 * second
		s.all[i].ClockUnset = false
	}
	s.all[2].ClockUnset = false
	s.wantAnswer(everything)
	s.wantAnswer(api.Query{From: wrong, To: wrong + 1})
	s.wantAnswer(api.Query{From: 5000 * second, To: 5001 * second})
	s.wantAnswer(api.Query{From: everything.From, To: everything.To, Descending: true})
	list, err = merged.Series(context.Background(), api.Filter{})
	if err != nil || len(list) != 1 || list[0].First.Time != 5000*second || list[0].Last.Time != 5002*second {
		t.Fatalf("series %+v, %v", list, err)
	}
}

// Questions for many series go through the wider index keys; the answer is the same.
func TestManySeries(t *testing.T) {
	s := newShelf(t, 1, history.NewCatalogue(), nil)
	wide := &frame.Table{}
	for d := range 5 {
		device := frame.Device{Name: fmt.Sprintf("d%d", d)}
		for m := range 6 {
			device.Metrics = append(device.Metrics, frame.Metric{Name: fmt.Sprintf("m%d", m), Kind: telemetry.KindInt})
		}
		wide.Devices = append(wide.Devices, device)
	}
	s.table = wide
	rnd := rand.New(rand.NewPCG(1, 2))
	for i := range 60 {
		recs := make([]frame.Record, 25)
		for j := range recs {
			at := telemetry.Time(i*10+rnd.IntN(40)) * second
			recs[j] = frame.Record{Series: uint32(rnd.IntN(30)), Time: at, Value: telemetry.Int(int64(1000*i + j))}
		}
		clock := telemetry.ClockSync
		if rnd.IntN(4) == 0 {
			clock = telemetry.ClockUnset
		}
		s.put(frame.Header{Node: fmt.Sprintf("pi-%d", i%4), Clock: clock}, 1, recs...)
	}
	for _, f := range []api.Filter{{}, {Node: "pi-1"}, {Node: "pi-1", Device: "d2"}, {Device: "d2"}, {Metric: "m3"}, {Node: "pi-2", Device: "d0", Metric: "m0"}} {
		for _, down := range []bool{false, true} {
			s.wantAnswer(api.Query{Filter: f, From: everything.From, To: everything.To, Descending: down})
			s.wantAnswer(api.Query{Filter: f, From: 200 * second, To: 300 * second, Descending: down})
		}
	}
}

// A side file of the index that goes bad is made again while the question is answered.
func TestDamagedIndex(t *testing.T) {
	s := newShelf(t, 1, history.NewCatalogue(), nil)
	h := frame.Header{Node: "pi", Clock: telemetry.ClockSync}
	for i := range 4 {
		for j := range 50 {
			s.put(h, 1, float(temperature, telemetry.Time(100*i+j)*second, float64(j)), float(temperatureMean, telemetry.Time(100*i+j)*second, 0))
		}
		if err := s.journal.Rotate(); err != nil {
			t.Fatal(err)
		}
	}
	s.reopen(history.NewCatalogue()) // which seals the index
	files, err := filepath.Glob(filepath.Join(s.dir, "*.idx"))
	if err != nil || len(files) != 4 {
		t.Fatalf("index files %v, %v", files, err)
	}
	damage := map[string]func(path string) error{
		"cut off": func(path string) error { return os.Truncate(path, 100) },
		"gone":    os.Remove,
		"flipped": func(path string) error {
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for i := 70; i < len(b); i += 7 {
				b[i] ^= 0x55
			}
			return os.WriteFile(path, b, 0o600)
		},
	}
	for name, spoil := range damage {
		t.Run(name, func(t *testing.T) {
			s.reopen(history.NewCatalogue()) // a directory is proved once, when it is first read
			for _, path := range files[1:3] {
				if err := spoil(path); err != nil {
					t.Fatal(err)
				}
			}
			s.wantAnswer(everything)
			s.wantAnswer(api.Query{From: everything.From, To: everything.To, Descending: true})
			s.reopen(history.NewCatalogue())
			s.wantAnswer(everything)
		})
	}
}

// BenchmarkReadings reads a node's readings of which each frame holds 60 of 6 series.
func BenchmarkReadings(b *testing.B) {
	s := newShelf(b, 1, history.NewCatalogue(), nil)
	s.segmentSize = 0
	recs := make([]frame.Record, 60)
	for i := range 2000 {
		for j := range recs {
			recs[j] = float(uint32(j%3), telemetry.Time(i*60+j)*second, float64(j))
		}
		s.put(frame.Header{Node: "pi", Clock: telemetry.ClockSync}, 1, recs...)
	}
	q := api.Query{Filter: api.Filter{Node: "pi", Metric: "temperature"}, From: everything.From, To: everything.To}
	b.ReportAllocs()
	b.ResetTimer()
	n := 0
	for range b.N {
		for _, err := range s.reader.Readings(context.Background(), q) {
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "readings/s")
}
