package dense

import (
	"errors"
	"maps"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"sort"
	"strconv"
	"testing"

	"fieldpost/measure/recordings"
	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
)

var known = Known{
	Node: "pi-7", Epoch: 0x5eed5eed5eed5eed, Lane: telemetry.Live, Boot: telemetry.Boot{Ordinal: 1, ID: 0xb007b007b007b007},
	Clock: telemetry.ClockSync, Offset: 1_700_000_000_123_456_789, Table: 0x7ab1e7ab1e7ab1e,
}

func headerOf(k Known, first uint64) frame.Header {
	return frame.Header{Node: k.Node, Epoch: k.Epoch, Lane: k.Lane, Boot: k.Boot, Clock: k.Clock, Offset: k.Offset, Table: k.Table, First: first}
}

// recordsOf returns a recording as a node would number it.
func recordsOf(t testing.TB, r recordings.Recording) (out []frame.Record) {
	t.Helper()
	series := map[string]uint32{}
	for _, x := range r.Readings {
		i, ok := series[x.Sensor]
		if !ok {
			i = uint32(len(series))
			series[x.Sensor] = i
		}
		var v telemetry.Value
		if b, err := strconv.ParseBool(x.Value); err == nil && len(x.Value) > 1 {
			v = telemetry.Bool(b)
		} else {
			f, err := strconv.ParseFloat(x.Value, 64)
			if err != nil {
				t.Fatal(err)
			}
			v = telemetry.Float(f)
		}
		out = append(out, frame.Record{Series: i, Time: telemetry.Time(x.Time * 1e6), Value: v})
	}
	return out
}

