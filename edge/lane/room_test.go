package lane_test

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"fieldpost/edge/lane"
	"fieldpost/forwarder"
	"fieldpost/powercut"
	"fieldpost/powercut/cuttest"
	"fieldpost/telemetry"
	"fieldpost/telemetry/ranges"
	"fieldpost/telemetry/wire"
)

func TestMain(m *testing.M) { cuttest.Main(m) }

// noise returns n values that no coding makes small; from tells them from others.
func noise(from, n int) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = float64(uint64(from+i+1)*0x9E3779B97F4A7C15>>11) * 1.0000001e-3
	}
	return v
}

// load commits n records to a lane, in several commits, and returns their values; an event's is its number.
func load(t *testing.T, b *lane.Book, l telemetry.Lane, from, n int) []float64 {
	t.Helper()
	_, before := state(b, l)
	values := noise(from, n)
	if l == telemetry.Alarm {
		for i := range n {
			values[i] = float64(from + i)
			now, regime := b.Clock().Now()
			e := telemetry.Event{Device: "boiler", Pattern: "p", Time: now, Message: fmt.Sprint(from+i) + strings.Repeat(" x", 1000)}
			if err := b.AddEvent(context.Background(), regime, e); err != nil {
				t.Fatal(err)
			}
		}
	} else {
		id := series(t, b, "boiler", "noise")
		for part := range slices.Chunk(values, 2000) { // what waits when a commit begins is in one segment
			_, x := state(b, l)
			add(t, b, l, id, part...)
			wait(t, b, "a commit", func() bool { _, y := state(b, l); return y.Next == x.Next+uint64(len(part)) })
		}
	}
	wait(t, b, fmt.Sprintf("%d records of %v", n, l), func() bool { _, x := state(b, l); return x.Next == before.Next+uint64(n) })
	return values
}

// acknowledge has a gateway say that it has all of a lane.
func acknowledge(b *lane.Book, lanes ...telemetry.Lane) {
	said := forwarder.Said{Store: wire.StoreID{1}, Generation: 1, All: true}
	for _, l := range lanes {
		e, x := state(b, l)
		said.Stored = append(said.Stored, wire.Stored{Epoch: e.Epoch, Lane: l, Ranges: ranges.Make(ranges.Range{From: x.First, To: x.Next - 1})})
	}
	b.Acked(said)
}

// A full disk takes whole segments: what every gateway has first, then of what none has archive, bulk, live, and alarm last, each oldest first. What went is told
// as lost for want of room, and what is still there is what was put in.
func TestAFullDiskTakesLanesInOrder(t *testing.T) {
	const n = 30_000
	b, _ := open(t, lane.Options{Dir: t.TempDir(), SegmentSize: 64 << 10, Limits: map[telemetry.Lane]lane.Limit{telemetry.Archive: {Size: 16 << 20}}})
	put := map[telemetry.Lane][]float64{}
	for _, l := range telemetry.Lanes() {
		count := n
		if l == telemetry.Alarm {
			count = 150
		}
		put[l] = load(t, b, l, 1000*int(l), count)
	}
	// The oldest live readings are at the gateway: they go before the archive that is not.
	e, x := state(b, telemetry.Live)
	stored1 := ranges.Of(x.First, n/3)
	b.Acked(forwarder.Said{Store: wire.StoreID{1}, Generation: 1, All: true, Stored: []wire.Stored{{Epoch: e.Epoch, Lane: telemetry.Live, Ranges: ranges.Make(stored1)}}})
	for {
		_, x := state(b, telemetry.Live)
		gone := ranges.Make(ranges.Range{From: x.First, To: x.Next - 1}).Minus(x.Kept)
		if over := gone.Minus(ranges.Make(stored1)); !over.Empty() {
			t.Fatalf("%v of live went while there was an archive", over)
		}
		before := gone.Len()
		b.MakeRoomNow()
		if _, x = state(b, telemetry.Live); uint64(n)-x.Kept.Len() == before {
			break
		}
	}
	var order []telemetry.Lane
	lost := map[telemetry.Lane]ranges.Set{}
	for _, l := range telemetry.Lanes() {
		lost[l] = lostOf(b, l, wire.Full)
		if !lost[l].Empty() {
			order = append(order, l)
		}
	}
	if len(order) != 1 || order[0] != telemetry.Archive {
		t.Fatalf("lost of %v first", order)
	}
	for range 200 {
		b.MakeRoomNow()
		for _, l := range telemetry.Lanes() {
			now := lostOf(b, l, wire.Full)
			more := now.Minus(lost[l])
			lost[l] = now
			if more.Empty() {
				continue
			}
			if order[len(order)-1] != l {
				order = append(order, l)
			}
			_, x := state(b, l)
			if first, ok := x.Kept.Min(); ok && first < mustMax(t, more) {
				t.Fatalf("%v went before %d of %v", more, first, l)
			}
			if l != telemetry.Alarm {
				got, _ := stored(t, b, l)
				if want := put[l][len(put[l])-len(got):]; !slices.Equal(got, want) {
					t.Fatalf("what is left of %v is not the end of what was put in", l)
				}
			}
		}
	}
	if want := []telemetry.Lane{telemetry.Archive, telemetry.Bulk, telemetry.Live, telemetry.Alarm}; !slices.Equal(order, want) {
		t.Errorf("lanes went in the order %v, want %v", order, want)
	}
}

