package blocks

import (
	"bytes"
	"encoding/binary"
	"flag"
	"hash/crc32"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
)

var update = flag.Bool("update", false, "write the golden files anew")

// chunkOf makes a chunk of readings a second apart.
func chunkOf(t testing.TB, pos uint64, clock telemetry.ClockState, values ...telemetry.Value) (Chunk, Content) {
	t.Helper()
	c := Chunk{Pos: pos, Count: len(values), Table: 0x1122334455667788, Column: 3, Min: 100e9, Max: telemetry.Time(100+len(values)-1) * 1e9, Doubtful: clock.Doubtful()}
	content := Content{Sources: []Source{{Pos: pos, Mark: 500, Readings: 1}, {Pos: pos + 10, Mark: 499, Readings: len(values) - 1}}}
	recs := make([]frame.Record, len(values))
	for i, v := range values {
		recs[i] = frame.Record{Series: 3, Time: c.Min + telemetry.Time(i)*1e9, Value: v}
		content.Places = append(content.Places, uint32(i*4))
		c.Summary.Add(v, telemetry.Good)
	}
	var err error
	content.Frame, err = frame.Encode(nil, frame.Header{Node: "pi", Epoch: 9, Lane: telemetry.Live, First: 77, Clock: clock, Table: c.Table}, recs)
	if err != nil {
		t.Fatal(err)
	}
	return c, content
}

var (
	boiler = telemetry.Series{Node: "pi", Device: "boiler", Metric: "temperature"}
	pump   = telemetry.Series{Node: "pi", Device: "pump", Metric: "state"}
)

// onePart makes a set with one part, of two series.
func onePart(t testing.TB) (s *Set, want map[telemetry.Series][]Chunk, contents []Content) {
	t.Helper()
	s, err := Open(t.TempDir(), nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	w, err := s.Create(1, 1, 41, true, Prove(40, 500, []byte("the last entry")))
	if err != nil {
		t.Fatal(err)
	}
	want = map[telemetry.Series][]Chunk{}
	add := func(name telemetry.Series, c Chunk, content Content) {
		w.Add(name, c, &content)
		want[name], contents = append(want[name], c), append(contents, content)
	}
	c, content := chunkOf(t, 1, telemetry.ClockSync, telemetry.Float(21.5), telemetry.Float(math.Inf(-1)), telemetry.Int(-7))
	add(boiler, c, content)
	c, content = chunkOf(t, 20, telemetry.ClockUnset, telemetry.Float(22), telemetry.Bool(true))
	add(boiler, c, content)
	c, content = chunkOf(t, 5, telemetry.ClockSync, telemetry.Text("idle"), telemetry.Text("busy"))
	c.Column = 4
	add(pump, c, content)
	if err := w.Finish(); err != nil {
		t.Fatal(err)
	}
	return s, want, contents
}

func TestWhatIsWrittenIsFound(t *testing.T) {
	s, want, contents := onePart(t)
	view := s.View()
	defer view.Close()
	for _, name := range []telemetry.Series{boiler, pump} {
		chunks := want[name]
		groups, err := view.Groups([]telemetry.Series{name}, 100e9, 101e9)
		if err != nil || len(groups) != 1 || groups[0].Series != name {
			t.Fatalf("groups of %v: %+v, %v", name, groups, err)
		}
		got, err := view.Chunks(groups[0])
		if err != nil || len(got) != len(chunks) {
			t.Fatalf("chunks of %v: %+v, %v", name, got, err)
		}
		for i := range got {
			content, err := view.Content(got[i])
			if err != nil || !reflect.DeepEqual(content, contents[0]) {
				t.Fatalf("content %d of %v: %+v, %v; want %+v", i, name, content, err, contents[0])
			}
			contents = contents[1:]
			bare := got[i]
			bare.part, bare.off, bare.size = nil, 0, 0
			if bare != chunks[i] {
				t.Errorf("chunk %d of %v:\n got %+v\nwant %+v", i, name, bare, chunks[i])
			}
		}
		if name == boiler {
			continue
		}
		// Nothing else is taken for it.
		for _, other := range []telemetry.Series{{Node: "pi", Device: "pump"}, {Node: "pi2", Device: "pump", Metric: "state"}} {
			if groups, err := view.Groups([]telemetry.Series{other}, 0, 1000e9); err != nil || len(groups) != 0 {
				t.Errorf("groups of %v: %+v, %v", other, groups, err)
			}
		}
		if groups, err := view.Groups([]telemetry.Series{name}, 0, 100e9); err != nil || len(groups) != 0 {
			t.Errorf("before the first: %+v, %v", groups, err)
		}
	}
}

// The bytes stay what they are, so that parts written before are read after.
func TestGolden(t *testing.T) {
	s, _, _ := onePart(t)
	got, err := os.ReadFile(filepath.Join(s.dir, "00000000000000000001.blk"))
	if err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "part.blk")
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("a part is written otherwise than it was:\n got %x\nwant %x", got, want)
	}
}

