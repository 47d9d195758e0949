package frame_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"reflect"
	"slices"
	"testing"

	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
)

// known fails unless err is one that decoders may return.
func known(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, frame.ErrCorrupt) && !errors.Is(err, frame.ErrVersion) && !errors.Is(err, frame.ErrShort) {
		t.Fatalf("error of no known kind: %v", err)
	}
}

func seedFrames(f *testing.F) {
	for _, recs := range goldenReadings() {
		b, err := frame.Encode(nil, header(), recs)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	b, err := frame.EncodeEvents(nil, header(), []telemetry.Event{event(1), event(4)})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte{})
	f.Add([]byte{1, 0, 0, 0, 0})
}

// FuzzDecode gives changed frames with mended checksums to all decoders: what they take they must agree on.
func FuzzDecode(f *testing.F) {
	seedFrames(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		if mended, ok := reseal(b); ok {
			b = mended
		}
		h, recs, err := frame.Decode(b, nil)
		if err != nil {
			known(t, err)
			if errors.Is(err, frame.ErrShort) || recs != nil {
				t.Fatalf("%d records, %v", len(recs), err)
			}
			if _, _, err := frame.DecodeColumns(b, func(s uint32) bool { return s%2 == 0 }, nil); err != nil {
				known(t, err)
			}
			if _, sel, err := frame.DecodeByColumn(b, nil); err == nil || sel != nil {
				t.Fatalf("decoded by column, to %d records, but not as a whole", len(sel))
			}
			eh, events, err := frame.DecodeEvents(b)
			if err != nil {
				known(t, err)
				return
			}
			again, err := frame.EncodeEvents(nil, eh, events)
			if err != nil {
				t.Fatal(err)
			}
			if _, same, err := frame.DecodeEvents(again); err != nil || !reflect.DeepEqual(same, events) {
				t.Fatalf("events differ after another round: %v", err)
			}
			return
		}
		if len(recs) != int(h.Count) || h.Size != len(b) {
			t.Fatalf("%d records of %d, %d bytes of %d", len(recs), h.Count, len(b), h.Size)
		}
		_, sel, err := frame.DecodeColumns(b, func(s uint32) bool { return s%2 == 0 }, nil)
		if err != nil {
			t.Fatalf("decoded as a whole but not in part: %v", err)
		}
		for _, s := range sel {
			if s.Series%2 != 0 || recs[s.Place] != s.Record {
				t.Fatalf("selected %+v, the whole has %+v", s, recs[s.Place])
			}
		}
		_, sel, err = frame.DecodeByColumn(b, nil)
		if err != nil || len(sel) != len(recs) {
			t.Fatalf("decoded as a whole but not by column: %d records, %v", len(sel), err)
		}
		for _, s := range sel {
			if recs[s.Place] != s.Record {
				t.Fatalf("by column %+v, the whole has %+v", s, recs[s.Place])
			}
		}
		again, err := frame.Encode(nil, h, recs)
		if errors.Is(err, frame.ErrTooLarge) { // it may have been written shorter than our encoder would
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, got, err := frame.Decode(again, nil); err != nil || !slices.Equal(got, recs) {
			t.Fatalf("records differ after another round: %v", err)
		}
	})
}

func FuzzParseHeader(f *testing.F) {
	seedFrames(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		if mended, ok := reseal(b); ok {
			b = mended
		}
		h, err := frame.ParseHeader(b)
		if err != nil {
			known(t, err)
			return
		}
		count := uint32(0)
		for i, c := range h.Columns {
			count += c.Count
			if c.Count == 0 || c.Series >= frame.MaxSeries || i > 0 && c.Series <= h.Columns[i-1].Series {
				t.Fatalf("columns %v", h.Columns)
			}
		}
		if telemetry.CheckNode(h.Node) != nil || h.Count == 0 || h.Count > frame.MaxRecords || h.Last() < h.First || h.Size > frame.MaxSize ||
			h.Max < h.Min || !h.Lane.Valid() || h.Content == frame.Readings && count != h.Count {
			t.Fatalf("header %+v", h)
		}
	})
}

func FuzzDecodeTable(f *testing.F) {
	b, err := table().Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte{1, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		table, err := frame.DecodeTable(b)
		if err != nil {
			known(t, err)
			return
		}
		again, err := table.Encode()
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("another form of the same table: %v", err)
		}
		table.Series()
	})
}

// FuzzRoundTrip makes records out of any bytes, and cuts and joins their frame.
func FuzzRoundTrip(f *testing.F) {
	f.Add([]byte("\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d"), uint64(1), uint16(1))
	for _, x := range specialFloats {
		f.Add(binary.LittleEndian.AppendUint64([]byte("\x00\x00\x10\x00"), telemetry.Float(x).Bits()), uint64(1e9), uint16(3))
	}
	f.Fuzz(func(t *testing.T, b []byte, unit uint64, at uint16) {
		recs := recordsOf(b, unit)
		if len(recs) == 0 {
			return
		}
		whole := roundTrip(t, header(), recs)
		h, err := frame.Check(whole)
		if err != nil {
			t.Fatal(err)
		}
		if h.Count < 2 {
			return
		}
		mid := h.First + uint64(at)%uint64(h.Count-1)
		left, err := frame.Cut(nil, whole, h.First, mid)
		if err != nil {
			t.Fatal(err)
		}
		right, err := frame.Cut(nil, whole, mid+1, h.Last())
		if err != nil {
			t.Fatal(err)
		}
		joined, err := frame.Join(nil, left, right)
		if err != nil || !bytes.Equal(joined, whole) {
			t.Fatalf("cut after %d and joined: %v", mid, err)
		}
	})
}

// recordsOf reads records from b, 4 to 12 bytes each: kind, flags and repetition; series; time; value.
func recordsOf(b []byte, unit uint64) []frame.Record {
	var recs []frame.Record
	now := uint64(start)
	for len(b) >= 4 && len(recs) < 2000 {
		now += uint64(int8(b[2])) * unit
		r := frame.Record{Series: uint32(b[1]), Time: telemetry.Time(now), Quality: telemetry.Quality(b[0] >> 2 & 3 % 3), Stamped: b[0]&0x10 != 0}
		var bits [8]byte
		n := copy(bits[:], b[3:min(len(b), 3+1+int(b[0]>>5))])
		v := binary.LittleEndian.Uint64(bits[:])
		switch telemetry.Kind(b[0] & 3) {
		case telemetry.KindFloat:
			if n < 8 { // decimals
				r.Value = telemetry.Float(float64(int64(v)) / 100)
			} else {
				r.Value = telemetry.ValueOfBits(telemetry.KindFloat, v)
			}
		case telemetry.KindInt:
			r.Value = telemetry.Int(int64(v))
		case telemetry.KindBool:
			r.Value = telemetry.Bool(v&1 == 1)
		case telemetry.KindText:
			r.Value = telemetry.Text(string(bits[:n]))
		}
		b = b[3+n:]
		recs = append(recs, r)
	}
	return recs
}
