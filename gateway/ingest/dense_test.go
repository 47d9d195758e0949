package ingest_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"fieldpost/gateway/ingest"
	"fieldpost/gateway/store"
	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
	"fieldpost/telemetry/frame/dense"
	"fieldpost/telemetry/wire"
)

// denseNode sends dense frames of the records that readings makes, each coded by the one before.
type denseNode struct {
	t     *testing.T
	name  string
	epoch telemetry.Epoch
	e     *dense.Encoder
	known dense.Known
	chain dense.Chain
}

func newDenseNode(t *testing.T, name string, epoch telemetry.Epoch) *denseNode {
	return &denseNode{t: t, name: name, epoch: epoch, e: dense.NewEncoder(dense.Full)}
}

// greet says hello, and sends the table.
func (n *denseNode) greet(g *gateway, c *conn, nonce uint64) *wire.Welcome {
	n.t.Helper()
	boot := wire.Boot{Boot: telemetry.Boot{Ordinal: 1, ID: 7}, Clock: telemetry.ClockSync}
	w := g.hello(c, &wire.Hello{
		Nonce: nonce, Link: "lte", Bases: n.chain.Names(), Boots: []wire.Boot{boot},
		Epochs: []wire.Epoch{{Epoch: n.epoch, Lanes: []wire.Lane{{Lane: telemetry.Live, First: 1, Next: 1}}}},
	})
	n.chain = n.chain.Only(w.Bases)
	g.send(c, &wire.Table{Data: table})
	n.known = dense.Known{Node: n.name, Epoch: n.epoch, Lane: telemetry.Live, Boot: boot.Boot, Clock: boot.Clock, Table: frame.Hash(table)}
	return w
}

// frame codes records; cold where asked for.
func (n *denseNode) frame(first, count, salt uint64, cold bool) []byte {
	n.t.Helper()
	h, recs, err := frame.Decode(readings(n.t, n.name, n.epoch, first, count, salt), nil)
	if err != nil {
		n.t.Fatal(err)
	}
	base := n.chain.Last(func(uint64) bool { return !cold })
	if cold {
		n.chain = dense.Chain{}
	}
	data, chain, _, err := n.e.Encode(nil, h, recs, n.known, n.chain, base)
	if err != nil {
		n.t.Fatal(err)
	}
	n.chain = chain
	return data
}

func TestDenseFrames(t *testing.T) {
	g := start(t, t.TempDir())
	c := g.connect("482", "lte")
	n := newDenseNode(t, "482", 9)
	if w := n.greet(g, c, 1); w.Codings&(1<<frame.Dense) == 0 || w.Bases == nil || len(w.Bases) > 0 {
		t.Fatalf("welcome %+v", w)
	}
	for first := uint64(1); first <= 101; first += 20 {
		g.send(c, &wire.Frame{Data: n.frame(first, 20, 3, false)})
		nextAs[*wire.Ack](t, c)
	}
	g.wantStored("482", want(9, 1, 120, 3)...)

	// What is repeated is acknowledged again, and stored once.
	g.send(c, &wire.Frame{Data: n.frame(101, 20, 3, false)})
	nextAs[*wire.Ack](t, c)
	g.wantStored("482", want(9, 1, 120, 3)...)
	if st := g.Status(); st.Dense != 7 || st.Repeats != 20 {
		t.Errorf("%d dense frames, %d repeated records", st.Dense, st.Repeats)
	}
}

// A frame whose state is not here is refused by its own bytes, and costs nothing else; the next one is cold.
func TestDenseFrameOfUnknownState(t *testing.T) {
	g := start(t, t.TempDir())
	c := g.connect("482", "lte")
	n := newDenseNode(t, "482", 9)
	n.greet(g, c, 1)
	n.frame(1, 20, 3, false) // lost on the way
	data := n.frame(1, 20, 3, false)
	g.send(c, &wire.Frame{Data: data})
	if r := nextAs[*wire.Refusal](t, c); r.Reason != wire.Cold || r.Frame != wire.FrameID(data) || r.Count != 0 {
		t.Fatalf("refusal %+v", r)
	}
	g.send(c, &wire.Frame{Data: n.frame(1, 20, 3, true)})
	nextAs[*wire.Ack](t, c)
	g.wantStored("482", want(9, 1, 20, 3)...)
}

