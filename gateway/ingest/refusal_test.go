package ingest_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
	"fieldpost/telemetry/wire"
)

func TestRefusals(t *testing.T) {
	dense := readings(t, "pi", 9, 1, 2, 0)
	tests := []struct {
		name string
		data []byte
		want wire.Refusal
	}{
		{"another node's", readings(t, "pi-2", 9, 1, 2, 0), wire.Refusal{Epoch: 9, Lane: telemetry.Live, First: 1, Count: 2, Reason: wire.NotAllowed}},
		{"unknown table", dense, wire.Refusal{Epoch: 9, Lane: telemetry.Live, First: 1, Count: 2, Reason: wire.Cold, Table: frame.Hash(table)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := start(t, t.TempDir())
			c := g.connect("pi", "lte")
			g.sendFrame(c, tt.data)
			got := nextAs[*wire.Refusal](t, c)
			tt.want.Generation = g.store.Generation()
			if *got != tt.want {
				t.Fatalf("refusal %+v, want %+v", *got, tt.want)
			}
			g.wantStored("pi")
			g.wantStored("pi-2")
			if n := g.Status().Refusals[tt.want.Reason]; n != 1 {
				t.Fatalf("%d refusals counted, want 1", n)
			}
		})
	}
}

func TestOffences(t *testing.T) {
	broken := readings(t, "pi", 9, 1, 2, 0)
	broken[8] ^= 1 // inside the header
	for name, payload := range map[string][]byte{
		"nothing":             nil,
		"noise":               []byte("not a message"),
		"unknown version":     {99, 3, 0},
		"header damaged":      wire.Append(nil, &wire.Frame{Data: broken}),
		"table damaged":       wire.Append(nil, &wire.Table{Data: table[:len(table)-1]}),
		"what a gateway says": wire.Append(nil, &wire.Ack{Generation: 1}),
	} {
		t.Run(name, func(t *testing.T) {
			g := start(t, t.TempDir())
			c := g.connect("pi", "lte")
			if err := g.Receive(c, payload); err == nil {
				t.Fatal("no error")
			}
			if n := g.Status().Offences; n != 1 {
				t.Fatalf("%d offences counted, want 1", n)
			}
			// The gateway goes on.
			g.send(c, &wire.Table{Data: table})
			g.sendFrame(c, readings(t, "pi", 9, 1, 2, 0))
			g.wantAck(c, 9, set(span(1, 2)))
		})
	}
}

func TestUnknownMessageIsPassedOver(t *testing.T) {
	g := start(t, t.TempDir())
	c := g.connect("pi", "lte")
	if err := g.Receive(c, []byte{wire.ProtocolVersion, 9, 1, 2, 3}); err != nil {
		t.Fatal(err)
	}
	if n := g.Status().Unknown; n != 1 {
		t.Fatalf("%d unknown messages counted, want 1", n)
	}
}

