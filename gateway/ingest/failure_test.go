package ingest_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"fieldpost/gateway/ingest"
	"fieldpost/gateway/store"
	"fieldpost/telemetry"
	"fieldpost/telemetry/wire"
)

// faulty is a store whose next commit fails.
type faulty struct {
	ingest.Store
	mu    sync.Mutex
	fault func(store ingest.Store, frames []store.Frame) error
}

func (f *faulty) set(fault func(ingest.Store, []store.Frame) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fault = fault
}

func (f *faulty) Append(frames []store.Frame) error {
	f.mu.Lock()
	fault := f.fault
	f.fault = nil
	f.mu.Unlock()
	if fault != nil {
		return fault(f.Store, frames)
	}
	return f.Store.Append(frames)
}

// After a failed commit nobody knows what is on disk. Both ends of what may be true are tried: nothing of it, and all of it.
func TestFailedCommit(t *testing.T) {
	for name, fault := range map[string]func(ingest.Store, []store.Frame) error{
		"nothing on disk": func(ingest.Store, []store.Frame) error { return errors.New("disk on fire") },
		"all on disk": func(s ingest.Store, f []store.Frame) error {
			return errors.Join(s.Append(f), errors.New("disk on fire"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			st, err := store.Open(t.TempDir(), store.RetentionSettings{}, nil)
			if err != nil {
				t.Fatal(err)
			}
			f := &faulty{Store: st}
			g := startOver(t, st, f)
			bystander := g.connect("pi-2", "lte")
			c := g.connect("pi", "lte")
			g.send(c, &wire.Table{Data: table})
			g.sendFrame(c, readings(t, "pi", 9, 1, 3, 0))
			g.wantAck(c, 9, set(span(1, 3)))

			before := st.Generation()
			f.set(fault)
			g.sendFrame(c, readings(t, "pi", 9, 4, 3, 0))
			c.waitClosed(t)
			g.Gone(c)
			for changed := st.Changed(); st.Generation() == before; changed = st.Changed() {
				<-changed
			}
			if len(c.messages) != 0 {
				t.Fatalf("after a failed commit the node was told %+v", c.messages)
			}

			c = g.connect("pi", "lte")
			g.send(c, &wire.Table{Data: table})
			g.sendFrame(c, readings(t, "pi", 9, 4, 3, 0))
			g.wantAck(c, 9, set(span(1, 6)))
			g.wantStored("pi", want(9, 1, 6, 0)...)
			if bystander.closed != nil {
				t.Fatal("a connection without a frame in the commit was ended")
			}
			if s := g.Status(); s.Failed != 1 {
				t.Fatalf("%d failed commits counted, want 1", s.Failed)
			}
		})
	}
}

func TestFullDisk(t *testing.T) {
	st, err := store.Open(t.TempDir(), store.RetentionSettings{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	f := &faulty{Store: st}
	g := startOver(t, st, f)
	c := g.connect("pi", "lte")
	g.send(c, &wire.Table{Data: table})
	f.set(func(ingest.Store, []store.Frame) error { return store.ErrFull })
	g.sendFrame(c, readings(t, "pi", 9, 1, 3, 0))
	if r := nextAs[*wire.Refusal](t, c); r.Reason != wire.Busy || r.Wait == 0 || r.First != 1 || r.Count != 3 {
		t.Fatalf("refusal %+v, want busy with a wait", r)
	}
	g.wantStored("pi")
	g.sendFrame(c, readings(t, "pi", 9, 1, 3, 0))
	g.wantAck(c, 9, set(span(1, 3)))
	g.wantStored("pi", want(9, 1, 3, 0)...)
}

// copyDir takes the folder as a power cut, or a backup, would find it.
func copyDir(t *testing.T, from string) string {
	t.Helper()
	for {
		to := t.TempDir()
		err := os.CopyFS(to, os.DirFS(from))
		if err == nil {
			return to
		}
		if !errors.Is(err, fs.ErrNotExist) { // a file got its name, or went, between listing and copying
			t.Fatal(err)
		}
	}
}

// A copy of the folder taken while the gateway runs is what a kill leaves: everything that was acked is in it.
func TestKilled(t *testing.T) {
	dir := t.TempDir()
	g := start(t, dir)
	c := g.connect("pi", "lte")
	g.send(c, &wire.Table{Data: table})
	g.sendFrame(c, readings(t, "pi", 9, 1, 3, 0))
	g.wantAck(c, 9, set(span(1, 3)))
	if err := g.store.Checkpoint(); err != nil {
		t.Fatal(err)
	}
	g.sendFrame(c, readings(t, "pi", 9, 6, 3, 0))
	g.wantAck(c, 9, set(span(6, 8)))
	left := copyDir(t, dir)

	g2 := start(t, left)
	g2.wantStored("pi", append(want(9, 1, 3, 0), want(9, 6, 8, 0)...)...)
	if l := g2.lane("pi", 9); l.Stored != 6 || !l.Missing.Equal(set(span(4, 5))) {
		t.Fatalf("lane %+v, want 6 stored and 4…5 missing", l)
	}
	c = g2.connect("pi", "lte")
	g2.send(c, &wire.Table{Data: table})
	g2.sendFrame(c, readings(t, "pi", 9, 1, 8, 0))
	g2.wantAck(c, 9, set(span(1, 8)))
	g2.wantStored("pi", want(9, 1, 8, 0)...)
	if g2.store.ID() != g.store.ID() || g2.store.Generation() == g.store.Generation() {
		t.Fatal("want the same store in another generation")
	}
}

// A gateway put back to an older copy of its folder says so, and gets again what the node still keeps; what it does not keep is lost by name.
func TestGatewayRestored(t *testing.T) {
	dir := t.TempDir()
	g := start(t, dir)
	c := g.connect("pi", "lte")
	g.send(c, &wire.Table{Data: table})
	g.sendFrame(c, readings(t, "pi", 9, 1, 3, 0))
	g.wantAck(c, 9, set(span(1, 3)))
	backup := copyDir(t, dir)
	g.sendFrame(c, readings(t, "pi", 9, 4, 6, 0))
	g.wantAck(c, 9, set(span(1, 9)))
	g.stop()

	r := start(t, backup)
	c = r.connect("pi", "lte")
	w := r.hello(c, &wire.Hello{Store: r.store.ID(), Epochs: []wire.Epoch{{Epoch: 9, Lanes: []wire.Lane{
		{Lane: telemetry.Live, First: 1, Next: 10, Kept: set(span(6, 9))},
	}}}})
	if w.Generation == g.store.Generation() || len(w.Stored) != 1 || !w.Stored[0].Ranges.Equal(set(span(1, 3))) {
		t.Fatalf("welcome %+v, want another generation and 1…3", w)
	}
	if l := r.lane("pi", 9); !l.Missing.Equal(set(span(6, 9))) || len(l.Lost) != 1 || l.Lost[0].Range != span(4, 5) {
		t.Fatalf("lane %+v, want 6…9 missing and 4…5 lost", l)
	}
	r.send(c, &wire.Table{Data: table})
	r.sendFrame(c, readings(t, "pi", 9, 6, 4, 0))
	r.wantAck(c, 9, set(span(6, 9)))
	r.wantStored("pi", append(want(9, 1, 3, 0), want(9, 6, 9, 0)...)...)
}

// A node put back to an older copy of its card draws a new epoch and gives out again sequences that the gateway has of the parent. They
// are other records; the parent's tail stays; and somebody is told.
func TestNodeRolledBack(t *testing.T) {
	dir := t.TempDir()
	g := start(t, dir)
	c := g.connect("pi", "lte")
	g.send(c, &wire.Table{Data: table})
	g.sendFrame(c, readings(t, "pi", 9, 1, 10, 0))
	g.wantAck(c, 9, set(span(1, 10)))

	c = g.connect("pi", "lte")
	w := g.hello(c, &wire.Hello{Epochs: []wire.Epoch{
		{Epoch: 9, Lanes: []wire.Lane{{Lane: telemetry.Live, First: 1, Next: 6, Kept: set(span(1, 5))}}},
		{Epoch: 11, Parent: 9, Lanes: []wire.Lane{{Lane: telemetry.Live, First: 6, Next: 9, Kept: set(span(6, 8))}}},
	}})
	if len(w.Stored) != 1 || w.Stored[0].Epoch != 9 {
		t.Fatalf("welcome says %+v: nothing of epoch 11 is stored", w.Stored)
	}
	g.send(c, &wire.Table{Data: table})
	g.sendFrame(c, readings(t, "pi", 11, 6, 3, 1))
	g.wantAck(c, 11, set(span(6, 8)))

	both := append(want(9, 1, 5, 0),
		"9/6=6", "11/6=1000006", "9/7=7", "11/7=1000007", "9/8=8", "11/8=1000008", "9/9=9", "9/10=10")
	g.wantStored("pi", both...)
	flagged := func(g *gateway) {
		t.Helper()
		if rb := g.store.Status().RolledBack; len(rb) != 1 || rb[0] != (store.RolledBack{Node: "pi", Epoch: 9}) {
			t.Fatalf("rolled back: %v, want epoch 9 of pi", rb)
		}
	}
	flagged(g)

	// The old card still runs somewhere, and sends more of the parent.
	old := g.connect("pi", "wifi")
	g.send(old, &wire.Table{Data: table})
	g.sendFrame(old, readings(t, "pi", 9, 11, 1, 0))
	g.wantAck(old, 9, set(span(1, 11)))
	g.wantStored("pi", append(both, "9/11=11")...)
	g.stop()
	flagged(start(t, dir))
}

func TestSecondProcess(t *testing.T) {
	dir := t.TempDir()
	start(t, dir)
	_, err := store.Open(dir, store.RetentionSettings{}, nil)
	if err == nil {
		t.Fatal("two stores over one folder")
	}
	if _, err := os.Stat(filepath.Join(dir, "lock")); err != nil {
		t.Fatal(err)
	}
}
