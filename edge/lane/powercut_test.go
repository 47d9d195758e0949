package lane_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"fieldpost/edge/lane"
	"fieldpost/forwarder"
	"fieldpost/powercut"
	"fieldpost/powercut/cuttest"
	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
	"fieldpost/telemetry/ranges"
	"fieldpost/telemetry/wire"
)

// cutOptions are those of a node whose segments are so small that they come and go within a life.
func cutOptions(dir string, boot uint64) lane.Options {
	return lane.Options{
		Dir: dir, Node: "pi-7", MaxSize: 3 << 20, SegmentSize: 64 << 10, CommitEvery: 2 * time.Millisecond, Clock: newTicker(), BootID: boot,
		Limits: map[telemetry.Lane]lane.Limit{telemetry.Archive: {Size: 256 << 10}}, Log: slog.New(slog.DiscardHandler),
	}
}

// content reads what a book has of its lanes, by identity: of a reading its value, of an event its message.
func content(b *lane.Book) (map[telemetry.Identity]string, error) {
	all := make(map[telemetry.Identity]string)
	for _, l := range telemetry.Lanes() {
		for seq := uint64(0); ; {
			got, err := b.Frames(l, seq, 1<<20)
			if err != nil {
				return nil, err
			}
			if len(got) == 0 {
				break
			}
			for _, s := range got {
				at := telemetry.Identity{Node: s.Header.Node, Epoch: s.Header.Epoch, Lane: l, Seq: s.Header.First}
				if l == telemetry.Alarm {
					_, events, err := frame.DecodeEvents(s.Data)
					if err != nil {
						return nil, err
					}
					for _, e := range events {
						all[at] = e.Message
						at.Seq++
					}
				} else {
					_, recs, err := frame.Decode(s.Data, nil)
					if err != nil {
						return nil, err
					}
					for _, r := range recs {
						all[at] = r.Value.String()
						at.Seq++
					}
				}
				seq = s.Header.Last() + 1
			}
		}
	}
	return all, nil
}

// life is a book in use.
type life struct {
	*lane.Book
	stop  func() error
	acked sync.Mutex // held while a gateway says what it has
	said  map[telemetry.Lane]ranges.Set
}

// live opens a book and has it fed until stop, which may find the disk gone.
func live(t *testing.T, o lane.Options, r *rand.Rand, known map[telemetry.Lane]ranges.Set) *life {
	t.Helper()
	b, err := lane.Open(o)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	l := &life{Book: b, said: known}
	ctx, cancel := context.WithCancel(context.Background())
	running, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	var feeders sync.WaitGroup
	for _, which := range telemetry.Lanes() {
		own := rand.New(rand.NewPCG(r.Uint64(), 0))
		id := series(t, b, "boiler", fmt.Sprintf("m%d", own.IntN(5)))
		feeders.Go(func() {
			for {
				select {
				case <-running:
					return
				case <-time.After(time.Duration(own.IntN(4000)) * time.Microsecond):
				}
				feed(b, which, id, own)
				if own.IntN(20) == 0 {
					l.acknowledge(which)
				}
			}
		})
	}
	l.stop = sync.OnceValue(func() error {
		close(running)
		feeders.Wait()
		cancel()
		if err := <-done; err != nil {
			b.Close() // the first error is the one that counts
			return err
		}
		return b.Close()
	})
	return l
}

// feed adds a few records that are unlike all others.
func feed(b *lane.Book, which telemetry.Lane, id lane.SeriesID, r *rand.Rand) {
	now, regime := b.Clock().Now()
	if which == telemetry.Alarm {
		state := telemetry.Raised
		if r.IntN(2) == 0 {
			state = telemetry.Cleared
		}
		// The book may be stopping.
		_ = b.AddEvent(context.Background(), regime, telemetry.Event{Device: "boiler", Pattern: fmt.Sprint("p", r.IntN(3)), State: state, Time: now, Message: strconv.FormatUint(r.Uint64(), 36)})
		return
	}
	recs := make([]frame.Record, 1+r.IntN(60))
	for i := range recs {
		recs[i] = frame.Record{Series: uint32(id), Time: now + telemetry.Time(i), Value: telemetry.Float(r.Float64())}
	}
	_ = b.Add(context.Background(), which, regime, recs)
}

// acknowledge has a gateway say that it has some of a lane.
func (l *life) acknowledge(which telemetry.Lane) {
	l.acked.Lock()
	defer l.acked.Unlock()
	said := forwarder.Said{Store: wire.StoreID{1}, Generation: 1, All: true}
	for _, e := range l.Hello().Epochs {
		for _, x := range e.Lanes {
			set := l.said[x.Lane]
			if x.Lane == which {
				set.AddAll(x.Kept)
				l.said[which] = set
			}
			said.Stored = append(said.Stored, wire.Stored{Epoch: e.Epoch, Lane: x.Lane, Ranges: set.Intersect(x.Kept)})
		}
	}
	l.Acked(said)
}

