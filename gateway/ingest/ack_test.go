package ingest_test

import (
	"testing"
	"testing/synctest"
	"time"

	"fieldpost/gateway/source"
	"fieldpost/telemetry"
	"fieldpost/telemetry/ranges"
	"fieldpost/telemetry/wire"
)

// owing runs f with a gateway, in a bubble, and a connection on which node pi was welcomed and sent its table.
func owing(t *testing.T, f func(t *testing.T, g *gateway, c *conn)) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		g := start(t, dir)
		defer g.stop()
		c := g.connect("pi", "lte")
		g.greet(c, 1)
		g.send(c, &wire.Table{Data: table})
		f(t, g, c)
	})
}

// greet says hello for an epoch 9 and takes the answer.
func (g *gateway) greet(c *conn, nonce uint64) *wire.Welcome {
	g.t.Helper()
	return g.hello(c, &wire.Hello{Nonce: nonce, Link: "lte", Epochs: []wire.Epoch{{Epoch: 9, Lanes: []wire.Lane{{Lane: telemetry.Live, First: 1, Next: 1000}}}}})
}

// sendPatient sends records whose ack may wait.
func (g *gateway) sendPatient(c *conn, first, count uint64) {
	g.t.Helper()
	g.send(c, &wire.Frame{Data: readings(g.t, "pi", 9, first, count, 0), Patient: true})
}

// nothing checks that no message has come.
func nothing(t *testing.T, c *conn) {
	t.Helper()
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.messages) > 0 {
		t.Fatalf("%T %+v came", c.messages[0], c.messages[0])
	}
}

// wantBrief takes a brief ack and checks it.
func wantBrief(t *testing.T, g *gateway, c *conn, r ranges.Range) {
	t.Helper()
	synctest.Wait()
	if b := nextAs[*wire.Brief](t, c); b.Tag != wire.AckTag(g.store.Generation(), 9) || b.Lane != telemetry.Live || b.Range != r {
		t.Fatalf("ack %+v, want %s", b, r)
	}
}

func TestPatientFrames(t *testing.T) {
	t.Run("wait for the longest that was said", func(t *testing.T) {
		owing(t, func(t *testing.T, g *gateway, c *conn) {
			for n := range uint64(4) {
				g.sendPatient(c, 1+10*n, 10)
				nothing(t, c)
				g.wantStored("pi", want(9, 1, 10*(n+1), 0)...) // its ack waits, not the frame
				time.Sleep(time.Second)
			}
			time.Sleep(wire.AckHold - 4*time.Second - time.Millisecond)
			nothing(t, c)
			time.Sleep(2 * time.Millisecond)
			wantBrief(t, g, c, span(1, 40))
			nothing(t, c)
			g.sendPatient(c, 41, 1)
			time.Sleep(wire.AckHold - time.Millisecond)
			nothing(t, c)
			time.Sleep(2 * time.Millisecond)
			wantBrief(t, g, c, span(1, 41))
		})
	})
	t.Run("go with one that does not wait", func(t *testing.T) {
		owing(t, func(t *testing.T, g *gateway, c *conn) {
			g.sendPatient(c, 21, 10)
			nothing(t, c)
			g.sendFrame(c, readings(t, "pi", 9, 1, 10, 0))
			synctest.Wait()
			g.wantAck(c, 9, set(span(1, 10), span(21, 30))) // two ranges are not said in brief
			time.Sleep(2 * wire.AckHold)
			nothing(t, c)
			g.sendFrame(c, readings(t, "pi", 9, 11, 10, 0))
			wantBrief(t, g, c, span(1, 30))
		})
	})
	t.Run("a hello ends the wait of what came before it", func(t *testing.T) {
		owing(t, func(t *testing.T, g *gateway, c *conn) {
			g.sendPatient(c, 1, 10)
			synctest.Wait()
			if w := g.greet(c, 1); len(w.Stored) != 1 || !w.Stored[0].Ranges.Equal(set(span(1, 10))) {
				t.Fatalf("welcome says %+v", w.Stored)
			}
			g.send(c, &wire.Frame{Data: readings(t, "pi", 9, 11, 10, 0)})
			wantBrief(t, g, c, span(1, 20))
			g.sendPatient(c, 21, 10) // after the hello they wait again
			nothing(t, c)
		})
	})
	t.Run("a repeat does not wait", func(t *testing.T) {
		owing(t, func(t *testing.T, g *gateway, c *conn) {
			g.sendPatient(c, 1, 10)
			nothing(t, c)
			g.sendPatient(c, 1, 10)
			wantBrief(t, g, c, span(1, 10))
		})
	})
	t.Run("an orderly stop pays all", func(t *testing.T) {
		owing(t, func(t *testing.T, g *gateway, c *conn) {
			g.sendPatient(c, 1, 10)
			nothing(t, c)
			generation := g.store.Generation()
			g.stop()
			if b := nextAs[*wire.Brief](t, c); b.Tag != wire.AckTag(generation, 9) || b.Range != span(1, 10) {
				t.Fatalf("ack %+v", b)
			}
		})
	})
	t.Run("each connection for itself", func(t *testing.T) {
		owing(t, func(t *testing.T, g *gateway, c *conn) {
			g.sendPatient(c, 1, 10)
			synctest.Wait()
			time.Sleep(time.Second)
			other := g.connect("pi", "wan")
			g.hello(other, &wire.Hello{Nonce: 2, Link: "wan", Epochs: []wire.Epoch{{Epoch: 9, Lanes: []wire.Lane{{Lane: telemetry.Live, First: 1, Next: 1000}}}}})
			g.send(other, &wire.Table{Data: table})
			g.sendFrame(other, readings(t, "pi", 9, 11, 10, 0))
			synctest.Wait()
			g.wantAck(other, 9, set(span(1, 20))) // it has sent no patient frame: nobody knows that it reads brief acks
			nothing(t, c)
			time.Sleep(wire.AckHold)
			wantBrief(t, g, c, span(1, 20))
		})
	})
	t.Run("a connection that is gone is owed nothing", func(t *testing.T) {
		owing(t, func(t *testing.T, g *gateway, c *conn) {
			g.sendPatient(c, 1, 10)
			nothing(t, c)
			g.Gone(c)
			c.Close(source.ErrGone)
			time.Sleep(2 * wire.AckHold)
			nothing(t, c)
			if n := g.Status().AcksStuck; n > 0 {
				t.Errorf("%d acks count as stuck", n)
			}
		})
	})
}