// A frame whose header is sound and whose records are not is asked for once more, then put aside and acknowledged, and its range is lost.
func TestCorruptFrameGoesToQuarantine(t *testing.T) {
	dir := t.TempDir()
	g := start(t, dir)
	c := g.connect("pi", "lte")
	g.send(c, &wire.Table{Data: table})
	g.sendFrame(c, readings(t, "pi", 9, 1, 3, 0))
	g.wantAck(c, 9, set(span(1, 3)))

	bad := readings(t, "pi", 9, 4, 3, 0)
	bad[len(bad)-1] ^= 1
	g.sendFrame(c, slices.Clone(bad))
	if r := nextAs[*wire.Refusal](t, c); r.Reason != wire.Corrupt || r.First != 4 || r.Count != 3 {
		t.Fatalf("refusal %+v, want corrupt of 4…6", r)
	}
	other := g.connect("pi", "wifi")
	g.send(other, &wire.Table{Data: table})
	g.sendFrame(other, slices.Clone(bad))
	g.wantAck(other, 9, set(span(1, 6)))

	files, err := filepath.Glob(filepath.Join(dir, "quarantine", "pi-*-live-4-3.frame"))
	if err != nil || len(files) != 1 {
		t.Fatalf("quarantine holds %v, %v", files, err)
	}
	if kept, err := os.ReadFile(files[0]); err != nil || !slices.Equal(kept, bad) {
		t.Fatalf("quarantined bytes differ: %v", err)
	}
	lost := func(g *gateway) {
		t.Helper()
		l := g.lane("pi", 9)
		if len(l.Lost) != 1 || l.Lost[0].Range != span(4, 6) || l.Lost[0].Reason != "corrupt" || l.Lost[0].Time == 0 || !l.Missing.Empty() {
			t.Fatalf("lane %+v, want 4…6 lost as corrupt", l)
		}
	}
	lost(g)

	// It is on disk: a gateway that dies now does not ask for the range again.
	g.stop()
	g = start(t, dir)
	lost(g)
	c = g.connect("pi", "lte")
	w := g.hello(c, &wire.Hello{Epochs: []wire.Epoch{{Epoch: 9, Lanes: []wire.Lane{{Lane: telemetry.Live, First: 1, Next: 7, Kept: set(span(1, 6))}}}}})
	if len(w.Stored) != 1 || !w.Stored[0].Ranges.Equal(set(span(1, 6))) {
		t.Fatalf("welcome says %+v", w.Stored)
	}
	lost(g)

	// A good copy that comes another way is stored all the same.
	g.send(c, &wire.Table{Data: table})
	g.sendFrame(c, readings(t, "pi", 9, 4, 3, 0))
	g.wantAck(c, 9, set(span(1, 6)))
	g.wantStored("pi", want(9, 1, 6, 0)...)
	if l := g.lane("pi", 9); len(l.Lost) != 0 {
		t.Fatalf("lost %+v, want none", l.Lost)
	}
}

// A node joins and cuts frames as its link allows: what was refused in one frame comes again in others. Only what is corrupt there too is put aside.
func TestCorruptFrameThatComesAgainInParts(t *testing.T) {
	g := start(t, t.TempDir())
	c := g.connect("pi", "lte")
	g.send(c, &wire.Table{Data: table})
	joined := readings(t, "pi", 9, 1, 9, 0)
	joined[len(joined)-1] ^= 1
	g.sendFrame(c, joined)
	if r := nextAs[*wire.Refusal](t, c); r.Reason != wire.Corrupt || r.First != 1 || r.Count != 9 {
		t.Fatalf("refusal %+v, want corrupt of 1…9", r)
	}
	g.sendFrame(c, readings(t, "pi", 9, 1, 3, 0))
	g.wantAck(c, 9, set(span(1, 3)))
	bad := readings(t, "pi", 9, 4, 3, 0)
	bad[len(bad)-1] ^= 1
	g.sendFrame(c, bad)
	g.wantAck(c, 9, set(span(1, 6)))
	g.sendFrame(c, readings(t, "pi", 9, 7, 3, 0))
	g.wantAck(c, 9, set(span(1, 9)))
	g.wantStored("pi", append(want(9, 1, 3, 0), want(9, 7, 9, 0)...)...)
	if l := g.lane("pi", 9); len(l.Lost) != 1 || l.Lost[0].Range != span(4, 6) || l.Lost[0].Reason != "corrupt" {
		t.Fatalf("lost %+v, want 4…6 as corrupt", l.Lost)
	}
	// What only overlaps with it has not been seen corrupt yet.
	wider := readings(t, "pi", 9, 4, 9, 0)
	wider[len(wider)-1] ^= 1
	g.sendFrame(c, wider)
	if r := nextAs[*wire.Refusal](t, c); r.Reason != wire.Corrupt || r.First != 4 || r.Count != 9 {
		t.Fatalf("refusal %+v, want corrupt of 4…12", r)
	}
}
