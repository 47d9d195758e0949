package store

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"fieldpost/api"
	"fieldpost/configs/setting"
	"fieldpost/powercut"
	"fieldpost/powercut/cuttest"
	"fieldpost/telemetry"
	"fieldpost/telemetry/ranges"
	"fieldpost/telemetry/wire"
)

func TestMain(m *testing.M) { cuttest.Main(m) }

// nodesCut are those that send while the power fails.
var nodesCut = []string{"a", "b", "c"}

// openCut opens a store with segments so small that they come and go within a life.
func openCut(dir string, keep int64) (*Store, error) {
	s := newStore(dir, RetentionSettings{MaxSize: setting.Size(keep)}, slog.New(slog.DiscardHandler))
	s.segmentSize, s.reserve = 32<<10, 0
	s.free = func() (int64, error) { return 1 << 40, nil }
	return s, s.start()
}

// promises are what a store has acknowledged of its nodes.
type promises struct {
	mu    sync.Mutex
	acked map[string]ranges.Set
	next  map[string]uint64
}

// snapshot returns what is promised.
func (p *promises) snapshot() map[string]ranges.Set {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make(map[string]ranges.Set)
	for node, set := range p.acked {
		out[node] = set.Clone()
	}
	return out
}

// feedCut appends frames of a node until stop is closed or the store takes no more: now and then one that leaves a hole, which comes later, and hellos and
// checkpoints between.
func (p *promises) feedCut(t *testing.T, s *Store, node string, stop <-chan struct{}, r *rand.Rand) {
	var holes []ranges.Range
	for {
		select {
		case <-stop:
			return
		default:
		}
		p.mu.Lock()
		at := p.next[node] + 1
		n := uint64(1 + r.IntN(80))
		p.next[node] += n
		p.mu.Unlock()
		span := ranges.Of(at, n)
		switch k := r.IntN(12); {
		case k == 0:
			holes = append(holes, span)
			continue
		case k == 1 && len(holes) > 0: // late
			holes = append(holes, span)
			span, holes = holes[0], holes[1:]
		}
		if err := s.Append([]Frame{makeFrame(t, node, span.From, span.Len())}); err != nil {
			return
		}
		// What was acknowledged is what Received says, as ingest does it.
		got := s.Received(node, 9, telemetry.Live, span)
		p.mu.Lock()
		set := p.acked[node]
		set.AddAll(got)
		p.acked[node] = set
		p.mu.Unlock()
		switch r.IntN(40) {
		case 0:
			_ = s.Checkpoint() // the disk may be failing
		case 1:
			_, _ = s.Hello(node, &wire.Hello{Link: "lte", Epochs: []wire.Epoch{{Epoch: 9, Lanes: []wire.Lane{{Lane: telemetry.Live, First: 1, Next: at + n}}}}})
		case 2:
			_ = s.Retain()
		}
	}
}

// feedAll has all nodes send until stop.
func (p *promises) feedAll(t *testing.T, s *Store, r *rand.Rand) (stop func()) {
	done := make(chan struct{})
	var feeders sync.WaitGroup
	for _, node := range nodesCut {
		own := rand.New(rand.NewPCG(r.Uint64(), 0))
		feeders.Go(func() { p.feedCut(t, s, node, done, own) })
	}
	return func() {
		close(done)
		feeders.Wait()
	}
}

