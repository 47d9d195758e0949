package lane_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"fieldpost/edge/clock"
	"fieldpost/edge/lane"
	"fieldpost/forwarder"
	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
	"fieldpost/telemetry/ranges"
	"fieldpost/telemetry/wire"
)

// ticker is a clock source under the test's hand.
type ticker struct {
	mu    sync.Mutex
	wall  telemetry.Time
	mono  int64
	trust telemetry.ClockState
}

func newTicker() *ticker {
	return &ticker{wall: telemetry.TimeOf(time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)), mono: 5e9, trust: telemetry.ClockSync}
}

func (t *ticker) Read() (telemetry.Time, int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.wall, t.mono
}

func (t *ticker) Mono() int64 { _, mono := t.Read(); return mono }

func (t *ticker) Trust() telemetry.ClockState {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.trust
}

func (t *ticker) step(d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.wall += telemetry.Time(d)
}

// open opens a book on dir and runs it until the returned stop, which is also the test's cleanup.
func open(t *testing.T, o lane.Options) (*lane.Book, func()) {
	t.Helper()
	if o.Node == "" {
		o.Node = "pi-7"
	}
	if o.Clock == nil {
		o.Clock = newTicker()
	}
	if o.MaxSize == 0 {
		o.MaxSize = 64 << 20
	}
	if o.CommitEvery == 0 {
		o.CommitEvery = time.Millisecond
	}
	if o.BootID == 0 {
		o.BootID = 77
	}
	o.Log = slog.New(slog.DiscardHandler)
	b, err := lane.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	stop := sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return b, stop
}

