package journal_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"fieldpost/journal"
	"fieldpost/journal/front"
	"fieldpost/powercut"
	"fieldpost/powercut/cuttest"
)

// twins are two journals behind one front file, as a node has them, and what is known of what they were given.
type twins struct {
	front    *front.Front
	journals [2]*journal.Journal

	gate   sync.RWMutex // closed while a cut is looked at, so that this does not take long
	drops  sync.Mutex   // held by who drops, and from before a look at what was promised until the cut
	mu     sync.Mutex
	acked  [2]map[uint64][]byte // by position: what Append returned for, and nobody asked to be dropped
	given  map[uint64]struct{}  // numbers of all entries that were ever handed in
	number uint64
}

func newTwins() *twins {
	return &twins{acked: [2]map[uint64][]byte{{}, {}}, given: map[uint64]struct{}{}}
}

// openTwins opens what is in dir. The damages are of both journals.
func openTwins(dir string) (f *front.Front, js [2]*journal.Journal, damages []journal.Damage, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, js, nil, err
	}
	// As small as can be, so that folds and segments come often.
	if f, err = front.Open(dir, binding, front.Options{Size: 1}); err != nil {
		return nil, js, nil, err
	}
	for i := range js {
		var d []journal.Damage
		js[i], d, err = journal.Open(filepath.Join(dir, fmt.Sprint(i)), journal.Options{
			Binding: binding, SegmentSize: 128 << 10, Front: f, Name: fmt.Sprint("j", i),
		})
		if err != nil {
			return f, js, nil, errors.Join(err, closeTwins(f, js))
		}
		damages = append(damages, d...)
	}
	return f, js, damages, nil
}

func closeTwins(f *front.Front, js [2]*journal.Journal) (err error) {
	for _, j := range js {
		if j != nil {
			err = errors.Join(err, j.Close())
		}
	}
	return errors.Join(err, f.Close())
}

// entry makes one whose bytes say which it is and prove it.
func (w *twins) entry(r *rand.Rand) journal.Entry {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.number++
	w.given[w.number] = struct{}{}
	n := 20 + r.IntN(400)
	if r.IntN(50) == 0 {
		n = 33_000 + r.IntN(10_000) // more than the front takes
	}
	return journal.Entry{Count: uint32(1 + r.IntN(3)), Data: content(w.number, n)}
}

func content(number uint64, n int) []byte {
	b := binary.BigEndian.AppendUint64(nil, number)
	for s := number; len(b) < n; s++ {
		b = binary.BigEndian.AppendUint64(b, s*0x9E3779B97F4A7C15)
	}
	return b
}

// feed appends until stop is closed or the journals take no more.
func (w *twins) feed(stop <-chan struct{}, r *rand.Rand) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		i := r.IntN(len(w.journals))
		e := []journal.Entry{w.entry(r)}
		w.gate.RLock()
		err := w.journals[i].Append(e...)
		w.gate.RUnlock()
		if err != nil {
			return
		}
		w.mu.Lock()
		w.acked[i][e[0].Pos] = e[0].Data
		w.mu.Unlock()
		if segs := w.journals[i].Segments(); len(segs) > 2 && r.IntN(4) == 0 {
			w.drop(i, segs[0])
		}
	}
}

// drop lets the oldest segment go.
func (w *twins) drop(i int, seg journal.Segment) {
	w.drops.Lock()
	defer w.drops.Unlock()
	w.mu.Lock()
	for pos := range w.acked[i] {
		if pos < seg.Next {
			delete(w.acked[i], pos)
		}
	}
	w.mu.Unlock()
	_ = w.journals[i].Drop(seg.First) // somebody else may have been faster; what is gone is not asked for
}