func mustMax(t *testing.T, s ranges.Set) uint64 {
	t.Helper()
	last, ok := s.Max()
	if !ok {
		t.Fatal("empty")
	}
	return last
}

// A lane's own limit takes from that lane only.
func TestALaneHasItsOwnLimit(t *testing.T) {
	b, _ := open(t, lane.Options{Dir: t.TempDir(), SegmentSize: 64 << 10, Limits: map[telemetry.Lane]lane.Limit{telemetry.Bulk: {Size: 256 << 10}}})
	put := map[telemetry.Lane][]float64{}
	for _, l := range []telemetry.Lane{telemetry.Live, telemetry.Bulk} {
		put[l] = load(t, b, l, 0, 60_000)
	}
	wait(t, b, "room", func() bool { return b.Status().Lanes[telemetry.Bulk].Size <= 256<<10 })
	if got, _ := stored(t, b, telemetry.Live); !slices.Equal(got, put[telemetry.Live]) {
		t.Errorf("%d of %d live readings are left", len(got), len(put[telemetry.Live]))
	}
	got, ids := stored(t, b, telemetry.Bulk)
	if len(got) == 0 || len(got) == len(put[telemetry.Bulk]) || !slices.Equal(got, put[telemetry.Bulk][len(put[telemetry.Bulk])-len(got):]) {
		t.Errorf("%d of %d bulk readings are left, or not the newest", len(got), len(put[telemetry.Bulk]))
	}
	_, x := state(b, telemetry.Bulk)
	if lost, want := lostOf(b, telemetry.Bulk, wire.Full), ranges.Make(ranges.Range{From: x.First, To: ids[0].Seq - 1}); !lost.Equal(want) {
		t.Errorf("told as lost: %v, gone: %v", lost, want)
	}
}

// What has been sent and is old leaves the disk whole: after an outage and its drain the folder is as large as before.
func TestDiskUseReturnsToItsBase(t *testing.T) {
	source := newTicker()
	dir := t.TempDir()
	b, _ := open(t, lane.Options{Dir: dir, Clock: source, SegmentSize: 256 << 10, Limits: map[telemetry.Lane]lane.Limit{
		telemetry.Live: {Age: 24 * time.Hour}, telemetry.Bulk: {Age: 24 * time.Hour},
	}})
	lanes := []telemetry.Lane{telemetry.Live, telemetry.Bulk}
	for _, l := range lanes {
		load(t, b, l, 0, 10)
	}
	base := diskUse(t, dir)
	for range 3 {
		for _, l := range lanes {
			load(t, b, l, 0, 100_000)
		}
		full := diskUse(t, dir)
		if full < base+1<<20 {
			t.Fatalf("%d bytes full, %d empty: this shows nothing", full, base)
		}
		acknowledge(b, lanes...)
		source.pass(4 * time.Hour)
		b.Expire() // seals the open segments
		source.pass(25 * time.Hour)
		b.Expire()
		if now := diskUse(t, dir); now > base+256<<10 {
			t.Errorf("%d bytes after the drain, %d before", now, base)
		}
		for _, l := range lanes {
			if lost := lostOf(b, l, wire.Expired); !lost.Empty() {
				t.Errorf("%v of %v is told as lost, though the gateway has it", lost, l)
			}
		}
	}
}

