package frame_test

import (
	"errors"
	"math/rand/v2"
	"reflect"
	"testing"

	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
)

// sameFacts reports whether a and b tell the same of node, boot and clock.
func sameFacts(a, b frame.Header) bool {
	return a.Node == b.Node && a.Epoch == b.Epoch && a.Lane == b.Lane && a.Boot == b.Boot && a.Clock == b.Clock &&
		a.Offset == b.Offset && a.Table == b.Table && a.Content == b.Content
}

func TestCutAndJoin(t *testing.T) {
	recs := recording(t, "household_power")[:300]
	recs[17].Quality, recs[100].Stamped, recs[250].Value = telemetry.Bad, true, telemetry.Text("n/a")
	whole, err := frame.Encode(nil, header(), recs)
	if err != nil {
		t.Fatal(err)
	}
	h, err := frame.Check(whole)
	if err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 3))
		var parts [][]byte
		for from := h.First; from <= h.Last(); {
			to := min(from+uint64(r.IntN(120)), h.Last())
			part, err := frame.Cut([]byte("p"), whole, from, to)
			if err != nil {
				t.Fatal(err)
			}
			part = part[1:]
			got, some, err := frame.Decode(part, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got.First != from || got.Last() != to || !sameFacts(got, h) {
				t.Fatalf("cut %d to %d gave %+v", from, to, got)
			}
			same(t, some, recs[from-h.First:to-h.First+1])
			parts = append(parts, part)
			from = to + 1
		}
		joined, err := frame.Join([]byte("j"), parts...)
		if err != nil {
			t.Fatal(err)
		}
		got, all, err := frame.Decode(joined[1:], nil)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, h) {
			t.Fatalf("joined %+v, want %+v", got, h)
		}
		same(t, all, recs)
	}
}

func TestCutRefuses(t *testing.T) {
	b, err := frame.Encode(nil, header(), column(0, 1e9, floats(1, 2, 3)...)) // 1001 to 1003
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range [][2]uint64{{1000, 1002}, {1001, 1004}, {1003, 1002}, {1004, 1004}} {
		if out, err := frame.Cut([]byte("kept"), b, r[0], r[1]); err == nil || string(out) != "kept" {
			t.Errorf("cut %v gave %q, %v", r, out, err)
		}
	}
	b[len(b)-1] ^= 1
	if _, err := frame.Cut(nil, b, 1001, 1001); !errors.Is(err, frame.ErrCorrupt) {
		t.Errorf("cut of a corrupt frame: %v", err)
	}
}

func TestJoinRefuses(t *testing.T) {
	first, err := frame.Encode(nil, header(), column(0, 1e9, floats(1, 2, 3)...))
	if err != nil {
		t.Fatal(err)
	}
	next := func(change func(*frame.Header)) []byte {
		h := header()
		h.First += 3
		change(&h)
		b, err := frame.Encode(nil, h, column(0, 1e9, floats(4)...))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	if _, err := frame.Join(nil, first, next(func(*frame.Header) {})); err != nil {
		t.Fatalf("the next frame: %v", err)
	}
	for name, change := range map[string]func(*frame.Header){
		"node":       func(h *frame.Header) { h.Node = "pi-8" },
		"epoch":      func(h *frame.Header) { h.Epoch++ },
		"lane":       func(h *frame.Header) { h.Lane = telemetry.Bulk },
		"boot":       func(h *frame.Header) { h.Boot.Ordinal++ },
		"boot id":    func(h *frame.Header) { h.Boot.ID++ },
		"clock":      func(h *frame.Header) { h.Clock = telemetry.ClockLocal },
		"offset":     func(h *frame.Header) { h.Offset++ },
		"table":      func(h *frame.Header) { h.Table++ },
		"a hole":     func(h *frame.Header) { h.First++ },
		"an overlap": func(h *frame.Header) { h.First-- },
	} {
		b := next(change)
		a, _ := frame.ParseHeader(first)
		c, _ := frame.ParseHeader(b)
		if frame.Joinable(a, c) {
			t.Errorf("%s: joinable", name)
		}
		if out, err := frame.Join([]byte("kept"), first, b); err == nil || string(out) != "kept" {
			t.Errorf("%s: got %q, %v", name, out, err)
		}
	}
	if _, err := frame.Join(nil); err == nil {
		t.Error("nothing joined without an error")
	}
}

func TestJoinTooLarge(t *testing.T) {
	recs := make([]frame.Record, frame.MaxRecords)
	for i := range recs {
		recs[i].Time = start
	}
	h := header()
	a, err := frame.Encode(nil, h, recs)
	if err != nil {
		t.Fatal(err)
	}
	h.First += frame.MaxRecords
	b, err := frame.Encode(nil, h, recs[:1])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := frame.Join(nil, a, b); !errors.Is(err, frame.ErrTooLarge) {
		t.Errorf("got %v", err)
	}
}