func all(t testing.TB) []recordings.Recording {
	t.Helper()
	all, err := recordings.All()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// link is a chain with both its ends.
type link struct {
	t    testing.TB
	e    *Encoder
	last *State // that both have
	next uint64
	sent int
}

// only returns the chain of one state, that of none if it is nil.
func only(s *State) Chain {
	if s == nil {
		return Chain{}
	}
	return Chain{[]*State{s}}
}

// send codes recs, decodes them, and compares.
func (l *link) send(recs []frame.Record, base *State) ([]byte, *State) {
	l.t.Helper()
	h := headerOf(known, l.next)
	b, _, sent, err := l.e.Encode(nil, h, recs, known, only(base), base)
	if err != nil {
		l.t.Fatal(err)
	}
	got, back, after, err := Decode(b, known, only(base))
	if err != nil {
		l.t.Fatalf("%d records from %d on: %v", len(recs), l.next, err)
	}
	if got.First != h.First || int(got.Count) != len(recs) || got.Epoch != h.Epoch || got.Table != h.Table || got.Boot != h.Boot || got.Offset != h.Offset {
		l.t.Fatalf("header %+v, want %+v", got, h)
	}
	if !slices.Equal(back, recs) {
		for i := range recs {
			if back[i] != recs[i] {
				l.t.Fatalf("record %d: %+v, want %+v", i, back[i], recs[i])
			}
		}
	}
	arrived := after.Last(func(name uint64) bool { return name == sent.Name() })
	if l.sent++; arrived == nil && (base == nil || base.Tag() != sent.Tag()) {
		l.t.Fatal("the receiver has not got the frame's state")
	} else if arrived != nil && (!reflect.DeepEqual(sent.known, arrived.known) || l.sent%16 == 1 && !sameModel(sent.model, arrived.model)) {
		l.t.Fatal("the two ends have different states")
	}
	l.next += uint64(len(recs))
	return b, sent
}

// sameModel leaves out what only a decision under way uses.
func sameModel(a, b *model) bool {
	x, y := a.clone(), b.clone()
	for _, m := range []*model{x, y} {
		m.inputs, m.asked, m.told, m.c, m.room, m.guesses = [maxInputs]int32{}, [maxInputs]uint32{}, [maxInputs]int32{}, contexts{}, [6]guess{}, nil
		for i := range m.series {
			clear(m.series[i].own.x)
			clear(m.series[i].others.x)
			clear(m.series[i].levels.x)
		}
	}
	return reflect.DeepEqual(x, y)
}

// All recordings through both ends, each frame acknowledged before the next; the sizes are those of the last two thirds, all included.
func TestRecordings(t *testing.T) {
	for _, c := range []struct {
		effort Effort
		batch  int
		limits map[string]float64 // bytes a reading
		cold   float64            // of frames by themselves, geometric mean
	}{
		{Full, 60, map[string]float64{"household_power": 0.42, "yosemite": 0.50, "geometric mean": 0.90}, 1.70},
		{Full, 600, map[string]float64{"household_power": 0.36, "yosemite": 0.45, "geometric mean": 0.84}, 1.00},
		{Light, 600, map[string]float64{"geometric mean": 0.84}, 1.00},
	} {
		sizes, logs, colds := map[string]float64{}, 0., 0.
		for _, r := range all(t) {
			recs := recordsOf(t, r)
			l := &link{t: t, e: NewEncoder(c.effort), next: 1}
			size, n, cold, lone := 0, 0, 0, 0
			for at := 0; at < len(recs); at += c.batch {
				part := recs[at:min(at+c.batch, len(recs))]
				if at/c.batch%8 == 0 {
					said := known // by a hello right before
					said.Next = uint64(at + 1)
					b, _, _, err := NewEncoder(c.effort).Encode(nil, headerOf(known, said.Next), part, said, Chain{}, nil)
					if err != nil {
						t.Fatal(err)
					}
					cold, lone = cold+len(b), lone+len(part)
				}
				b, s := l.send(part, l.last)
				if l.last = s; at >= len(recs)/3 {
					size, n = size+len(b), n+len(part)
				}
			}
			sizes[r.Name] = float64(size) / float64(n)
			logs += math.Log(sizes[r.Name])
			colds += math.Log(float64(cold) / float64(lone))
		}
		recorded := float64(len(sizes))
		sizes["geometric mean"], colds = math.Exp(logs/recorded), math.Exp(colds/recorded)
		t.Logf("effort %d, batches of %d: %.4v, cold %.3f", c.effort, c.batch, sizes, colds)
		if colds > c.cold {
			t.Errorf("effort %d, batches of %d, cold: %.3f bytes a reading, more than %.2f", c.effort, c.batch, colds, c.cold)
		}
		for name, limit := range c.limits {
			if sizes[name] > limit {
				t.Errorf("effort %d, batches of %d, %s: %.3f bytes a reading, more than %.2f", c.effort, c.batch, name, sizes[name], limit)
			}
		}
	}
}

// As many readings of the meter as fit into a LoRaWAN payload of 51 bytes.
func TestSmallPayload(t *testing.T) {
	recs := recordsOf(t, all(t)[0])
	l := &link{t: t, e: NewEncoder(Full), next: 1}
	third := len(recs) / 3 / 60 * 60
	for at := 0; at < third; at += 60 {
		_, l.last = l.send(recs[at:at+60], l.last)
	}
	least, most, frames := math.MaxInt, 0, 0
	readings := 0
	for at := third; at+600 < len(recs) && frames < 60; frames++ {
		fits := func(n int) bool {
			e := Encoder{effort: Full, recent: maps.Clone(l.e.recent)}
			b, _, _, err := e.Encode(nil, headerOf(known, l.next), recs[at:at+n], known, only(l.last), l.last)
			return err == nil && len(b) <= 51
		}
		n := 40 + sort.Search(560, func(i int) bool { return !fits(40 + i + 1) })
		_, l.last = l.send(recs[at:at+n], l.last)
		at, readings = at+n, readings+n
		least, most = min(least, n), max(most, n)
	}
	t.Logf("%d to %d readings, %d on average", least, most, readings/frames)
	if readings/frames < 130 {
		t.Errorf("%d readings in 51 bytes on average, want 130", readings/frames)
	}
}

// Records of all kinds, of many series, with any times: what comes out is what went in, also where frames are lost, and coded by older states.
func TestAnything(t *testing.T) {
	for seed := range uint64(6) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		l := &link{t: t, e: NewEncoder(Effort(seed % 2)), next: 1}
		var states []*State
		at := telemetry.Time(1.7e18)
		for range 60 {
			recs := make([]frame.Record, 1+rnd.IntN(200))
			for i := range recs {
				recs[i] = anyRecord(rnd, &at)
			}
			var base *State
			if n := len(states); n > 0 && rnd.IntN(5) > 0 {
				base = states[max(0, n-1-rnd.IntN(4))]
			}
			if rnd.IntN(4) == 0 {
				l.next += uint64(rnd.IntN(1000))
			}
			_, s := l.send(recs, base)
			if s.Size() > MaxState+maxSeries*256 {
				t.Fatalf("a state takes %d bytes", s.Size())
			}
			states = append(states, s)
		}
	}
}