// found reads all that is in two journals and checks that each is whole and was handed in.
func (w *twins) found(t *testing.T, js [2]*journal.Journal) (all [2]map[uint64][]byte) {
	t.Helper()
	for i, j := range js {
		all[i] = map[uint64][]byte{}
		for pos := uint64(0); ; {
			entries, err := j.Read(pos, 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			if len(entries) == 0 {
				break
			}
			for _, e := range entries {
				number := binary.BigEndian.Uint64(e.Data)
				w.mu.Lock()
				_, ok := w.given[number]
				w.mu.Unlock()
				if !ok || !bytes.Equal(e.Data, content(number, len(e.Data))) {
					t.Fatalf("journal %d has at %d what nobody appended", i, e.Pos)
				}
				if e.Pos < pos {
					t.Fatalf("journal %d has %d before %d", i, pos, e.Pos)
				}
				all[i][e.Pos] = e.Data
				pos = e.Pos + uint64(e.Count)
			}
		}
	}
	return all
}

// check opens what a cut left and returns what it has.
func (w *twins) check(t *testing.T, dir string, acked [2]map[uint64][]byte) (damages int) {
	t.Helper()
	f, js, d, err := openTwins(dir)
	if err != nil {
		t.Fatalf("open after a cut: %v", err)
	}
	defer func() { check(t, closeTwins(f, js)) }()
	all := w.found(t, js)
	for i := range acked {
		for pos, data := range acked[i] {
			if !bytes.Equal(all[i][pos], data) {
				t.Fatalf("journal %d: position %d was on the disk before the cut, and holds %d bytes now, not its %d; damages: %v",
					i, pos, len(all[i][pos]), len(data), d)
			}
		}
	}
	for _, x := range d {
		t.Logf("a segment was set aside though nothing in it had been promised: %s: %v", filepath.Base(x.Path), x.Cause)
	}
	return len(d)
}

// look checks a copy of what a cut left while nobody appends.
func (w *twins) look(t *testing.T, left string, acked [2]map[uint64][]byte) (damages int) {
	t.Helper()
	w.gate.Lock()
	defer w.gate.Unlock()
	copied := left + "-looked-at"
	cuttest.Copy(t, copied, left)
	damages = w.check(t, copied, acked)
	check(t, os.RemoveAll(copied))
	return damages
}

// cut loses power, and returns what had been promised by then and was not being dropped.
func (w *twins) cut(t *testing.T, m *powercut.Mounted, name, to string, seed uint64) (acked [2]map[uint64][]byte, n int) {
	t.Helper()
	w.drops.Lock()
	defer w.drops.Unlock()
	w.mu.Lock()
	for i := range w.acked {
		acked[i] = maps.Clone(w.acked[i])
		n += len(acked[i])
	}
	w.mu.Unlock()
	_, err := m.Cut(name, to, seed)
	check(t, err)
	return acked, n
}

// run opens the journals in dir and feeds them while f runs.
func (w *twins) run(t *testing.T, dir string, r *rand.Rand, f func()) {
	t.Helper()
	var err error
	if w.front, w.journals, _, err = openTwins(dir); err != nil {
		t.Fatal(err)
	}
	w.acked = w.found(t, w.journals) // no less than was promised, as check has seen
	stop := make(chan struct{})
	var feeders sync.WaitGroup
	for range 3 {
		own := rand.New(rand.NewPCG(r.Uint64(), 0))
		feeders.Go(func() { w.feed(stop, own) })
	}
	f()
	close(stop)
	feeders.Wait()
	_ = closeTwins(w.front, w.journals) // a disk that fails fails here too
}

// TestPowerCut cuts the power of a disk with two journals behind one front file again and again; after some of the cuts it goes on with what was left.
func TestPowerCut(t *testing.T) {
	bareRun(t)
	m := cuttest.Mount(t)
	r := rand.New(rand.NewPCG(1, 1))
	w := newTwins()
	left, promised, damages, tmp := "", 0, 0, cuttest.TempDir(t)
	for cut, life := 0, 0; cut < cuttest.Count(t); life++ {
		name := fmt.Sprint(life)
		dir := filepath.Join(m.Dir, name)
		if left != "" {
			cuttest.Copy(t, dir, left)
			check(t, m.Settle())
		}
		w.run(t, dir, r, func() {
			for range 1 + r.IntN(5) {
				time.Sleep(time.Duration(r.IntN(60)) * time.Millisecond) // an instant is what is drawn here; nothing waits for it
				left = filepath.Join(tmp, fmt.Sprint(cut))
				acked, n := w.cut(t, m, name, left, r.Uint64())
				damages += w.look(t, left, acked)
				promised += n
				cut++
			}
		})
		check(t, m.Forget(name))
	}
	t.Logf("%d cuts; %d entries that had been promised, counted at each cut, were all there; %d segments set aside", cuttest.Count(t), promised, damages)
	if promised == 0 {
		t.Error("nothing was promised, so nothing was shown")
	}
	if damages > 0 {
		t.Error("a loss of power damages nothing that was finished")
	}
}

// TestDiskFailsForAWhile has everything that would change something fail, or a sync, in the middle of appends. The journals take no more; opened again
// they have all that was promised, also after a cut.
func TestDiskFailsForAWhile(t *testing.T) {
	bareRun(t)
	m := cuttest.Mount(t)
	r := rand.New(rand.NewPCG(2, 2))
	for _, faults := range []powercut.Faults{
		{Errno: syscall.EIO}, {Errno: syscall.EROFS}, {Errno: syscall.ENOSPC}, {BadSyncs: 1}, {BadSyncs: 5},
	} {
		t.Run(fmt.Sprintf("%v_%d", faults.Errno, faults.BadSyncs), func(t *testing.T) {
			w := newTwins()
			name := fmt.Sprint(r.Uint32())
			promised := 0
			for range 4 {
				w.run(t, filepath.Join(m.Dir, name), r, func() {
					time.Sleep(time.Duration(r.IntN(40)) * time.Millisecond) // as above
					check(t, m.Suffer(faults))
					time.Sleep(20 * time.Millisecond)
				})
				check(t, m.Suffer(powercut.Faults{}))
				left := filepath.Join(cuttest.TempDir(t), "left")
				acked, n := w.cut(t, m, name, left, r.Uint64())
				w.check(t, left, acked)
				promised += n
			}
			if promised == 0 {
				t.Error("nothing was promised, so nothing was shown")
			}
		})
	}
}

// bareRun skips a test that brings its own front file where all tests have one.
func bareRun(t *testing.T) {
	t.Helper()
	if os.Getenv(fronted) != "" {
		t.Skip("has a front file anyway")
	}
}