// checkStore opens what a cut left of a store: all that was acknowledged is known as received, and can be read, and nothing else is known as received that
// cannot be read. With retention only what it let go is gone.
func checkStore(t *testing.T, left string, keep int64, acked map[string]ranges.Set) (promised int) {
	t.Helper()
	s, err := openCut(left, keep)
	if err != nil {
		t.Fatalf("open after a cut: %v", err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	for _, node := range nodesCut {
		received := s.Received(node, 9, telemetry.Live, ranges.Range{From: 0, To: 1 << 40})
		if missing := acked[node].Minus(received); !missing.Empty() {
			t.Fatalf("%v of %s was acknowledged before the cut, and does not count as received; %d segments damaged", missing, node, len(s.disk.journal.Damages()))
		}
		readable := s.sequences(t, node)
		if ghost := received.Minus(readable); keep == 0 && !ghost.Empty() {
			t.Fatalf("%v of %s counts as received, and cannot be read", ghost, node)
		} // with retention what it let go counts as received, and late frames lie between
		if extra := readable.Minus(received); !extra.Empty() {
			t.Fatalf("%v of %s can be read and is not received: it would be stored twice", extra, node)
		}
		promised += int(acked[node].Len())
	}
	for _, d := range s.disk.journal.Damages() {
		t.Errorf("a segment was set aside: %s: %v", filepath.Base(d.Path), d.Cause)
	}
	return promised
}

// TestPowerCut cuts the power of a gateway's disk again and again while frames of three nodes are committed, with late ones, hellos, checkpoints and retention
// between. Whatever was acknowledged is received and readable after each cut, once, with its own content.
func TestPowerCut(t *testing.T) {
	m := cuttest.Mount(t)
	r := rand.New(rand.NewPCG(9, 9))
	tmp := cuttest.TempDir(t)
	left, promised := "", 0
	p := &promises{acked: map[string]ranges.Set{}, next: map[string]uint64{}}
	var keep int64
	for cut, life := 0, 0; cut < cuttest.Count(t); life++ {
		name := fmt.Sprint(life)
		dir := filepath.Join(m.Dir, name)
		if life%6 == 0 { // or a store would grow without end
			left, p = "", &promises{acked: map[string]ranges.Set{}, next: map[string]uint64{}}
			keep = []int64{0, 256 << 10}[r.IntN(2)]
		}
		if left != "" {
			cuttest.Copy(t, dir, left)
			if err := m.Settle(); err != nil {
				t.Fatal(err)
			}
		}
		s, err := openCut(dir, keep)
		if err != nil {
			t.Fatal(err)
		}
		stop := p.feedAll(t, s, r)
		var acked map[string]ranges.Set
		for range 1 + r.IntN(4) {
			time.Sleep(time.Duration(r.IntN(40)) * time.Millisecond) // an instant is what is drawn here; nothing waits for it
			acked = p.snapshot()
			before := left
			left = filepath.Join(tmp, fmt.Sprint(cut))
			if _, err := m.Cut(name, left, r.Uint64()); err != nil {
				t.Fatal(err)
			}
			looked := left + "-looked-at"
			cuttest.Copy(t, looked, left)
			promised += checkStore(t, looked, keep, acked)
			for _, done := range []string{looked, before} {
				if err := os.RemoveAll(done); err != nil {
					t.Fatal(err)
				}
			}
			cut++
		}
		stop()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if err := m.Forget(name); err != nil {
			t.Fatal(err)
		}
		p.acked = maps.Clone(acked) // what came after the cut is gone with it
	}
	t.Logf("%d cuts; %d records that had been acknowledged, counted at each cut, were all there", cuttest.Count(t), promised)
	if promised == 0 {
		t.Error("nothing was promised, so nothing was shown")
	}
}

// TestDiskThatLies shows that the test above can fail.
func TestDiskThatLies(t *testing.T) {
	m := cuttest.Mount(t)
	p := &promises{acked: map[string]ranges.Set{}, next: map[string]uint64{}}
	dir := filepath.Join(m.Dir, "0", "store")
	s, err := openCut(dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Suffer(powercut.Faults{Lying: true}); err != nil {
		t.Fatal(err)
	}
	for n := range uint64(300) {
		if err := s.Append([]Frame{makeFrame(t, "a", 1+n*10, 10)}); err != nil {
			t.Fatal(err)
		}
		set := p.acked["a"]
		set.Add(ranges.Of(1+n*10, 10))
		p.acked["a"] = set
	}
	left := filepath.Join(cuttest.TempDir(t), "left")
	if _, err := m.Cut("0", left, 3); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := openCut(filepath.Join(left, "store"), 0)
	if err != nil {
		t.Logf("what a lying disk left cannot even be opened: %v", err)
		return
	}
	defer again.Close()
	count := 0
	for _, err := range again.Readings(context.Background(), api.Query{Filter: api.Filter{Node: "a"}, From: -1 << 63, To: 1<<63 - 1}) {
		if err != nil {
			t.Fatal(err)
		}
		count++
	}
	if count == 3000 {
		t.Error("a disk that lies cost nothing: a cut does not cut")
	}
	t.Logf("of 3000 readings that a lying disk had promised %d are there", count)
}