// A store that was opened anew speaks for another generation: its first ack says so in full, and nothing in brief before the node was welcomed by it.
func TestOwedThroughAReopening(t *testing.T) {
	owing(t, func(t *testing.T, g *gateway, c *conn) {
		before := g.store.Generation()
		g.sendPatient(c, 1, 10)
		nothing(t, c)
		if err := g.store.Reopen(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(wire.AckHold + time.Millisecond)
		synctest.Wait()
		a := nextAs[*wire.Ack](t, c)
		if a.Generation == before || a.Generation != g.store.Generation() || !a.Stored[0].Ranges.Equal(set(span(1, 10))) {
			t.Fatalf("ack %+v", a)
		}
		g.greet(c, 1)
		g.sendPatient(c, 11, 10)
		time.Sleep(wire.AckHold + time.Millisecond)
		wantBrief(t, g, c, span(1, 20))
	})
}

// Behind an outside broker a node that is gone would be told by what it hears: no frame may wait there.
func TestNoPatienceBehindABroker(t *testing.T) {
	g := start(t, t.TempDir())
	c := g.connect("pi", "lte")
	if w := g.greet(c, 1); !w.Patient || !w.Direct {
		t.Errorf("welcome %+v", w)
	}
	c = &conn{peer: source.Peer{Node: "pi", Link: "lte", Source: "test"}, changed: make(chan struct{})}
	g.Connected(c)
	if w := g.greet(c, 2); w.Patient || w.Direct {
		t.Errorf("welcome %+v", w)
	}
}

// Frames whose ack may wait share a commit with those around them; one that does not wait takes them along.
func TestPatientFramesShareCommits(t *testing.T) {
	owing(t, func(t *testing.T, g *gateway, c *conn) {
		g.sendPatient(c, 1, 1)
		synctest.Wait()
		time.Sleep(50 * time.Millisecond)
		if n := g.Status().Commits; n != 1 {
			t.Fatalf("%d commits after the first frame, which had nothing to wait for", n)
		}
		for n := range uint64(10) {
			g.sendPatient(c, 2+n, 1)
			time.Sleep(5 * time.Millisecond)
		}
		if n := g.Status().Commits; n != 1 {
			t.Errorf("%d commits within 100 ms", n)
		}
		time.Sleep(150 * time.Millisecond)
		synctest.Wait()
		if n := g.Status().Commits; n != 2 {
			t.Errorf("%d commits after 250 ms, want 2", n)
		}
		g.wantStored("pi", want(9, 1, 11, 0)...)
		g.sendPatient(c, 12, 1)
		synctest.Wait()
		if n := g.Status().Commits; n != 2 {
			t.Errorf("%d commits, want 2", n)
		}
		g.sendFrame(c, readings(t, "pi", 9, 13, 1, 0))
		wantBrief(t, g, c, span(1, 13))
		if n := g.Status().Commits; n != 3 {
			t.Errorf("%d commits, want 3", n)
		}
	})
}
