package lane_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"fieldpost/edge/lane"
	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
	"fieldpost/telemetry/ranges"
	"fieldpost/telemetry/wire"
)

// smallDisk mounts a disk of so many MiB of memory on dir.
func smallDisk(t *testing.T, dir string, mib int) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("mounting a small disk needs root")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%dm,mode=0700", mib)); err != nil {
		t.Skipf("mount a small disk: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmount %s: %v", dir, err)
		}
	})
}

// hog fills the disk of dir up; the returned function gives the room back.
func hog(t *testing.T, dir string) (free func()) {
	t.Helper()
	path := filepath.Join(dir, "hog")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	return func() {
		if err := errors.Join(f.Close(), os.Remove(path)); err != nil {
			t.Fatal(err)
		}
	}
}

// lostOf returns what of a lane is told as lost for a reason.
func lostOf(b *lane.Book, l telemetry.Lane, reason wire.Reason) (set ranges.Set) {
	for _, e := range b.Hello().Epochs {
		for _, x := range e.Lanes {
			for _, loss := range x.Lost {
				if x.Lane == l && loss.Reason == reason {
					set.Add(loss.Range)
				}
			}
		}
	}
	return set
}

// Series may come while a commit is under way: each reading finds its own in the table of its frame.
func TestSeriesThatComeDuringACommit(t *testing.T) {
	const nodes, drivers, each = 10, 4, 100
	for range nodes {
		b, stop := open(t, lane.Options{Dir: t.TempDir(), CommitEvery: time.Nanosecond})
		now, regime := b.Clock().Now()
		var wg sync.WaitGroup
		for d := range drivers {
			wg.Go(func() {
				for i := range each {
					id, err := b.Describe(lane.Description{Device: fmt.Sprintf("d%d", d), Metric: fmt.Sprintf("m%d", i)})
					if err == nil {
						err = b.Add(context.Background(), telemetry.Live, regime, []frame.Record{{Series: uint32(id), Time: now, Value: telemetry.Float(float64(i))}})
					}
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		wait(t, b, "all records", func() bool { _, l := state(b, telemetry.Live); return l.Next == l.First+drivers*each })
		stop()
	}
}

// A disk that can be read and not written costs no flood of epochs: each stays in every hello, and a gateway takes a bounded number.
func TestADiskThatStaysFullCostsFewEpochs(t *testing.T) {
	dir := t.TempDir()
	smallDisk(t, filepath.Join(dir, "live"), 1)
	b, _ := open(t, lane.Options{Dir: dir})
	id := series(t, b, "boiler", "temperature")
	add(t, b, telemetry.Live, id, count(100)...)
	wait(t, b, "100 records", func() bool { _, l := state(b, telemetry.Live); return l.Next == l.First+100 })
	free := hog(t, filepath.Join(dir, "live"))
	rest := make([]float64, 5000)
	for i := range rest {
		rest[i] = float64(uint64(i+1)*0x9E3779B97F4A7C15>>11) * 1.0000001e-3
	}
	add(t, b, telemetry.Live, id, rest...)
	wait(t, b, "the disk to be found full", func() bool { return b.Status().Err != "" })
	for range 30 { // commits of another lane go on meanwhile
		_, before := state(b, telemetry.Alarm)
		now, regime := b.Clock().Now()
		if err := b.AddEvent(context.Background(), regime, telemetry.Event{Device: "boiler", Pattern: "p", Time: now}); err != nil {
			t.Fatal(err)
		}
		wait(t, b, "the event", func() bool { _, l := state(b, telemetry.Alarm); return l.Next > before.Next })
	}
	free()
	wait(t, b, "all records", func() bool { _, l := state(b, telemetry.Live); return l.Kept.Len() > 0 && l.Next >= 5101 })
	values, ids := stored(t, b, telemetry.Live)
	if !slices.Equal(values, append(count(100), rest...)) {
		t.Fatalf("%d values on disk, not those that were added", len(values))
	}
	for i := range ids {
		if ids[i].Seq != ids[0].Seq+uint64(i) {
			t.Fatalf("record %d is %v after %v", i, ids[i], ids[0])
		}
	}
	if n := len(b.Hello().Epochs); n > 8 {
		t.Fatalf("%d epochs", n)
	}
}

// What waited in memory for a full disk is on it in the end if there is room by then, though nobody had looked since. Making room for one lane may have
// ended what another had open.
func TestTheLastCommitFindsRoomAgain(t *testing.T) {
	dir := t.TempDir()
	disk := filepath.Join(dir, "disk")
	smallDisk(t, disk, 4)
	b, stop := open(t, lane.Options{Dir: disk})
	id := series(t, b, "boiler", "temperature")
	lanes := []telemetry.Lane{telemetry.Live, telemetry.Bulk}
	for _, l := range lanes {
		add(t, b, l, id, count(100)...)
		wait(t, b, "100 records", func() bool { _, x := state(b, l); return x.Next == x.First+100 })
	}
	free := hog(t, disk)
	rest := make([]float64, 20_000)
	for i := range rest {
		rest[i] = float64(uint64(i+1)*0x9E3779B97F4A7C15>>11) * 1.0000001e-3
	}
	for _, l := range lanes {
		add(t, b, l, id, rest...)
	}
	wait(t, b, "the disk to be found full", func() bool { return b.Status().Err != "" })
	for range 3 { // each makes room in all lanes
		now, regime := b.Clock().Now()
		if err := b.AddEvent(context.Background(), regime, telemetry.Event{Device: "boiler", Pattern: "p", Time: now, Message: strings.Repeat("x", 4000)}); err != nil {
			t.Fatal(err)
		}
	}
	free()
	stop()
	b, _ = open(t, lane.Options{Dir: disk})
	for _, l := range lanes {
		all := append(count(100), rest...)
		values, _ := stored(t, b, l)
		lost := lostOf(b, l, wire.Full) // making room may have cost a lane its oldest
		if !slices.Equal(values, all[min(lost.Len(), uint64(len(all))):]) {
			t.Errorf("%s: %d values on disk, %v told as lost, of %d that were added", l, len(values), lost, len(all))
		}
		if l == telemetry.Live && len(values) < len(rest) { // there was room for it
			t.Errorf("%s: only %d values on disk", l, len(values))
		}
	}
}
