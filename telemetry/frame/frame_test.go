package frame_test

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
)

// roundTrip encodes recs and proves that every way to read the frame gives them back.
func roundTrip(tb testing.TB, h frame.Header, recs []frame.Record) []byte {
	tb.Helper()
	prefix := []byte("before")
	b, err := frame.Encode(prefix, h, recs)
	if err != nil {
		tb.Fatalf("encode: %v", err)
	}
	if string(b[:len(prefix)]) != "before" {
		tb.Fatalf("encode changed what stood before: %q", b[:len(prefix)])
	}
	b = b[len(prefix):]
	got, out, err := frame.Decode(b, []frame.Record{{Series: 99}})
	if err != nil {
		tb.Fatalf("decode: %v", err)
	}
	if out[0] != (frame.Record{Series: 99}) {
		tb.Fatalf("decode changed what stood before: %v", out[0])
	}
	same(tb, out[1:], recs)

	want := h
	want.Version, want.Coding, want.Content, want.Count, want.Size = 1, frame.Plain, frame.Readings, uint32(len(recs)), len(b)
	want.Min, want.Max = recs[0].Time, recs[0].Time
	count := make(map[uint32]uint32)
	for _, r := range recs {
		want.Min, want.Max = min(want.Min, r.Time), max(want.Max, r.Time)
		count[r.Series]++
	}
	want.Columns = nil
	for _, s := range slices.Sorted(maps.Keys(count)) {
		want.Columns = append(want.Columns, frame.Column{Series: s, Count: count[s]})
	}
	if !reflect.DeepEqual(got, want) {
		tb.Fatalf("header\n got %+v\nwant %+v", got, want)
	}
	if parsed, err := frame.ParseHeader(b); err != nil || !reflect.DeepEqual(parsed, want) {
		tb.Fatalf("ParseHeader gave %+v, %v", parsed, err)
	}
	if checked, err := frame.Check(b); err != nil || !reflect.DeepEqual(checked, want) {
		tb.Fatalf("Check gave %+v, %v", checked, err)
	}
	var byColumn []frame.Selected
	for _, c := range want.Columns {
		var some []frame.Selected
		for i, r := range recs {
			if r.Series == c.Series {
				some = append(some, frame.Selected{Record: r, Place: uint32(i)})
			}
		}
		_, sel, err := frame.DecodeColumns(b, func(s uint32) bool { return s == c.Series }, nil)
		if err != nil {
			tb.Fatalf("decode series %d: %v", c.Series, err)
		}
		if !slices.Equal(sel, some) {
			tb.Fatalf("series %d of the frame: %d records, want %d", c.Series, len(sel), len(some))
		}
		byColumn = append(byColumn, some...)
	}
	before := frame.Selected{Place: 7}
	if h, sel, err := frame.DecodeByColumn(b, []frame.Selected{before}); err != nil || !reflect.DeepEqual(h, want) || !slices.Equal(sel, append([]frame.Selected{before}, byColumn...)) {
		tb.Fatalf("by column: %d records with header %+v, %v", len(sel), h, err)
	}
	return b
}

func same(tb testing.TB, got, want []frame.Record) {
	tb.Helper()
	if len(got) != len(want) {
		tb.Fatalf("%d records, want %d", len(got), len(want))
	}
	for i := range want {
		if got[i] != want[i] {
			tb.Fatalf("record %d is %+v (bits %#x), want %+v (bits %#x)", i, got[i], got[i].Value.Bits(), want[i], want[i].Value.Bits())
		}
	}
}

func TestRoundTripOneSeries(t *testing.T) {
	marks := slices.Sorted(maps.Keys(flags))
	for _, name := range slices.Sorted(maps.Keys(shapes)) {
		for k, pace := range slices.Sorted(maps.Keys(paces)) {
			t.Run(name+", "+pace, func(t *testing.T) {
				for i, n := range []int{1, 2, 3, 5, 63, 64, 65, 66, 130, 700} {
					r := rand.New(rand.NewPCG(uint64(n), 1))
					value, flag := shapes[name](r), flags[marks[(i+k)%len(marks)]]
					recs := make([]frame.Record, n)
					for i := range recs {
						recs[i] = frame.Record{Series: 5, Time: paces[pace](r, i), Value: value(i)}
						flag(r, i, &recs[i])
					}
					roundTrip(t, header(), recs)
				}
			})
		}
	}
}

