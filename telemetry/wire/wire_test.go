package wire_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"fieldpost/telemetry"
	"fieldpost/telemetry/ranges"
	"fieldpost/telemetry/wire"
)

var update = flag.Bool("update", false, "write the golden files anew; a changed one is a changed format")

func set(rs ...uint64) ranges.Set {
	var s ranges.Set
	for i := 0; i < len(rs); i += 2 {
		s.Add(ranges.Range{From: rs[i], To: rs[i+1]})
	}
	return s
}

var store = wire.StoreID{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}

// samples has every message, each with all its fields used and at its limits.
var samples = map[string]wire.Message{
	"hello": &wire.Hello{
		Nonce: 0x0123456789abcdef, Link: "lte", Software: "fieldpost-edge 0.1.0", Store: store, Codings: 3,
		Epochs: []wire.Epoch{
			{Epoch: 0xaaaaaaaaaaaaaaaa, Lanes: []wire.Lane{
				{Lane: telemetry.Live, First: 1, Next: 101, Kept: set(51, 100), Held: set(60, 60), Lost: []wire.Loss{
					{Range: ranges.Range{From: 1, To: 40}, Reason: wire.Full, Time: 1_795_000_000_000_000_000},
					{Range: ranges.Range{From: 41, To: 50}, Reason: wire.Damaged, Time: -1},
				}},
			}},
			{Epoch: 0xbbbbbbbbbbbbbbbb, Parent: 0xaaaaaaaaaaaaaaaa, Lanes: []wire.Lane{
				{Lane: telemetry.Alarm, First: 7, Next: 7},
				{Lane: telemetry.Archive, First: 0, Next: math.MaxUint64, Kept: set(0, 5, 7, 9, 300, math.MaxUint64-1), Held: set(0, 5)},
			}},
		},
		Boots: []wire.Boot{
			{Boot: telemetry.Boot{Ordinal: 1, ID: 0xfeedfeedfeedfeed}, Clock: telemetry.ClockUnset},
			{Boot: telemetry.Boot{Ordinal: 300, ID: 1}, Clock: telemetry.ClockSync, Offset: math.MinInt64, Error: math.MaxInt64},
		},
	},
	"hello-empty": &wire.Hello{},
	"hello-lost": &wire.Hello{Epochs: []wire.Epoch{{Epoch: 1, Lanes: []wire.Lane{{Lane: telemetry.Archive, First: 1, Next: 60, Lost: []wire.Loss{
		{Range: ranges.Range{From: 1, To: 9}, Reason: wire.Unexplained},
		{Range: ranges.Range{From: 10, To: 19}, Reason: wire.Full},
		{Range: ranges.Range{From: 20, To: 29}, Reason: wire.Damaged},
		{Range: ranges.Range{From: 30, To: 39}, Reason: wire.Corrupt},
		{Range: ranges.Range{From: 40, To: 49}, Reason: wire.Abandoned},
		{Range: ranges.Range{From: 50, To: 59}, Reason: wire.Expired},
	}}}}}},
	"table":         &wire.Table{Data: []byte("the table")},
	"frame":         &wire.Frame{Data: []byte("the frame")},
	"patient":       &wire.Frame{Data: []byte("the frame"), Patient: true},
	"welcome":       &wire.Welcome{Nonce: 0x0123456789abcdef, Store: store, Generation: 0x1111111111111111, Credit: 1 << 20, Direct: true, MaxFrame: math.MaxUint32, Codings: 1, Time: 1_795_000_000_123_456_789, Clock: telemetry.ClockSync, Stored: []wire.Stored{{Epoch: 0xaaaaaaaaaaaaaaaa, Lane: telemetry.Live, Ranges: set(1, 50, 52, 60)}, {Epoch: 0xbbbbbbbbbbbbbbbb, Lane: telemetry.Alarm}}},
	"welcome-empty": &wire.Welcome{},
	"welcome-wait":  &wire.Welcome{Patient: true},
	"ack":           &wire.Ack{Generation: 0x1111111111111111, Stored: []wire.Stored{{Epoch: 0xaaaaaaaaaaaaaaaa, Lane: telemetry.Bulk, Ranges: set(0, 0, math.MaxUint64, math.MaxUint64)}}},
	"brief":         &wire.Brief{Tag: wire.AckTag(0x1111111111111111, 0xaaaaaaaaaaaaaaaa), Lane: telemetry.Bulk, Range: ranges.Range{From: 300, To: math.MaxUint64}},
	"refusal":       &wire.Refusal{Generation: 0x1111111111111111, Epoch: 0xaaaaaaaaaaaaaaaa, Lane: telemetry.Live, First: 128, Count: 500, Reason: wire.Cold, Wait: 1500, Table: 0x2222222222222222},

	// With their extensions: cut off where those begin they are whole messages of an earlier version.
	"hello-bases":   &wire.Hello{Nonce: 1, Link: "lte", Codings: 3, Bases: []uint64{0x3333333333333333, 0x4444444444444444}},
	"hello-anew":    &wire.Hello{Nonce: 1, Link: "lte", Codings: 3, Bases: []uint64{}},
	"welcome-bases": &wire.Welcome{Nonce: 1, Store: store, Codings: 3, Bases: []uint64{0x4444444444444444}},
	"refusal-frame": &wire.Refusal{Generation: 0x1111111111111111, Reason: wire.Cold, Frame: 0x5555555555555555},
}

