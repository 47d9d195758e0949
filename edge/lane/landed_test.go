package lane

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"fieldpost/edge/clock"
	"fieldpost/forwarder"
	"fieldpost/journal"
	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
	"fieldpost/telemetry/ranges"
)

type stillClock struct{}

func (stillClock) Read() (telemetry.Time, int64) { return 1_800_000_000_000_000_000, 1 }
func (c stillClock) Mono() int64                 { _, mono := c.Read(); return mono }

func (stillClock) Trust() telemetry.ClockState { return telemetry.ClockSync }

var _ clock.Source = stillClock{}

// book opens a book that nobody runs: the test commits.
func book(t *testing.T, dir string) *Book {
	t.Helper()
	b, err := Open(Options{Dir: dir, Node: "pi-7", MaxSize: 64 << 20, CommitEvery: time.Hour, Clock: stillClock{}, BootID: 1, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

// put queues n readings of the live lane, and commits them if commit is set.
func put(t *testing.T, b *Book, n int, commit bool) {
	t.Helper()
	id, err := b.Describe(Description{Device: "boiler", Metric: "temperature"})
	if err != nil {
		t.Fatal(err)
	}
	now, regime := b.Clock().Now()
	recs := make([]frame.Record, n)
	for i := range recs {
		recs[i] = frame.Record{Series: uint32(id), Time: now, Value: telemetry.Float(float64(i))}
	}
	if err := b.Add(context.Background(), telemetry.Live, regime, recs); err != nil {
		t.Fatal(err)
	}
	if commit {
		if err := b.commit(b.writers[telemetry.Live]); err != nil {
			t.Fatal(err)
		}
	}
}

// land lets a commit of the live lane reach the disk and fail all the same, and returns the epoch it was of.
func land(t *testing.T, b *Book) telemetry.Epoch {
	t.Helper()
	w := b.writers[telemetry.Live]
	tab, err := b.series.current()
	if err != nil {
		t.Fatal(err)
	}
	q := w.take()
	e := b.epoch()
	made, err := w.encode(q, "pi-7", e, tab, w.journal.Next())
	if err == nil {
		err = w.journal.Append(made.entries...)
	}
	if err != nil {
		t.Fatal(err)
	}
	w.settle(q, 0, 0, errors.New("sync: input/output error"))
	return e
}

// check compares the live lane's kept sequences, epoch by epoch, with the frames.
func check(t *testing.T, b *Book, want map[telemetry.Epoch]ranges.Set) {
	t.Helper()
	for _, e := range b.Hello().Epochs {
		for _, l := range e.Lanes {
			if l.Lane != telemetry.Live {
				continue
			}
			if !l.Kept.Equal(want[e.Epoch]) {
				t.Errorf("epoch %v: hello says %v, on disk is %v", e.Epoch, l.Kept, want[e.Epoch])
			}
			delete(want, e.Epoch)
		}
	}
	for e, s := range want {
		if !s.Empty() {
			t.Errorf("hello does not tell of epoch %v, of which %v is on disk", e, s)
		}
	}
	frames, err := b.Frames(telemetry.Live, 0, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range frames {
		i := b.ledger.find(f.Header.Epoch)
		if r, ok := b.ledger.bounds(i, telemetry.Live, b.writers[telemetry.Live].next); !ok || f.Header.First < r.From || f.Header.Last() > r.To {
			t.Errorf("frame %d of epoch %v lies outside %v", f.Header.First, f.Header.Epoch, r)
		}
	}
}

func TestAFailedCommitThatReachedTheDisk(t *testing.T) {
	for name, opened := range map[string]func(t *testing.T, b *Book, dir string) *Book{
		"mended": func(t *testing.T, b *Book, _ string) *Book {
			w := b.writers[telemetry.Live]
			if err := b.mend(w); err != nil {
				t.Fatal(err)
			}
			if n := w.waiting(); n != 2 {
				t.Errorf("%d records wait; 2 came after the commit that failed", n)
			}
			return b
		},
		"restarted": func(t *testing.T, b *Book, dir string) *Book {
			if err := b.Close(); err != nil {
				t.Fatal(err)
			}
			return book(t, dir)
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			b := book(t, dir)
			put(t, b, 10, true)
			put(t, b, 5, false)
			e := land(t, b)
			if err := b.drawEpoch(); err != nil { // for another lane that failed and was mended first
				t.Fatal(err)
			}
			put(t, b, 2, false)
			b = opened(t, b, dir)
			check(t, b, map[telemetry.Epoch]ranges.Set{e: ranges.Make(ranges.Range{From: 1, To: 15})})
		})
	}
}

// Where the new epoch cannot be written down, nothing is appended under the old one.
func TestNoCommitBeforeTheNewEpoch(t *testing.T) {
	b := book(t, t.TempDir())
	put(t, b, 10, true)
	put(t, b, 5, false)
	e := land(t, b)
	if err := b.state.Close(); err != nil {
		t.Fatal(err)
	}
	w := b.writers[telemetry.Live]
	if err := b.mend(w); err == nil {
		t.Fatal("mended without an epoch")
	}
	put(t, b, 3, false)
	if err := b.commit(w); err == nil {
		t.Fatal("committed under the epoch of the failed commit")
	}
	if n := w.waiting(); n != 3 {
		t.Errorf("%d records wait, want the 3 that are on no disk", n)
	}
	check(t, b, map[telemetry.Epoch]ranges.Set{e: ranges.Make(ranges.Range{From: 1, To: 15})})
}

// While one lane cannot be opened again, epochs that another lane begins do not push those of its records out.
func TestEpochsOfALaneThatIsAwayAreNotForgotten(t *testing.T) {
	b := book(t, t.TempDir())
	put(t, b, 10, true)
	e := b.epoch()
	w := b.writers[telemetry.Live]
	j := w.journal
	w.journal = nil
	for range 40 {
		if err := b.drawEpoch(); err != nil {
			t.Fatal(err)
		}
	}
	w.journal = j
	if err := b.drawEpoch(); err != nil {
		t.Fatal(err)
	}
	check(t, b, map[telemetry.Epoch]ranges.Set{e: ranges.Make(ranges.Range{From: 1, To: 10})})
}

// While a lane cannot be opened again, the hello repeats what was kept of it: nobody knows of a loss (delivery rule 13), and the gateway would take
// silence for one.
func TestALaneThatIsAwayIsNotLost(t *testing.T) {
	dir := t.TempDir()
	b := book(t, dir)
	put(t, b, 10, true)
	put(t, b, 5, false)
	e := b.epoch()
	w := b.writers[telemetry.Live]
	folder, aside := filepath.Join(dir, "live"), filepath.Join(dir, "aside")
	if err := errors.Join(os.Rename(folder, aside), os.WriteFile(folder, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	want := ranges.Make(ranges.Range{From: 1, To: 10})
	for range 2 { // tries to mend it
		if err := b.mend(w); err == nil {
			t.Fatal("opened a file as a folder")
		}
		told := false
		for _, x := range b.Hello().Epochs {
			for _, l := range x.Lanes {
				if l.Lane != telemetry.Live || x.Epoch != e {
					continue
				}
				told = true
				if !l.Kept.Equal(want) || l.Next != 11 || len(l.Lost) != 0 || !l.Held.Empty() {
					t.Errorf("hello says %+v", l)
				}
			}
		}
		if !told {
			t.Error("hello leaves the lane out")
		}
		if _, err := b.Frames(telemetry.Live, 1, 1<<20); !errors.Is(err, forwarder.ErrAway) {
			t.Errorf("frames: %v", err)
		}
		if s := b.Status().Lanes[telemetry.Live]; s.Stored != 10 || s.Waiting != 10 || s.Lost != 0 || s.Memory != 5 {
			t.Errorf("status %+v", s)
		}
	}
	if err := errors.Join(os.Remove(folder), os.Rename(aside, folder)); err != nil {
		t.Fatal(err)
	}
	if err := b.mend(w); err != nil {
		t.Fatal(err)
	}
	if err := b.commit(w); err != nil {
		t.Fatal(err)
	}
	last := b.epoch()
	sets := map[telemetry.Epoch]ranges.Set{e: want}
	if last == e {
		t.Fatal("no new epoch")
	}
	sets[last] = ranges.Make(ranges.Range{From: 11, To: 15})
	check(t, b, sets)
}

// A node that stops while its disk is broken, and as many events wait as there is room for, does not wait for room to report damage in.
func TestCloseWhileTheDiskIsBrokenAndMemoryIsFull(t *testing.T) {
	b := book(t, t.TempDir())
	w := b.writers[telemetry.Alarm]
	now, regime := b.Clock().Now()
	events := make([]telemetry.Event, failingMost)
	for i := range events {
		events[i] = telemetry.Event{Device: "boiler", Pattern: "p", State: telemetry.Raised, Time: now}
	}
	if err := w.add(context.Background(), regime, nil, events); err != nil {
		t.Fatal(err)
	}
	w.settle(w.take(), 0, 0, errors.New("sync: input/output error"))
	if n := w.waiting(); n != failingMost {
		t.Fatalf("%d events wait", n)
	}
	for range 3 {
		b.onDamage(telemetry.Live)(journal.Damage{Path: "00000001.db", Cause: errors.New("page 3: checksum")})
	}
	closed := make(chan error, 1)
	go func() { closed <- b.Close() }()
	select {
	case err := <-closed:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("close hangs")
	}
	q := w.take()
	if n := len(q.events); n > failingMost || q.events[n-1].Pattern != DamagePattern {
		t.Errorf("%d events wait, the last one is %+v", n, q.events[n-1])
	}
}

// Of a failed commit only some frames could be saved: what is on disk is not written twice, and the rest, which is in memory still, is not lost.
func TestAFailedCommitThatWasSavedInPart(t *testing.T) {
	for name, c := range map[string]struct {
		dropped int // for want of room, since the commit failed
		want    []float64
	}{
		"all in memory":      {0, []float64{0, 1, 2, 3, 4, 8, 9, 0, 1}},
		"the oldest dropped": {3, []float64{3, 4, 8, 9, 0, 1}},
		"into what is saved": {6, []float64{8, 9, 0, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			b := book(t, t.TempDir())
			put(t, b, 10, true)
			put(t, b, 10, false) // sequences 11…20, of which 16…18 will be saved
			w := b.writers[telemetry.Live]
			e := b.epoch()
			tab, err := b.series.current()
			if err != nil {
				t.Fatal(err)
			}
			q := w.take()
			part := queue{recs: q.recs[5:8], runs: []run{{q.runs[0].regime, 3}}}
			made, err := w.encode(part, "pi-7", e, tab, 16)
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(w.journal.SkipTo(16), w.journal.Append(made.entries...), w.journal.SkipTo(21)); err != nil {
				t.Fatal(err)
			}
			w.settle(q, 0, 0, errors.New("sync: input/output error"))
			put(t, b, 2, false)
			w.mu.Lock()
			w.queue.drop(c.dropped)
			w.gone += uint64(c.dropped)
			w.mu.Unlock()
			if err := b.mend(w); err != nil {
				t.Fatal(err)
			}
			var got []float64
			for _, r := range w.queue.recs {
				got = append(got, r.Value.Float())
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("in memory is %v, want %v", got, c.want)
			}
			if n := len(w.queue.runs); n != 1 || w.queue.runs[0].n != len(c.want) {
				t.Errorf("runs %+v", w.queue.runs)
			}
			if err := b.commit(w); err != nil {
				t.Fatal(err)
			}
			check(t, b, map[telemetry.Epoch]ranges.Set{
				e:         ranges.Make(ranges.Range{From: 1, To: 10}, ranges.Range{From: 16, To: 18}),
				b.epoch(): ranges.Make(ranges.Of(21, uint64(len(c.want)))),
			})
		})
	}
}