func TestRoundTripManySeries(t *testing.T) {
	names, beats, marks := slices.Sorted(maps.Keys(shapes)), slices.Sorted(maps.Keys(paces)), slices.Sorted(maps.Keys(flags))
	for seed := range uint64(150) {
		r := rand.New(rand.NewPCG(seed, 2))
		series := make([]uint32, 1+r.IntN(30))
		values := make([]func(int) telemetry.Value, len(series))
		pace, flag := make([]string, len(series)), make([]string, len(series))
		for i := range series {
			series[i] = uint32(r.IntN(frame.MaxSeries))
			values[i] = shapes[names[r.IntN(len(names))]](r)
			pace[i], flag[i] = beats[r.IntN(len(beats))], marks[r.IntN(len(marks))]
			if r.IntN(3) > 0 { // several series of one instrument
				pace[i] = pace[0]
			}
		}
		recs := make([]frame.Record, 1+r.IntN(900))
		order := r.IntN(4)
		for i := range recs {
			k := i % len(series)
			switch {
			case order == 1 && r.IntN(40) == 0, order == 2:
				k = r.IntN(len(series))
			case order == 3:
				k = i / 40 % len(series)
			}
			recs[i] = frame.Record{Series: series[k], Time: paces[pace[k]](r, i/len(series)), Value: values[k](i)}
			flags[flag[k]](r, i, &recs[i])
		}
		t.Run(fmt.Sprint(seed), func(t *testing.T) { roundTrip(t, header(), recs) })
	}
}

func TestRoundTripRecordings(t *testing.T) {
	for _, name := range recordings {
		recs := recording(t, name)
		for _, batch := range []int{1, 7, 60, 600, len(recs)} {
			for from := 0; from+batch <= len(recs) && from < 20*batch; from += batch {
				roundTrip(t, header(), recs[from:from+batch])
			}
		}
	}
}

func TestRoundTripHeader(t *testing.T) {
	recs := column(0, 1e9, floats(1, 2, 3)...)
	for name, change := range map[string]func(*frame.Header){
		"as is":        func(h *frame.Header) {},
		"sequence 0":   func(h *frame.Header) { h.First = 0 },
		"last numbers": func(h *frame.Header) { h.First = math.MaxUint64 - 2 },
		"lowest": func(h *frame.Header) {
			h.Offset, h.Lane, h.Clock, h.Boot, h.Table = math.MinInt64, 0, 0, telemetry.Boot{}, 0
		},
		"highest": func(h *frame.Header) {
			h.Offset, h.Lane, h.Clock, h.Epoch = math.MaxInt64, telemetry.Archive, telemetry.ClockSync, math.MaxUint64
			h.Boot, h.Table = telemetry.Boot{Ordinal: math.MaxUint32, ID: math.MaxUint64}, math.MaxUint64
			h.Node = strings.Repeat("n", telemetry.MaxName)
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := header()
			change(&h)
			roundTrip(t, h, recs)
		})
	}
}

func TestLargestFrames(t *testing.T) {
	recs := make([]frame.Record, frame.MaxRecords)
	for i := range recs {
		recs[i] = frame.Record{Series: uint32(i) % frame.MaxSeries, Time: start, Value: telemetry.Int(7)}
	}
	t.Run("all series", func(t *testing.T) {
		b, err := frame.Encode(nil, header(), recs)
		if err != nil {
			t.Fatal(err)
		}
		_, got, err := frame.Decode(b, nil)
		if err != nil {
			t.Fatal(err)
		}
		same(t, got, recs)
	})
	t.Run("one series, nothing new", func(t *testing.T) {
		for i := range recs {
			recs[i].Series = 0
		}
		if b := roundTrip(t, header(), recs); len(b) > 100 {
			t.Errorf("%d bytes for the same reading over and over", len(b))
		}
	})
	t.Run("too many records", func(t *testing.T) {
		if _, err := frame.Encode(nil, header(), append(recs, recs[0])); !errors.Is(err, frame.ErrTooLarge) {
			t.Errorf("got %v", err)
		}
	})
}