var extended = map[string]bool{"hello-bases": true, "hello-anew": true, "welcome-bases": true, "refusal-frame": true}

func TestGolden(t *testing.T) {
	for name, m := range samples {
		t.Run(name, func(t *testing.T) {
			got := wire.Append(nil, m)
			file := filepath.Join("testdata", name+".hex")
			if *update {
				if err := os.WriteFile(file, []byte(hex.Dump(got)), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if hex.Dump(got) != string(want) {
				t.Errorf("bytes are\n%swant\n%s", hex.Dump(got), want)
			}
			back, err := wire.Parse(got)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(back, m) {
				t.Errorf("read back\n%+v\nwant\n%+v", back, m)
			}
		})
	}
}

// TestCutOff: no leading part of a message reads as a whole one, save where the rest of it is data.
func TestCutOff(t *testing.T) {
	for name, m := range samples {
		if name == "table" || name == "frame" || name == "patient" || extended[name] {
			continue
		}
		b := wire.Append(nil, m)
		for n := range b {
			if _, err := wire.Parse(b[:n]); !errors.Is(err, wire.ErrMalformed) {
				t.Errorf("%s cut to %d of %d bytes: %v", name, n, len(b), err)
			}
		}
	}
}

func TestExtensionsAreSkipped(t *testing.T) {
	more := []byte{0x02, 0x03, 'a', 'b', 'c', 0xac, 0x02, 0x00}
	for name, m := range samples {
		b := wire.Append(nil, m)
		switch m.(type) {
		case *wire.Table, *wire.Frame:
			b = append(append(append([]byte{}, b[:2]...), byte(len(more))), append(more, b[3:]...)...)
		default:
			b = append(b, more...)
		}
		back, err := wire.Parse(b)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if !reflect.DeepEqual(back, m) {
			t.Errorf("%s: read back %+v", name, back)
		}
		if _, err := wire.Parse(append(b, 0x02, 0x7f)); !errors.Is(err, wire.ErrMalformed) && name != "table" && name != "frame" && name != "patient" {
			t.Errorf("%s with an extension cut off: %v", name, err)
		}
	}
}

func TestDataIsNotCopied(t *testing.T) {
	b := wire.Append(nil, &wire.Frame{Data: []byte("abc")})
	if len(b) != 3+wire.Overhead {
		t.Errorf("a frame of 3 bytes takes %d", len(b))
	}
	m, err := wire.Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	if f := m.(*wire.Frame); &f.Data[0] != &b[wire.Overhead] {
		t.Error("Data was copied")
	}
}

func TestHostile(t *testing.T) {
	gen := strings.Repeat("11", 8)
	for _, c := range []struct {
		name, hex string
		want      error
		says      string
	}{
		{"empty", "", wire.ErrMalformed, "0 bytes"},
		{"version only", "01", wire.ErrMalformed, "1 bytes"},
		{"version 2", "0201", wire.ErrVersion, "2; this program speaks 1"},
		{"version 0", "0001", wire.ErrVersion, "0;"},
		{"huge count", "0111" + gen + "ffffffffffffffffff01", wire.ErrMalformed, "elements in 0 bytes"},
		{"count beyond the bytes", "0111" + gen + "02" + gen + "01" + "00", wire.ErrMalformed, "2 elements in 10 bytes"},
		{"unknown lane", "0111" + gen + "01" + gen + "04" + "00", wire.ErrMalformed, "lane(4)"},
		{"range beyond 64 bits", "0111" + gen + "01" + gen + "01" + "01" + "ffffffffffffffffff01" + "01", wire.ErrMalformed, "beyond 64 bits"},
		{"range after the last possible one", "0111" + gen + "01" + gen + "01" + "02" + "ffffffffffffffffff01" + "00" + "00" + "00", wire.ErrMalformed, "beyond 64 bits"},
		{"varint too long", "0111" + gen + "ffffffffffffffffffff01", wire.ErrMalformed, "oversized"},
		{"varint padded", "0111" + gen + "8000", wire.ErrMalformed, "needless"},
		{"link name too long", "0101" + gen + "8002", wire.ErrMalformed, "text of 256 bytes"},
		{"link name not UTF-8", "0101" + gen + "01ff", wire.ErrMalformed, "UTF-8"},
		{"more extensions than bytes", "010305aabb", wire.ErrMalformed, "5 bytes of extensions"},
		{"extensions cut off inside a frame", "01030205ff", wire.ErrMalformed, ""},
		{"brief ack beyond 64 bits", "0113" + "01020304" + "01" + "ffffffffffffffffff01" + "01", wire.ErrMalformed, "beyond 64 bits"},
		{"brief ack of no lane", "0113" + "01020304" + "09" + "01" + "01", wire.ErrMalformed, "lane(9)"},
		{"count beyond 32 bits", "0112" + gen + gen + "00" + "00" + "8080808010" + "05" + "00" + gen, wire.ErrMalformed, "beyond 32 bits"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, err := hex.DecodeString(c.hex)
			if err != nil {
				t.Fatal(err)
			}
			m, err := wire.Parse(b)
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, %v; want %v with %q", m, err, c.want, c.says)
			}
		})
	}
}

