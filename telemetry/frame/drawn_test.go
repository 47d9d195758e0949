package frame_test

import (
	"encoding/binary"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
)

// draw makes a frame of readings from its parts as the package comment draws it, without the encoder. Its times lie
// between 0 and 100 ns; each block is a column of the next series with the given records.
func draw(latest byte, order string, blocks ...block) []byte {
	return drawFrame(frame.Readings, drawHeader(latest, blocks...), order, blocks...)
}

type block struct {
	records uint64
	bytes   string
}

func drawHeader(latest byte, blocks ...block) []byte {
	records := uint64(0)
	for _, b := range blocks {
		records += b.records
	}
	h := []byte{0x31, 1, 'n'}                                        // lane live, clock sync, node
	h = append(h, 1, 0, 0, 0, 0, 0, 0, 0)                            // epoch
	h = binary.AppendUvarint(append(h, 10), records)                 // first
	h = append(h, 1, 2, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0) // boot, offset
	h = binary.AppendUvarint(append(h, 0), uint64(latest)<<4)        // earliest, latest
	h = append(h, 4, 0, 0, 0, 0, 0, 0, 0)                            // table
	h = binary.AppendUvarint(h, uint64(len(blocks)))
	for _, b := range blocks {
		h = binary.AppendUvarint(append(h, 0), b.records)
		h = binary.AppendUvarint(h, uint64(len(b.bytes)))
	}
	return h
}

func drawFrame(content frame.Content, header []byte, order string, blocks ...block) []byte {
	body := order
	for _, b := range blocks {
		body += b.bytes
	}
	f := binary.AppendUvarint([]byte{1, byte(content) << 4, 0}, uint64(len(header)))
	f = binary.AppendUvarint(f, uint64(len(body)))
	f = appendCheck(append(f, header...))
	return appendCheck(append(f, body...))
}

// now is the times of a column whose records are all at 0: own, start 0, unit 0.
const now = "\x00\x00\x00"