func TestTooLarge(t *testing.T) {
	word := strings.Repeat("x", frame.MaxSize/4)
	var recs []frame.Record
	for i := range 5 {
		recs = append(recs, column(uint32(i%2), 1e9, telemetry.Text(word+fmt.Sprint(i)))...)
	}
	dst := []byte("kept")
	b, err := frame.Encode(dst, header(), recs)
	if !errors.Is(err, frame.ErrTooLarge) || string(b) != "kept" {
		t.Errorf("got %d bytes, %v", len(b), err)
	}
	roundTrip(t, header(), recs[:3])

	noise := rand.New(rand.NewPCG(1, 1))
	recs = recs[:0]
	for range frame.MaxRecords * 3 {
		recs = append(recs, frame.Record{Time: telemetry.Time(noise.Uint64()), Value: telemetry.Int(int64(noise.Uint64()))})
	}
	if _, err := frame.Encode(nil, header(), recs[:frame.MaxRecords]); err != nil && !errors.Is(err, frame.ErrTooLarge) {
		t.Errorf("got %v", err)
	}
	events := []telemetry.Event{event(0), event(1)}
	events[0].Message, events[1].Message = word+word, word+word
	if _, err := frame.EncodeEvents(nil, header(), events); !errors.Is(err, frame.ErrTooLarge) {
		t.Errorf("events: got %v", err)
	}
}

func TestEncodeRefuses(t *testing.T) {
	good := column(0, 1e9, floats(1, 2)...)
	for name, c := range map[string]struct {
		change func(h *frame.Header, recs []frame.Record)
		empty  bool
	}{
		"no records":      {empty: true},
		"bad node":        {change: func(h *frame.Header, _ []frame.Record) { h.Node = "a/b" }},
		"no node":         {change: func(h *frame.Header, _ []frame.Record) { h.Node = "" }},
		"no epoch":        {change: func(h *frame.Header, _ []frame.Record) { h.Epoch = 0 }},
		"bad lane":        {change: func(h *frame.Header, _ []frame.Record) { h.Lane = 4 }},
		"bad clock":       {change: func(h *frame.Header, _ []frame.Record) { h.Clock = 4 }},
		"past the end":    {change: func(h *frame.Header, _ []frame.Record) { h.First = math.MaxUint64 }},
		"series too high": {change: func(_ *frame.Header, recs []frame.Record) { recs[1].Series = frame.MaxSeries }},
		"bad quality":     {change: func(_ *frame.Header, recs []frame.Record) { recs[1].Quality = 3 }},
		"bad kind":        {change: func(_ *frame.Header, recs []frame.Record) { recs[1].Value = telemetry.ValueOfBits(4, 0) }},
	} {
		t.Run(name, func(t *testing.T) {
			h, recs := header(), slices.Clone(good)
			if c.empty {
				recs = nil
			} else {
				c.change(&h, recs)
			}
			b, err := frame.Encode([]byte("kept"), h, recs)
			if err == nil || string(b) != "kept" {
				t.Errorf("got %q, %v", b, err)
			}
			// What was refused leaves nothing behind.
			roundTrip(t, header(), good)
		})
	}
}