func TestHostileExtensions(t *testing.T) {
	five := append([]byte{1, 40}, make([]byte, 40)...)
	for name, c := range map[string]struct {
		m    wire.Message
		more []byte
	}{
		"half a name":           {&wire.Hello{}, []byte{1, 4, 0, 0, 0, 0}},
		"more bases than four":  {&wire.Hello{}, five},
		"more bases, welcome":   {&wire.Welcome{}, five},
		"frame without its id":  {&wire.Refusal{}, []byte{1, 0}},
		"length beyond the end": {&wire.Refusal{}, []byte{1, 9, 0, 0, 0, 0, 0, 0, 0, 0}},
	} {
		if m, err := wire.Parse(append(wire.Append(nil, c.m), c.more...)); !errors.Is(err, wire.ErrMalformed) {
			t.Errorf("%s: %+v, %v", name, m, err)
		}
	}
}

// A brief ack says what the full one does of one range, to whoever knows generation and epoch.
func TestBrief(t *testing.T) {
	const generation, epoch = 0x1111111111111111, telemetry.Epoch(0xaaaaaaaaaaaaaaaa)
	one := wire.Ack{Generation: generation, Stored: []wire.Stored{{Epoch: epoch, Lane: telemetry.Live, Ranges: set(7, 900)}}}
	b := one.Brief()
	if want := (wire.Brief{Tag: wire.AckTag(generation, epoch), Lane: telemetry.Live, Range: ranges.Range{From: 7, To: 900}}); b == nil || *b != want {
		t.Fatalf("%+v in brief is %+v, want %+v", one, b, want)
	}
	if long, short := len(wire.Append(nil, &one)), len(wire.Append(nil, b)); short > long/2 {
		t.Errorf("%d bytes in brief, %d in full", short, long)
	}
	for _, other := range []uint32{wire.AckTag(generation+1, epoch), wire.AckTag(generation, epoch+1), wire.AckTag(uint64(epoch), generation)} {
		if other == b.Tag {
			t.Errorf("another one has its tag %x", other)
		}
	}
	for _, a := range []wire.Ack{
		{Generation: generation},
		{Generation: generation, Stored: []wire.Stored{{Epoch: epoch, Lane: telemetry.Live, Ranges: set(7, 9, 20, 30)}}},
		{Generation: generation, Stored: []wire.Stored{one.Stored[0], one.Stored[0]}},
	} {
		if b := a.Brief(); b != nil {
			t.Errorf("%+v in brief is %+v", a, b)
		}
	}
}

func TestUnknownType(t *testing.T) {
	m, err := wire.Parse([]byte{1, 99, 1, 2, 3})
	if u, ok := m.(*wire.Unknown); err != nil || !ok || u.Type != 99 {
		t.Errorf("got %v, %v", m, err)
	}
}

func TestLongTextIsCutAtALetter(t *testing.T) {
	m, err := wire.Parse(wire.Append(nil, &wire.Hello{Software: strings.Repeat("x", 254) + "é"}))
	if err != nil {
		t.Fatal(err)
	}
	if got := m.(*wire.Hello).Software; got != strings.Repeat("x", 254) {
		t.Errorf("software is %q", got)
	}
}

func FuzzParse(f *testing.F) {
	for _, m := range samples {
		f.Add(wire.Append(nil, m))
	}
	f.Add([]byte{1, 99})
	f.Add([]byte{1, 3, 2, 1, 0, 'x'})
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		m, err := wire.Parse(b)
		if !bytes.Equal(b, before) {
			t.Fatal("Parse wrote into its input")
		}
		if err != nil {
			if !errors.Is(err, wire.ErrMalformed) && !errors.Is(err, wire.ErrVersion) {
				t.Fatalf("undeclared error %v", err)
			}
			return
		}
		if _, ok := m.(*wire.Unknown); ok {
			return
		}
		again := wire.Append(nil, m)
		back, err := wire.Parse(again)
		if err != nil || !reflect.DeepEqual(back, m) {
			t.Fatalf("%x reads as %+v, which is written as %x and reads as %+v, %v", b, m, again, back, err)
		}
	})
}