// The connection before the last one has no states any more, and takes none from the last one.
func TestDenseFrameOfAnEarlierConnection(t *testing.T) {
	g := start(t, t.TempDir())
	old, c := g.connect("482", "lte"), g.connect("482", "lte")
	n := newDenseNode(t, "482", 9)
	n.greet(g, old, 1)
	g.send(old, &wire.Frame{Data: n.frame(1, 20, 3, false)})
	nextAs[*wire.Ack](t, old)
	before := n.frame(21, 20, 4, false) // on its way still when the node is back
	n.chain = n.chain.Only(n.chain.Names()[:1])
	if w := n.greet(g, c, 2); !slices.Equal(w.Bases, n.chain.Names()) || len(w.Bases) != 1 {
		t.Fatalf("bases %x, want %x", w.Bases, n.chain.Names())
	}
	g.send(old, &wire.Frame{Data: before})
	if r := nextAs[*wire.Refusal](t, old); r.Reason != wire.Cold {
		t.Fatalf("refusal %+v", r)
	}
	g.send(c, &wire.Frame{Data: n.frame(21, 20, 3, false)})
	nextAs[*wire.Ack](t, c)
	g.wantStored("482", want(9, 1, 40, 3)...)
}

// After an orderly stop the states are there; without their file, and with one that is torn, the first frame is cold and nothing else is lost.
func TestChainsOutliveTheGateway(t *testing.T) {
	for _, c := range []struct {
		name   string
		damage func(file string) error
		bases  int
	}{
		{"kept", func(string) error { return nil }, 2},
		{"lost", os.Remove, 0},
		{"torn", func(file string) error { return os.Truncate(file, 400) }, 0},
		{"empty", func(file string) error { return os.Truncate(file, 0) }, 0},
		{"of another kind", func(file string) error { return os.WriteFile(file, []byte("something else altogether"), 0o600) }, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			file := filepath.Join(dir, "chains")
			n := newDenseNode(t, "482", 9)
			g := start(t, dir)
			conn := g.connect("482", "lte")
			n.greet(g, conn, 1)
			for first := uint64(1); first <= 21; first += 20 {
				g.send(conn, &wire.Frame{Data: n.frame(first, 20, 3, false)})
				nextAs[*wire.Ack](t, conn)
			}
			ended, end := context.WithCancel(t.Context())
			end()
			g.KeepChains(ended, file)
			g.stop()
			if err := c.damage(file); err != nil {
				t.Fatal(err)
			}

			g = start(t, dir)
			g.LoadChains(file)
			conn = g.connect("482", "lte")
			w := n.greet(g, conn, 2)
			if len(w.Bases) != c.bases {
				t.Errorf("the gateway has %d states, want %d", len(w.Bases), c.bases)
			}
			g.send(conn, &wire.Frame{Data: n.frame(41, 20, 3, false)})
			nextAs[*wire.Ack](t, conn)
			g.wantStored("482", want(9, 1, 60, 3)...)
		})
	}
}

// Links that there is no room for send plain frames, and those that have room keep it.
func TestNoRoomForStates(t *testing.T) {
	st, err := store.Open(t.TempDir(), store.RetentionSettings{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	g := startWith(t, st, st, func(in *ingest.Ingest) { in.AllowDense(2 * 3 * dense.MaxState) })
	var nodes []*denseNode
	var conns []*conn
	for i, name := range []string{"a", "b", "c"} {
		n, c := newDenseNode(t, name, 9), g.connect(name, "lte")
		w := n.greet(g, c, uint64(i+1))
		if dense := w.Codings&(1<<frame.Dense) != 0; dense != (i < 2) {
			t.Errorf("%s may send dense frames: %v", name, dense)
		}
		nodes, conns = append(nodes, n), append(conns, c)
	}
	for first := uint64(1); first <= 101; first += 20 {
		for i, n := range nodes[:2] {
			g.send(conns[i], &wire.Frame{Data: n.frame(first, 20, 3, false)})
			nextAs[*wire.Ack](t, conns[i])
		}
	}
	g.send(conns[2], &wire.Frame{Data: nodes[2].frame(1, 20, 3, true)}) // all the same
	if r := nextAs[*wire.Refusal](t, conns[2]); r.Reason != wire.Cold || r.Frame == 0 {
		t.Errorf("refusal %+v", r)
	}
	g.wantStored("a", want(9, 1, 120, 3)...)
	g.wantStored("b", want(9, 1, 120, 3)...)
	g.wantStored("c")
}

// With no folder to write to the gateway goes on.
func TestChainsCannotBeWritten(t *testing.T) {
	g := start(t, t.TempDir())
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	c := g.connect("482", "lte")
	n := newDenseNode(t, "482", 9)
	n.greet(g, c, 1)
	g.send(c, &wire.Frame{Data: n.frame(1, 20, 3, false)})
	nextAs[*wire.Ack](t, c)
	g.KeepChains(ctx, filepath.Join(t.TempDir(), "no", "such", "folder"))
	g.send(c, &wire.Frame{Data: n.frame(21, 20, 3, false)})
	nextAs[*wire.Ack](t, c)
	g.wantStored("482", want(9, 1, 40, 3)...)
}