func series(t *testing.T, b *lane.Book, device, metric string) lane.SeriesID {
	t.Helper()
	id, err := b.Describe(lane.Description{Device: device, Metric: metric, Unit: "Cel"})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// add queues readings with the given values.
func add(t *testing.T, b *lane.Book, l telemetry.Lane, id lane.SeriesID, values ...float64) {
	t.Helper()
	now, regime := b.Clock().Now()
	recs := make([]frame.Record, len(values))
	for i, v := range values {
		recs[i] = frame.Record{Series: uint32(id), Time: now + telemetry.Time(i), Value: telemetry.Float(v)}
	}
	if err := b.Add(context.Background(), l, regime, recs); err != nil {
		t.Fatal(err)
	}
}

// wait waits until ok holds, looking again at each commit.
func wait(t *testing.T, b *lane.Book, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		changed := b.Changed()
		if ok() {
			return
		}
		select {
		case <-changed:
		case <-time.After(50 * time.Millisecond): // what changes without a commit
		case <-deadline:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// state returns what the hello says of a lane under the open epoch.
func state(b *lane.Book, l telemetry.Lane) (wire.Epoch, wire.Lane) {
	h := b.Hello()
	e := h.Epochs[len(h.Epochs)-1]
	for _, x := range e.Lanes {
		if x.Lane == l {
			return e, x
		}
	}
	return e, wire.Lane{}
}

// stored reads all values of a lane with their identities.
func stored(t *testing.T, b *lane.Book, l telemetry.Lane) (values []float64, ids []telemetry.Identity) {
	t.Helper()
	for seq := uint64(0); ; {
		got, err := b.Frames(l, seq, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) == 0 {
			return values, ids
		}
		for _, s := range got {
			h, recs, err := frame.Decode(s.Data, nil)
			if err != nil {
				t.Fatal(err)
			}
			for i, r := range recs {
				values = append(values, r.Value.Float())
				ids = append(ids, telemetry.Identity{Node: h.Node, Epoch: h.Epoch, Lane: h.Lane, Seq: h.First + uint64(i)})
			}
			seq = h.Last() + 1
		}
	}
}

func count(n int) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = float64(i)
	}
	return v
}

func TestRecordsAreNumberedAndComeBack(t *testing.T) {
	dir := t.TempDir()
	b, stop := open(t, lane.Options{Dir: dir})
	id := series(t, b, "boiler", "temperature")
	for _, v := range count(100) {
		add(t, b, telemetry.Live, id, v)
	}
	wait(t, b, "100 records", func() bool { _, l := state(b, telemetry.Live); return l.Next == l.First+100 })
	first, lane1 := state(b, telemetry.Live)
	values, ids := stored(t, b, telemetry.Live)
	if !slices.Equal(values, count(100)) {
		t.Fatalf("values %v", values)
	}
	if !lane1.Kept.Equal(ranges.Make(ranges.Of(lane1.First, 100))) {
		t.Fatalf("kept %v", lane1.Kept)
	}
	head, err := b.Frames(telemetry.Live, lane1.First, 1)
	if err != nil {
		t.Fatal(err)
	}
	table, err := b.Table(head[0].Header.Table)
	if err != nil {
		t.Fatal(err)
	}
	if decoded, err := frame.DecodeTable(table); err != nil || decoded.Series()[0].Device != "boiler" || decoded.Series()[0].Name != "temperature" {
		t.Fatalf("table %+v, %v", decoded, err)
	}
	stop()

	b, _ = open(t, lane.Options{Dir: dir})
	second, lane2 := state(b, telemetry.Live)
	if second.Parent != first.Epoch || second.Epoch == first.Epoch {
		t.Fatalf("epoch %v of parent %v after %v", second.Epoch, second.Parent, first.Epoch)
	}
	if lane2.First != lane1.Next {
		t.Fatalf("the new epoch begins at %d, want %d", lane2.First, lane1.Next)
	}
	id = series(t, b, "boiler", "temperature")
	add(t, b, telemetry.Live, id, 100)
	wait(t, b, "one more", func() bool { _, l := state(b, telemetry.Live); return l.Next == l.First+1 })
	values, again := stored(t, b, telemetry.Live)
	if !slices.Equal(values, count(101)) || !slices.Equal(again[:100], ids) {
		t.Fatalf("after the restart: %v", again)
	}
	if last := again[100]; last.Epoch != second.Epoch || last.Seq != ids[99].Seq+1 {
		t.Fatalf("last identity %v after %v", last, ids[99])
	}
	if h := b.Hello(); len(h.Epochs) != 2 || h.Epochs[0].Epoch != first.Epoch || len(h.Boots) != 1 {
		t.Fatalf("hello %+v", h)
	}
}

func TestClockStepCutsTheFrame(t *testing.T) {
	source := newTicker()
	b, _ := open(t, lane.Options{Dir: t.TempDir(), Clock: source, CommitEvery: time.Hour})
	id := series(t, b, "boiler", "temperature")
	add(t, b, telemetry.Live, id, 0, 1)
	source.step(time.Hour)
	b.Clock().Refresh()
	add(t, b, telemetry.Live, id, 2)
	// Fill up to where a commit does not wait for the hour.
	add(t, b, telemetry.Live, id, make([]float64, 20000)...)
	wait(t, b, "the commit", func() bool { _, l := state(b, telemetry.Live); return l.Next > l.First })
	got, err := b.Frames(telemetry.Live, 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	next, err := b.Frames(telemetry.Live, got[0].Header.Last()+1, 1)
	if err != nil {
		t.Fatal(err)
	}
	if got[0].Header.Count != 2 || next[0].Header.Offset-got[0].Header.Offset != int64(time.Hour) {
		t.Fatalf("frames: %+v, %+v", got[0].Header, next[0].Header)
	}
}

func TestEventsAreCommittedAtOnce(t *testing.T) {
	b, _ := open(t, lane.Options{Dir: t.TempDir(), CommitEvery: time.Hour})
	now, regime := b.Clock().Now()
	want := telemetry.Event{Device: "boiler", Pattern: "silent", State: telemetry.Raised, Severity: telemetry.Warning, Time: now, Message: "m"}
	if err := b.AddEvent(context.Background(), regime, want); err != nil {
		t.Fatal(err)
	}
	wait(t, b, "the event", func() bool { _, l := state(b, telemetry.Alarm); return l.Next > l.First })
	got, err := b.Frames(telemetry.Alarm, 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	_, events, err := frame.DecodeEvents(got[0].Data)
	if err != nil || len(events) != 1 || fmt.Sprint(events[0]) != fmt.Sprint(want) {
		t.Fatalf("events %+v, %v", events, err)
	}
}

// fill adds n incompressible readings and waits for them.
func fill(t *testing.T, b *lane.Book, id lane.SeriesID, n int) {
	t.Helper()
	_, before := state(b, telemetry.Live)
	for done := 0; done < n; {
		k := min(1000, n-done)
		v := make([]float64, k)
		for i := range v {
			x := uint64(done+i+1) * 0x9E3779B97F4A7C15
			v[i] = float64(x>>11) * 1.0000001e-3
		}
		add(t, b, telemetry.Live, id, v...)
		done += k
	}
	wait(t, b, "the filling", func() bool { _, l := state(b, telemetry.Live); return l.Next == before.Next+uint64(n) })
}

func TestFullLanesGiveRoomOldestFirst(t *testing.T) {
	for _, acked := range []bool{false, true} {
		t.Run(fmt.Sprintf("acked=%v", acked), func(t *testing.T) {
			b, _ := open(t, lane.Options{Dir: t.TempDir(), MaxSize: 2 << 20, SegmentSize: 256 << 10})
			id := series(t, b, "boiler", "noise")
			e, before := state(b, telemetry.Live)
			const n = 400_000
			for range 4 {
				fill(t, b, id, n/4)
				if acked {
					_, l := state(b, telemetry.Live)
					b.Acked(forwarder.Said{Store: wire.StoreID{1}, Generation: 1, All: true, Stored: []wire.Stored{{Epoch: e.Epoch, Lane: telemetry.Live, Ranges: ranges.Make(ranges.Range{From: l.First, To: l.Next - 1})}}})
				}
			}
			wait(t, b, "room", func() bool { return b.Status().Size <= 2<<20 })
			_, l := state(b, telemetry.Live)
			whole := ranges.Make(ranges.Of(before.First, n))
			gone := whole.Minus(l.Kept)
			if gone.Empty() || len(gone.Ranges()) != 1 || gone.Ranges()[0].From != before.First {
				t.Fatalf("gone: %v of %v", gone, whole)
			}
			var lost ranges.Set
			for _, x := range l.Lost {
				if x.Reason != wire.Full || x.Time == 0 {
					t.Fatalf("loss %+v", x)
				}
				lost.Add(x.Range)
			}
			if acked && !lost.Empty() || !acked && !lost.Equal(gone) {
				t.Fatalf("lost %v, gone %v", lost, gone)
			}
		})
	}
}

func TestEpochsAreReadBackFromTheFrames(t *testing.T) {
	dir := t.TempDir()
	var want []wire.Epoch
	for i := range 3 {
		b, stop := open(t, lane.Options{Dir: dir})
		id := series(t, b, "boiler", "temperature")
		add(t, b, telemetry.Live, id, count(10*(i+1))...)
		if i != 1 {
			add(t, b, telemetry.Bulk, id, count(5)...)
		}
		wait(t, b, "records", func() bool {
			_, l := state(b, telemetry.Live)
			_, k := state(b, telemetry.Bulk)
			return l.Next == l.First+uint64(10*(i+1)) && (i == 1 || k.Next == k.First+5)
		})
		want = b.Hello().Epochs
		stop()
	}
	if err := os.Remove(filepath.Join(dir, "state.db")); err != nil {
		t.Fatal(err)
	}
	b, _ := open(t, lane.Options{Dir: dir})
	got := b.Hello().Epochs
	if len(got) != 4 {
		t.Fatalf("epochs %+v", got)
	}
	for i, e := range want {
		if got[i].Epoch != e.Epoch {
			t.Fatalf("epoch %d is %v, want %v", i, got[i].Epoch, e.Epoch)
		}
		for _, l := range e.Lanes {
			at := slices.IndexFunc(got[i].Lanes, func(x wire.Lane) bool { return x.Lane == l.Lane })
			if l.Next == l.First {
				continue
			}
			if at < 0 || got[i].Lanes[at].First != l.First || got[i].Lanes[at].Next != l.Next || !got[i].Lanes[at].Kept.Equal(l.Kept) {
				t.Errorf("epoch %d lane %v: %+v, want %+v", i, l.Lane, got[i].Lanes, l)
			}
		}
	}
}

func TestAckedIsReplacedBackwards(t *testing.T) {
	b, _ := open(t, lane.Options{Dir: t.TempDir()})
	id := series(t, b, "boiler", "temperature")
	add(t, b, telemetry.Live, id, count(100)...)
	wait(t, b, "records", func() bool { _, l := state(b, telemetry.Live); return l.Next == l.First+100 })
	e, l := state(b, telemetry.Live)
	acked := func(n uint64) []wire.Stored {
		return []wire.Stored{{Epoch: e.Epoch, Lane: telemetry.Live, Ranges: ranges.Make(ranges.Of(l.First, n))}}
	}
	waiting := func() uint64 { return b.Status().Lanes[telemetry.Live].Waiting }
	tell := func(generation, n uint64, all bool) {
		b.Acked(forwarder.Said{Store: wire.StoreID{1}, Generation: generation, Stored: acked(n), All: all})
	}
	tell(7, 60, true)
	tell(7, 80, false)
	if waiting() != 20 {
		t.Fatalf("waiting %d", waiting())
	}
	tell(3, 30, true) // the gateway was put back to an older copy
	if waiting() != 70 {
		t.Fatalf("waiting %d after the gateway went back", waiting())
	}
	tell(7, 90, false) // another link hears late of what went with the old one
	tell(7, 80, true)
	tell(9, 90, false) // of a generation that nobody has met
	if waiting() != 70 {
		t.Fatalf("waiting %d after the word of a generation that is over", waiting())
	}
	tell(3, 1000, false) // more than this card ever issued: of another card's
	if waiting() != 0 {
		t.Fatalf("waiting %d", waiting())
	}
	add(t, b, telemetry.Live, id, 1)
	wait(t, b, "one more", func() bool { _, x := state(b, telemetry.Live); return x.Next == l.Next+1 })
	if waiting() != 1 {
		t.Fatalf("a record was taken for acknowledged before it was issued: waiting %d", waiting())
	}
}

func TestTheFolderBelongsToOneNodeAndOneProcess(t *testing.T) {
	dir := t.TempDir()
	_, stop := open(t, lane.Options{Dir: dir})
	o := lane.Options{Dir: dir, Node: "pi-7", MaxSize: 64 << 20, Clock: newTicker(), BootID: 1, Log: slog.New(slog.DiscardHandler)}
	if _, err := lane.Open(o); err == nil {
		t.Fatal("opened twice")
	}
	stop()
	o.Node = "pi-8"
	if _, err := lane.Open(o); err == nil {
		t.Fatal("opened for another node")
	}
}

var _ clock.Source = (*ticker)(nil)
