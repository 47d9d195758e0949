package ingest_test

import (
	"testing"

	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
	"fieldpost/telemetry/wire"
)

func TestFrameIsStoredAndAcked(t *testing.T) {
	g := start(t, t.TempDir())
	c := g.connect("pi", "lte")
	w := g.hello(c, &wire.Hello{Nonce: 5, Link: "lte", Epochs: []wire.Epoch{{Epoch: 9, Lanes: []wire.Lane{{Lane: telemetry.Live, First: 1, Next: 11, Kept: set(span(1, 10))}}}}})
	if w.Nonce != 5 || w.Store != g.store.ID() || w.Generation != g.store.Generation() || !w.Direct || w.MaxFrame != frame.MaxSize || len(w.Stored) != 0 {
		t.Fatalf("welcome %+v", w)
	}
	if l := g.lane("pi", 9); !l.Missing.Equal(set(span(1, 10))) {
		t.Fatalf("missing %s, want [1,10]", l.Missing)
	}
	g.send(c, &wire.Table{Data: table})
	g.sendFrame(c, readings(t, "pi", 9, 1, 10, 0))
	g.wantAck(c, 9, set(span(1, 10)))
	g.wantStored("pi", want(9, 1, 10, 0)...)
	if l := g.lane("pi", 9); !l.Missing.Empty() || l.Stored != 10 || l.Highest != 10 {
		t.Fatalf("lane %+v", l)
	}
}

func TestRepeatsAndOverlaps(t *testing.T) {
	g := start(t, t.TempDir())
	a, b := g.connect("pi", "lte"), g.connect("pi", "wifi")
	g.send(a, &wire.Table{Data: table})
	g.sendFrame(a, readings(t, "pi", 9, 5, 5, 0))
	g.wantAck(a, 9, set(span(5, 9)))

	// The same again, by another connection: acked there, stored once. Its content does not matter: the first one stands.
	g.sendFrame(b, readings(t, "pi", 9, 5, 5, 7))
	g.wantAck(b, 9, set(span(5, 9)))

	// A frame around it: only its two ends are new, and they make two frames.
	g.sendFrame(b, readings(t, "pi", 9, 3, 10, 0))
	g.wantAck(b, 9, set(span(3, 12)))
	g.wantStored("pi", want(9, 3, 12, 0)...)

	if s := g.Status(); s.Repeats != 10 || s.Records != 10 {
		t.Fatalf("%d repeats and %d records, want 10 and 10", s.Repeats, s.Records)
	}
}