// diskUse returns the bytes that the files below dir take on the disk.
func diskUse(t *testing.T, dir string) (n int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		var st syscall.Stat_t
		if err := syscall.Stat(path, &st); err != nil {
			return err
		}
		n += st.Blocks * 512
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// A card that becomes read-only, or fails, while the edge runs: it goes on taking readings, says what is wrong, and writes what waited when it can, in
// order and once.
func TestADiskThatTurnsBad(t *testing.T) {
	for _, errno := range []syscall.Errno{syscall.EROFS, syscall.EIO} {
		t.Run(errno.Error(), func(t *testing.T) {
			m := cuttest.Mount(t)
			b, _ := open(t, lane.Options{Dir: filepath.Join(m.Dir, "journal")})
			want := load(t, b, telemetry.Live, 0, 1000)
			if err := m.Suffer(powercut.Faults{Errno: errno}); err != nil {
				t.Fatal(err)
			}
			id := series(t, b, "boiler", "noise")
			more := noise(1000, 5000)
			add(t, b, telemetry.Live, id, more...)
			wait(t, b, "the trouble to be told", func() bool { return strings.Contains(b.Status().Err, errno.Error()) })
			if st := b.Status().Lanes[telemetry.Live]; st.Memory != len(more) || st.Stored != uint64(len(want)) {
				t.Errorf("%d wait in memory and %d are on the disk", st.Memory, st.Stored)
			}
			if err := m.Suffer(powercut.Faults{}); err != nil {
				t.Fatal(err)
			}
			wait(t, b, "all records", func() bool { return b.Status().Lanes[telemetry.Live].Memory == 0 })
			if st := b.Status(); st.Err != "" {
				t.Errorf("still told: %s", st.Err)
			}
			if got, _ := stored(t, b, telemetry.Live); !slices.Equal(got, append(want, more...)) {
				t.Errorf("%d values on disk, not those that were added", len(got))
			}
		})
	}
}

// A disk that is gone: readings are taken for as long as memory allows, then the oldest go, nothing blocks, grows or crashes, and status says why.
func TestADiskThatVanishes(t *testing.T) {
	m := cuttest.Mount(t)
	o := lane.Options{Dir: filepath.Join(m.Dir, "journal"), Node: "pi-7", MaxSize: 64 << 20, CommitEvery: time.Millisecond, Clock: newTicker(), BootID: 1, Log: slog.New(slog.DiscardHandler)}
	b, err := lane.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- b.Run(ctx) }()
	load(t, b, telemetry.Live, 0, 20_000)
	if err := m.Vanish(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(m.Dir, "x"), nil, 0o600); err == nil {
		t.Fatal("the disk is still there")
	}
	const most, sent = 131_072, 300_000
	id := series(t, b, "boiler", "noise")
	for part := range slices.Chunk(noise(20_000, sent), 1000) {
		add(t, b, telemetry.Live, id, part...)
	}
	now, regime := b.Clock().Now()
	if err := b.AddEvent(ctx, regime, telemetry.Event{Device: "boiler", Pattern: "p", Time: now}); err != nil {
		t.Fatal(err)
	}
	wait(t, b, "the trouble to be told", func() bool { return b.Status().Err != "" })
	st := b.Status().Lanes[telemetry.Live]
	if st.Memory > most || uint64(st.Memory)+st.Dropped != sent {
		t.Errorf("%d wait in memory and %d were dropped of %d", st.Memory, st.Dropped, sent)
	}
	if _, err := b.Frames(telemetry.Live, 0, 1<<20); err == nil {
		t.Log("the frames could still be read, from the page cache")
	}
	b.Hello() // must not block
	cancel()
	if err := <-done; err == nil {
		t.Error("the last commit went well without a disk")
	}
	if err := b.Close(); err == nil {
		t.Error("closed without a disk, and all is well")
	}
}