func TestParseHeaderOfLeadingPart(t *testing.T) {
	recs := recording(t, "household_power")[:600]
	b, err := frame.Encode(nil, header(), recs)
	if err != nil {
		t.Fatal(err)
	}
	want, err := frame.ParseHeader(b)
	if err != nil {
		t.Fatal(err)
	}
	enough := false
	for n := range len(b) + 1 {
		h, err := frame.ParseHeader(b[:n:n])
		switch {
		case err == nil:
			enough = true
			if !reflect.DeepEqual(h, want) {
				t.Fatalf("of %d bytes: %+v", n, h)
			}
		case enough || !errors.Is(err, frame.ErrShort):
			t.Fatalf("of %d bytes: %v", n, err)
		}
		if n > frame.HeadSize && err != nil {
			t.Fatalf("of %d bytes: %v", n, err)
		}
		if _, err := frame.Check(b[:n:n]); n < len(b) && n > 0 && !errors.Is(err, frame.ErrCorrupt) {
			t.Fatalf("Check of %d bytes: %v", n, err)
		}
	}
	if _, err := frame.ParseHeader(append(slices.Clone(b), "next frame"...)); err != nil {
		t.Errorf("with bytes behind: %v", err)
	}
	if _, err := frame.Check(append(slices.Clone(b), 0)); !errors.Is(err, frame.ErrCorrupt) {
		t.Errorf("Check with a byte behind: %v", err)
	}
}

func TestEveryFlippedBitIsFound(t *testing.T) {
	b, err := frame.Encode(nil, header(), interleave(column(0, 1e9, floats(1, 2.5, 3)...), column(1, 1e9, texts("a", "b", "a")...)))
	if err != nil {
		t.Fatal(err)
	}
	for bit := range len(b) * 8 {
		bad := slices.Clone(b)
		bad[bit/8] ^= 1 << (bit % 8)
		_, recs, err := frame.Decode(bad, nil)
		if !errors.Is(err, frame.ErrCorrupt) && !errors.Is(err, frame.ErrVersion) || len(recs) > 0 {
			t.Errorf("bit %d: %d records, %v", bit, len(recs), err)
		}
	}
}

func TestUnknownVersionsAndCodings(t *testing.T) {
	b, err := frame.Encode(nil, header(), column(0, 1e9, floats(1)...))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		at       int
		value    byte
		identity bool
	}{
		"version 2":     {at: 0, value: 2},
		"dense":         {at: 1, value: byte(frame.Dense), identity: true},
		"coding 9":      {at: 1, value: 9, identity: true},
		"content 2":     {at: 1, value: 0x20},
		"an early flag": {at: 2, value: 1},
	} {
		t.Run(name, func(t *testing.T) {
			bad := slices.Clone(b)
			bad[c.at] = c.value
			bad, _ = reseal(bad)
			h, err := frame.ParseHeader(bad)
			if !errors.Is(err, frame.ErrVersion) {
				t.Errorf("ParseHeader: %v", err)
			}
			if got := h.Node == "pi-7" && h.First == 1001 && h.Count == 1; got != c.identity {
				t.Errorf("identity %v, want %v: %+v", got, c.identity, h)
			}
			if _, _, err := frame.Decode(bad, nil); !errors.Is(err, frame.ErrVersion) {
				t.Errorf("Decode: %v", err)
			}
		})
	}
	if _, _, err := frame.DecodeEvents(b); !errors.Is(err, frame.ErrCorrupt) {
		t.Errorf("DecodeEvents of readings: %v", err)
	}
}

func TestSizes(t *testing.T) {
	// Upper bounds a little above what is reached, so that a lost trick is noticed. Bytes per reading at batches of 600.
	for name, limit := range map[string]float64{"household_power": 0.66, "yosemite": 0.70, "nab_machine": 4.0} {
		recs := recording(t, name)
		size, n := 0, 0
		for ; n+600 <= len(recs); n += 600 {
			b, err := frame.Encode(nil, header(), recs[n:n+600])
			if err != nil {
				t.Fatal(err)
			}
			size += len(b)
		}
		if got := float64(size) / float64(n); got > limit {
			t.Errorf("%s: %.3f bytes per reading, want at most %.2f", name, got, limit)
		}
	}
}