func anyRecord(rnd *rand.Rand, at *telemetry.Time) frame.Record {
	if rnd.IntN(3) == 0 {
		*at += telemetry.Time(rnd.Int64N(1 << rnd.IntN(62)))
		if rnd.IntN(10) == 0 {
			*at = telemetry.Time(rnd.Uint64())
		}
	}
	r := frame.Record{Series: uint32(rnd.IntN(1 << rnd.IntN(15))), Time: *at, Quality: telemetry.Quality(rnd.IntN(3)), Stamped: rnd.IntN(9) == 0}
	switch rnd.IntN(8) {
	case 0:
		r.Value = telemetry.Text([]string{"", "idle", "läuft\x00\xff", string(make([]byte, rnd.IntN(900)))}[rnd.IntN(4)])
	case 1:
		r.Value = telemetry.Bool(rnd.IntN(2) == 0)
	case 2:
		r.Value = telemetry.Int(int64(rnd.Uint64()))
	case 3:
		r.Value = telemetry.ValueOfBits(telemetry.KindFloat, rnd.Uint64())
	case 4:
		r.Value = telemetry.Float([]float64{math.Inf(1), math.Inf(-1), math.NaN(), math.Copysign(0, -1), 0, math.MaxFloat64, 5e-324}[rnd.IntN(7)])
	default:
		r.Value = telemetry.Float(float64(rnd.IntN(1000)) / []float64{1, 10, 8, 3}[rnd.IntN(4)])
	}
	return r
}

// Each bit of a frame turned over, each end cut off, each other state: it is noticed.
func TestDamageIsNoticed(t *testing.T) {
	recs := recordsOf(t, all(t)[0])
	l := &link{t: t, e: NewEncoder(Full), next: 1}
	_, before := l.send(recs[:60], nil)
	_, base := l.send(recs[60:120], before)
	b, _ := l.send(recs[120:180], base)
	passed := 0
	try := func(b []byte, s *State) {
		_, back, _, err := Decode(b, known, only(s))
		switch {
		case err == nil && !slices.Equal(back, recs[120:180]):
			passed++
		case err != nil && !errors.Is(err, ErrState) && !errors.Is(err, frame.ErrCorrupt) && !errors.Is(err, frame.ErrVersion):
			t.Errorf("an error of no kind: %v", err)
		}
	}
	tries := 0
	for i := range b {
		for bit := range 8 {
			c := slices.Clone(b)
			c[i] ^= 1 << bit
			try(c, base)
			tries++
		}
		try(b[:i], base)
	}
	try(b, before)
	if _, _, _, err := Decode(b, known, only(before)); !errors.Is(err, ErrState) {
		t.Errorf("with another state: %v", err)
	}
	if _, _, _, err := Decode(b, known, Chain{}); !errors.Is(err, ErrState) {
		t.Errorf("without a state: %v", err)
	}
	if passed > 0 { // 16 bits of check: one in 65,536 would pass by chance
		t.Errorf("%d of %d frames with an error passed", passed, tries)
	}
}

func FuzzDecode(f *testing.F) {
	recs := recordsOf(f, all(f)[0])
	e := NewEncoder(Full)
	cold, _, s, err := e.Encode(nil, headerOf(known, 1), recs[:60], known, Chain{}, nil)
	if err != nil {
		f.Fatal(err)
	}
	warm, _, _, err := e.Encode(nil, headerOf(known, 61), recs[60:120], known, only(s), s)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(cold)
	f.Add(warm)
	f.Fuzz(func(t *testing.T, b []byte) {
		h, recs, _, err := Decode(b, known, only(s))
		if err == nil && (len(recs) != int(h.Count) || h.Count > MaxRecords) {
			t.Errorf("%d records, the header says %d", len(recs), h.Count)
		}
	})
}