// Each byte of a part turned over in each bit, and each end cut off: it is noticed, or nothing that is read is another.
func TestDamageIsNoticed(t *testing.T) {
	s, _, contents := onePart(t)
	path := filepath.Join(s.dir, "00000000000000000001.blk")
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	readAll := func() (found []Content, err error) {
		p, err := openPart(path)
		if err != nil {
			return nil, err
		}
		view := &View{set: &Set{}, parts: []*part{p}, files: map[*part]*os.File{}}
		defer view.Close()
		for _, name := range []telemetry.Series{boiler, pump} {
			groups, err := view.Groups([]telemetry.Series{name}, math.MinInt64, math.MaxInt64)
			if err != nil {
				return nil, err
			}
			for _, g := range groups {
				chunks, err := view.Chunks(g)
				if err != nil {
					return nil, err
				}
				for _, c := range chunks {
					content, err := view.Content(c)
					if err != nil {
						return nil, err
					}
					if _, err := frame.Check(content.Frame); err != nil {
						return nil, err
					}
					found = append(found, content)
				}
			}
		}
		return found, nil
	}
	check := func(b []byte, what string, at int) {
		t.Helper()
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if found, err := readAll(); err == nil && !reflect.DeepEqual(found, contents) {
			t.Fatalf("%s at %d is not noticed", what, at)
		}
	}
	for i := range good {
		for bit := range 8 {
			b := bytes.Clone(good)
			b[i] ^= 1 << bit
			check(b, "a bit turned over", i)
		}
		check(good[:i], "an end cut off", i)
	}
}

func FuzzGroup(f *testing.F) {
	c, _ := chunkOf(f, 1, telemetry.ClockSync, telemetry.Float(21.5), telemetry.Text("x"))
	f.Add(appendGroup(nil, boiler, []Chunk{c, c})[4:])
	f.Fuzz(func(t *testing.T, b []byte) {
		b = append(make([]byte, 4), b...)
		binary.BigEndian.PutUint32(b, crc32.Checksum(b[4:], castagnoli))
		if _, chunks, err := parseGroup(b, &part{}); err == nil && len(chunks) > len(b) {
			t.Errorf("%d chunks from %d bytes", len(chunks), len(b))
		}
	})
}

func FuzzContent(f *testing.F) {
	c, content := chunkOf(f, 1, telemetry.ClockSync, telemetry.Float(21.5), telemetry.Text("x"))
	f.Add(content.append(nil), uint16(c.Count))
	f.Fuzz(func(t *testing.T, b []byte, n uint16) {
		content, err := parseContent(b, int(n)%MaxChunk)
		if err == nil && len(content.Places) != int(n)%MaxChunk {
			t.Errorf("%d places, want %d", len(content.Places), n)
		}
	})
}