// checkCut opens what a cut left of a book and compares it with what the book had told before, and with what the book has: a record that it has let go since may
// be there or not.
func (l *life) checkCut(t *testing.T, left string, boot uint64, told wire.Hello, acked map[telemetry.Lane]ranges.Set, before map[telemetry.Identity]string) (promised int) {
	t.Helper()
	still := map[telemetry.Lane]ranges.Set{}
	for _, e := range l.Hello().Epochs {
		for _, x := range e.Lanes {
			set := still[x.Lane]
			set.AddAll(x.Kept)
			still[x.Lane] = set
		}
	}
	b, err := lane.Open(cutOptions(left, boot))
	if err != nil {
		t.Fatalf("open after a cut: %v", err)
	}
	defer func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}()
	after, err := content(b)
	if err != nil {
		t.Fatal(err)
	}
	now := b.Hello()
	opened := now.Epochs[len(now.Epochs)-1]
	for _, e := range told.Epochs {
		if e.Epoch == opened.Epoch {
			t.Fatalf("epoch %v is drawn a second time", e.Epoch)
		}
		for _, x := range e.Lanes {
			if at := opened.Lanes[x.Lane].First; at < x.Next {
				t.Fatalf("%v: the new epoch begins at %d, and %d was told to be the next", x.Lane, at, x.Next)
			}
			for r := range x.Kept.Intersect(still[x.Lane]).All() {
				for seq := r.From; seq <= r.To; seq++ {
					at := telemetry.Identity{Node: "pi-7", Epoch: e.Epoch, Lane: x.Lane, Seq: seq}
					if after[at] == "" || after[at] != before[at] {
						t.Fatalf("%v was told to be kept as %q, and is %q", at, before[at], after[at])
					}
					promised++
				}
			}
		}
	}
	for _, e := range now.Epochs {
		for _, x := range e.Lanes {
			for _, loss := range x.Lost {
				if loss.Reason == wire.Damaged && !ranges.Make(loss.Range).Intersect(still[x.Lane]).Empty() {
					t.Fatalf("%v: %v counts as damaged after a cut", x.Lane, loss)
				}
			}
		}
	}
	for _, s := range b.Stored(wire.StoreID{1}) {
		if lie := s.Ranges.Minus(acked[s.Lane]); !lie.Empty() {
			t.Fatalf("%v: %v counts as acknowledged, and never was", s.Lane, lie)
		}
	}
	return promised
}

// TestPowerCut cuts the power of a node's disk again and again while all lanes are written, segments come and go and a gateway acknowledges. Whatever the
// node had told a gateway to have is there, under the same identity and with the same content; sequences never run backwards; nothing counts as
// acknowledged that was not.
func TestPowerCut(t *testing.T) {
	m := cuttest.Mount(t)
	r := rand.New(rand.NewPCG(7, 7))
	tmp := cuttest.TempDir(t)
	left, promised, boot := "", 0, uint64(1)
	known := map[telemetry.Lane]ranges.Set{}
	for cut, n := 0, 0; cut < cuttest.Count(t); n++ {
		name := fmt.Sprint(n)
		dir := filepath.Join(m.Dir, name)
		if left != "" {
			cuttest.Copy(t, dir, left)
			check(t, m.Settle())
		}
		boot++
		l := live(t, cutOptions(dir, boot), r, known)
		for range 1 + r.IntN(4) {
			time.Sleep(time.Duration(r.IntN(50)) * time.Millisecond) // an instant is what is drawn here; nothing waits for it
			told := l.Hello()
			last := left
			left = filepath.Join(tmp, fmt.Sprint(cut))
			_, err := m.Cut(name, left, r.Uint64())
			check(t, err)
			l.acked.Lock()
			acked := map[telemetry.Lane]ranges.Set{}
			for which, set := range l.said {
				acked[which] = set.Clone()
			}
			l.acked.Unlock()
			before, err := content(l.Book)
			check(t, err)
			looked := left + "-looked-at"
			cuttest.Copy(t, looked, left)
			promised += l.checkCut(t, looked, boot+1, told, acked, before)
			check(t, os.RemoveAll(looked))
			check(t, os.RemoveAll(last))
			cut++
		}
		if err := l.stop(); err != nil {
			t.Fatal(err)
		}
		known = l.said
		check(t, m.Forget(name))
	}
	t.Logf("%d cuts; %d records that had been told of, counted at each cut, were all there", cuttest.Count(t), promised)
	if promised == 0 {
		t.Error("nothing was promised, so nothing was shown")
	}
}

// TestDiskThatLies shows that the tests above can fail: a disk that says that it has synced, and has not, costs what was promised.
func TestDiskThatLies(t *testing.T) {
	m := cuttest.Mount(t)
	r := rand.New(rand.NewPCG(8, 8))
	check(t, os.Mkdir(filepath.Join(m.Dir, "0"), 0o700))
	l := live(t, cutOptions(filepath.Join(m.Dir, "0", "journal"), 1), r, map[telemetry.Lane]ranges.Set{})
	defer l.stop()
	wait(t, l.Book, "records", func() bool { return l.Status().Lanes[telemetry.Live].Stored > 1000 })
	check(t, m.Suffer(powercut.Faults{Lying: true}))
	most := l.Status().Lanes[telemetry.Live].Stored
	wait(t, l.Book, "more records", func() bool { return l.Status().Lanes[telemetry.Live].Stored > most+1000 })
	told, missing := l.Hello(), 0
	left := filepath.Join(cuttest.TempDir(t), "left")
	_, err := m.Cut("0", left, 1)
	check(t, err)
	b, err := lane.Open(cutOptions(filepath.Join(left, "journal"), 2))
	check(t, err)
	defer b.Close()
	after, err := content(b)
	check(t, err)
	for _, e := range told.Epochs {
		for _, x := range e.Lanes {
			for s := range x.Kept.All() {
				for seq := s.From; seq <= s.To; seq++ {
					if _, ok := after[telemetry.Identity{Node: "pi-7", Epoch: e.Epoch, Lane: x.Lane, Seq: seq}]; !ok {
						missing++
					}
				}
			}
		}
	}
	if missing == 0 {
		t.Error("a disk that lies cost nothing: a cut does not cut")
	}
	t.Logf("%d records that a lying disk had promised are gone", missing)
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