func TestDrawnColumns(t *testing.T) {
	five := func(v string) block { return block{5, now + v} }
	for name, c := range map[string]struct {
		column block
		want   []telemetry.Value
	}{
		"constant":     {five("\x01\x00\x03"), ints(-2, -2, -2, -2, -2)},
		"linear":       {five("\x01\x01\x02\x06"), ints(1, 4, 7, 10, 13)},
		"offset":       {five("\x01\x02\x14\x04\x10\x32\x04"), ints(10, 11, 12, 13, 14)},
		"offset, step": {five("\x01\x12\x64\x14\x04\x10\x32\x04"), ints(10, 110, 210, 310, 410)},
		"delta":        {five("\x01\x03\x02\x02\xe4"), ints(1, 1, 0, 1, -1)},
		"delta, step":  {five("\x01\x13\x0a\x02\x02\xe4"), ints(1, 1, -9, 1, -19)},
		"delta base":   {five("\x01\x04\x02\x06\x02\xe4"), ints(1, 4, 8, 13, 19)},
		"delta delta":  {five("\x01\x05\x02\x06\x02\x24"), ints(1, 4, 7, 9, 12)},
		"xor":          {five("\x01\x06\x02\x04\x02\xe4"), ints(1, 1, 17, 49, 1)},
		"runs":         {five("\x01\x07\x02\x01\x02\x02\x01\x10\x14"), ints(8, 8, 18, 18, 18)},
		"exceptions":   {five("\x01\x02\x00\x81\x1d\x01\x07\x02\x41"), ints(1, 0, 131, 1, 1)},
		"booleans":     {five("\x02\x02\x00\x01\x16"), bools(false, true, true, false, true)},
		"texts":        {five("\x03\x02\x01\x02onn\x02\x00\x01\x16"), texts("o", "nn", "nn", "o", "nn")},
		"bits":         {five("\x00\x00\x00"), floats(0, 0, 0, 0, 0)},
		"decimal":      {five("\x08\x01\x01\x0a\x01"), floats(0.5, 0.4, 0.3, 0.2, 0.1)},
		"corrections":  {five("\x48\x01\x00\x0a\x02\xe4\x00"), floats(0.5, 0.49999999999999994, 0.5000000000000001, 0.4999999999999999, 0.5)},
		"single":       {five("\x10\x01\x00\x02"), floats(0.10000000149011612, 0.10000000149011612, 0.10000000149011612, 0.10000000149011612, 0.10000000149011612)},
		"printed":      {five("\x18\x0d\x00\xb4\x76"), floats(0.9250488, 0.9250488, 0.9250488, 0.9250488, 0.9250488)},
		"mean":         {five("\x20\x00\x03\x01\x02\x02"), floats(0.333333333333333, 0.666666666666667, 1, 1.33333333333333, 1.66666666666667)},
		"several":      {five("\x04\x02\x00\x01\x16" + "\x08\x00\x00\x02" + "\x01\x00\x03"), []telemetry.Value{telemetry.Float(1), telemetry.Int(-2), telemetry.Int(-2), telemetry.Float(1), telemetry.Int(-2)}},
	} {
		t.Run(name, func(t *testing.T) {
			_, recs, err := frame.Decode(draw(0, "", c.column), nil)
			if err != nil {
				t.Fatal(err)
			}
			var got []telemetry.Value
			for _, r := range recs {
				got = append(got, r.Value)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestDrawnOrderTimesAndFlags(t *testing.T) {
	const seven = "\x01\x00\x0e" // integer 7
	rec := func(series uint32, at telemetry.Time, q telemetry.Quality, stamped bool) frame.Record {
		return frame.Record{Series: series, Time: at, Value: telemetry.Int(7), Quality: q, Stamped: stamped}
	}
	for name, c := range map[string]struct {
		b    []byte
		want []frame.Record
	}{
		"cycle, times as before": {
			draw(10, "\x00\x02\x01\x00\x02", block{2, "\x00\x00\x11\x01\x00\x02" + seven}, block{2, "\x01" + seven}),
			[]frame.Record{rec(0, 0, 0, false), rec(1, 0, 0, false), rec(0, 10, 0, false), rec(1, 10, 0, false)},
		},
		"followers, times like others": {
			draw(11, "\x01\x01\x00\x04\x00\x02", block{3, "\x00\x00\x50\x01\x00\x02" + seven}, block{1, "\x02\x00\x02\x20" + seven}),
			[]frame.Record{rec(0, 0, 0, false), rec(0, 5, 0, false), rec(1, 11, 0, false), rec(0, 10, 0, false)},
		},
		"all, flags": {
			draw(0, "\x02\x02\x00\x01\x04", block{2, "\x10\x00\x00\x01\x02\x06" + seven}, block{1, now + seven}),
			[]frame.Record{rec(0, 0, telemetry.Uncertain, false), rec(0, 0, telemetry.Good, true), rec(1, 0, 0, false)},
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, recs, err := frame.Decode(c.b, nil)
			if err != nil {
				t.Fatal(err)
			}
			same(t, recs, c.want)
		})
	}
}

func TestHostileFrames(t *testing.T) {
	ok := block{1, now + "\x01\x00\x00"}
	fine := func(b ...block) []byte { return draw(0, "", b...) }
	for name, b := range map[string][]byte{
		"no column":              fine(),
		"unknown block":          fine(block{1, "\x03\x00\x00\x01\x00\x00"}),
		"block ends early":       fine(block{1, "\x00"}),
		"bytes after a column":   fine(block{1, now + "\x01\x00\x00\x00"}),
		"no earlier times":       fine(block{1, "\x01\x01\x00\x00"}),
		"order of one column":    draw(0, "\x02", ok),
		"no order":               draw(0, "", ok, ok),
		"unknown order":          draw(0, "\x03\x00\x00", ok, ok),
		"period 0":               draw(0, "\x00\x00", ok, ok),
		"period too long":        draw(0, "\x00\x03\x01\x00\x02", ok, ok),
		"order of other counts":  draw(0, "\x02\x00\x00", ok, ok),
		"order beyond columns":   draw(0, "\x02\x01\x02\x02", ok, ok),
		"miss beyond the end":    draw(0, "\x01\x01\x00\x04\x00\x02", ok, ok),
		"miss of no column":      draw(0, "\x01\x01\x00\x00\x00\x08", ok, ok),
		"too many misses":        draw(0, "\x01\x03\x00\x00\x00\x02", ok, ok),
		"bytes after the order":  draw(0, "\x02\x01\x00\x02\x00", ok, ok),
		"times of too few":       draw(0, "\x02\x02\x00\x01\x06", ok, block{2, "\x01\x01\x00\x00"}),
		"times of none":          draw(0, "\x02\x01\x00\x02", ok, block{1, "\x02\x01\x00\x00\x01\x00\x00"}),
		"times after the latest": fine(block{1, "\x00\x10\x00\x01\x00\x00"}),
		"times before the last":  draw(1, "", ok),
		"scaled overflows":       fine(block{1, "\x00\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00\x01\x00\x00"}),
		"scaled badly":           fine(block{1, "\x00\x1f\x00\x01\x00\x00"}),
		"bad quality":            fine(block{1, "\x10\x00\x00\x00\x06\x01\x00\x00"}),
		"bad flags":              fine(block{1, "\x10\x00\x00\x00\x10\x01\x00\x00"}),
		"unknown kind":           fine(block{1, now + "\x05\x00\x00"}),
		"integer with a lattice": fine(block{1, now + "\x09\x00\x00"}),
		"boolean 2":              fine(block{1, now + "\x02\x00\x04"}),
		"kind 4 of several":      fine(block{1, now + "\x04\x00\x08\x01\x00\x00"}),
		"other kind than said":   fine(block{1, now + "\x04\x00\x02\x02\x00\x00"}),
		"several of several":     fine(block{1, now + "\x04\x00\x02\x04\x00\x02\x01\x00\x00"}),
		"unknown lattice":        fine(block{1, now + "\x28\x00\x00\x00"}),
		"exponent 23":            fine(block{1, now + "\x08\x17\x00\x00"}),
		"divisor 0":              fine(block{1, now + "\x20\x00\x00\x00\x00"}),
		"unknown way":            fine(block{1, now + "\x01\x08\x00"}),
		"unknown way's flag":     fine(block{1, now + "\x01\x20\x00"}),
		"delta delta of 1":       fine(block{1, now + "\x01\x05\x00\x00"}),
		"shift by 64":            fine(block{2, now + "\x01\x06\x00\x40\x00"}),
		"no runs":                fine(block{1, now + "\x01\x07\x00"}),
		"too many runs":          fine(block{1, now + "\x01\x07\x02\x00\x00\x00\x00"}),
		"runs too long":          fine(block{2, now + "\x01\x07\x01\x00\x04\x00\x00"}),
		"runs of no end":         fine(block{2, now + "\x01\x07\x01\x00\x01\x00\x00"}),
		"runs too short":         fine(block{2, now + "\x01\x07\x01\x00\x00\x00\x00"}),
		"runs of runs":           fine(block{2, now + "\x01\x07\x01\x00\x02\x07\x01\x00\x00\x00\x00"}),
		"width 65":               fine(block{1, now + "\x01\x02\x00\x41" + strings.Repeat("\x00", 9)}),
		"packed ends early":      fine(block{5, now + "\x01\x02\x00\x40" + strings.Repeat("\x00", 39)}),
		"no exceptions":          fine(block{1, now + "\x01\x02\x00\x81\x00\x00\x01"}),
		"too many exceptions":    fine(block{1, now + "\x01\x02\x00\x81\x00\x02\x01\x00\x00\x00"}),
		"too wide exceptions":    fine(block{1, now + "\x01\x02\x00\x81\x00\x01\x40\x00" + strings.Repeat("\x00", 8)}),
		"exceptions ends early":  fine(block{1, now + "\x01\x02\x00\x81\x00\x01\x01\x00"}),
		"exception beyond":       fine(block{1, now + "\x01\x02\x00\x81\x00\x01\x01\x01\x01"}),
		"exception twice":        fine(block{3, now + "\x01\x02\x00\x81\x00\x02\x01\x01\x01\x03"}),
		"texts too many":         fine(block{1, now + "\x03\x02\x01\x01ab\x00\x00"}),
		"texts too long":         fine(block{1, now + "\x03\x01\x20ab\x00\x00"}),
		"text beyond":            fine(block{1, now + "\x03\x01\x01a\x00\x02"}),
		"endless varint":         fine(block{1, now + "\x01\x00" + strings.Repeat("\xff", 11)}),
		"many columns claimed":   drawFrame(frame.Readings, append(drawHeader(0, ok)[:42], 0xff, 0x7f), ""),
		"header goes on":         drawFrame(frame.Readings, append(drawHeader(0, ok), 0), "", ok),
		"header ends early":      drawFrame(frame.Readings, drawHeader(0, ok)[:40], "", ok),
		"block beyond the body":  drawFrame(frame.Readings, drawHeader(0, block{1, ok.bytes + "more"}), "", ok),
		"empty header":           drawFrame(frame.Readings, nil, ""),
		"huge header":            {1, 0, 0, 0xff, 0xff, 0x7f, 0},
		"huge body":              {1, 0, 0, 1, 0xff, 0xff, 0x7f},
		"no body length":         {1, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0xff},
	} {
		t.Run(name, func(t *testing.T) {
			_, recs, err := frame.Decode(b, nil)
			if !errors.Is(err, frame.ErrCorrupt) || recs != nil {
				t.Errorf("%d records, %v", len(recs), err)
			}
		})
	}
	if _, recs, err := frame.Decode(fine(ok), nil); err != nil || len(recs) != 1 {
		t.Errorf("the frame that all are made of: %v, %v", recs, err)
	}
}

func TestHostileEvents(t *testing.T) {
	head := drawHeader(0, block{1, ""})
	head = head[:len(head)-12] // without table and columns
	draw := func(body string) []byte { return drawFrame(frame.Events, head, body) }
	const ev = "\x10\x00\x01d\x01p\x02hi" // state, severity, time, device, pattern, message
	h, events, err := frame.DecodeEvents(draw(ev + "\x01\x11\x20\x01m\x01V\x05"))
	if err != nil || h.First != 10 || len(events) != 1 {
		t.Fatalf("the frame that all are made of: %+v, %v, %v", h, events, err)
	}
	want := telemetry.Event{Device: "d", Pattern: "p", Severity: telemetry.Warning, Message: "hi",
		Cause: []telemetry.Cause{{Metric: "m", Unit: "V", Time: -1, Value: telemetry.Int(-3), Quality: telemetry.Uncertain}}}
	if !reflect.DeepEqual(events[0], want) {
		t.Errorf("got %+v, want %+v", events[0], want)
	}
	for name, body := range map[string]string{
		"nothing":               "",
		"ends early":            ev,
		"byte behind":           ev + "\x00\x00",
		"state":                 "\x12\x00\x01d\x01p\x02hi\x00",
		"severity":              "\x30\x00\x01d\x01p\x02hi\x00",
		"device":                "\x10\x00\x01D\x01p\x02hi\x00",
		"pattern":               "\x10\x00\x01d\x00\x03hi \x00",
		"later than said":       "\x10\x10\x01d\x01p\x02hi\x00",
		"message too long":      "\x10\x00\x01d\x01p\x20hi\x00",
		"many causes":           ev + "\x41" + strings.Repeat("\x01\x00\x01m\x00\x00", 65),
		"causes that lack":      ev + "\x02\x01\x00\x01m\x00\x00",
		"cause's kind":          ev + "\x01\x04\x00\x01m\x00\x00",
		"cause's quality":       ev + "\x01\x31\x00\x01m\x00\x00",
		"cause's metric":        ev + "\x01\x01\x00\x01M\x00\x00",
		"cause's boolean":       ev + "\x01\x02\x00\x01m\x00\x04",
		"cause's float short":   ev + "\x01\x00\x00\x01m\x00\x00",
		"cause's text too long": ev + "\x01\x03\x00\x01m\x00\x01",
	} {
		if _, events, err := frame.DecodeEvents(draw(body)); !errors.Is(err, frame.ErrCorrupt) || events != nil {
			t.Errorf("%s: %d events, %v", name, len(events), err)
		}
	}
}
