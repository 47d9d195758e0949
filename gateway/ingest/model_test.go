package ingest_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"fieldpost/gateway/source"
	"fieldpost/telemetry"
	"fieldpost/telemetry/ranges"
	"fieldpost/telemetry/wire"
)

// Random frames of two nodes, by connections that end, over stores that are killed and opened again. Proven after every kill: the
// store holds exactly the records that were sent and acked or in flight, each identity once and with the content it had when it first came;
// all that was ever acked is there; and what counts as stored is what can be read.
func TestModel(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { model(t, rand.New(rand.NewPCG(seed, 17))) })
	}
}

type lane struct {
	node  string
	epoch telemetry.Epoch
}

func model(t *testing.T, rnd *rand.Rand) {
	dir := t.TempDir()
	sent, acked := map[lane]*ranges.Set{}, map[lane]*ranges.Set{}
	var lanes []lane
	for _, node := range []string{"pi", "pi-2"} {
		for epoch := telemetry.Epoch(1); epoch <= 3; epoch++ {
			l := lane{node, epoch}
			lanes = append(lanes, l)
			sent[l], acked[l] = &ranges.Set{}, &ranges.Set{}
		}
	}
	for range 4 {
		g := start(t, dir)
		conns := map[*conn]string{}
		for range 40 {
			l := lanes[rnd.IntN(len(lanes))]
			var c *conn
			for have, node := range conns {
				if node == l.node {
					c = have
				}
			}
			if c == nil || rnd.IntN(6) == 0 {
				c = g.connect(l.node, fmt.Sprint(len(conns)))
				conns[c] = l.node
				g.send(c, &wire.Table{Data: table})
			}
			first, count := 1+rnd.Uint64N(60), 1+rnd.Uint64N(20)
			sent[l].Add(ranges.Of(first, count))
			g.sendFrame(c, readings(t, l.node, l.epoch, first, count, uint64(l.epoch)))
			if rnd.IntN(8) == 0 {
				g.Gone(c)
				delete(conns, c)
				collect(t, c, acked)
			}
			if rnd.IntN(10) == 0 {
				if err := g.store.Checkpoint(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if rnd.IntN(2) == 0 {
			// What was acked before the copy is in it.
			for c := range conns {
				collect(t, c, acked)
			}
			killed := copyDir(t, dir)
			g.stop()
			dir = killed
		} else {
			g.stop()
			for c := range conns {
				collect(t, c, acked)
			}
		}

		g = start(t, dir)
		for _, l := range lanes {
			var got ranges.Set
			for _, r := range g.stored(l.node) {
				var epoch telemetry.Epoch
				var seq, value uint64
				if _, err := fmt.Sscanf(r, "%d/%d=%d", &epoch, &seq, &value); err != nil {
					t.Fatal(err)
				}
				if epoch != l.epoch {
					continue
				}
				if got.Has(seq) {
					t.Fatalf("%s is there twice", r)
				}
				if value != uint64(epoch)*1_000_000+seq {
					t.Fatalf("%s has another's content", r)
				}
				got.Add(ranges.Of(seq, 1))
			}
			if extra := got.Minus(*sent[l]); !extra.Empty() {
				t.Fatalf("%v: %s was never sent", l, extra)
			}
			if gone := acked[l].Minus(got); !gone.Empty() {
				t.Fatalf("%v: %s was acked and is not there", l, gone)
			}
			if stored := g.store.Received(l.node, l.epoch, telemetry.Live, span(0, 1000)); !stored.Equal(got) {
				t.Fatalf("%v: counts as stored %s, can be read %s", l, stored, got)
			}
		}
		g.stop()
	}
}

// collect takes over the acks that c got.
func collect(t *testing.T, c *conn, acked map[lane]*ranges.Set) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range c.messages {
		a, ok := m.(*wire.Ack)
		if !ok {
			t.Fatalf("got %T %+v, want acks only", m, m)
		}
		for _, s := range a.Stored {
			acked[lane{c.peer.Node, s.Epoch}].AddAll(s.Ranges)
		}
	}
	c.messages = slices.Delete(c.messages, 0, len(c.messages))
}

var _ source.Conn = (*conn)(nil)
