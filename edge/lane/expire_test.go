package lane_test

import (
	"slices"
	"testing"
	"time"

	"fieldpost/edge/lane"
	"fieldpost/forwarder"
	"fieldpost/telemetry"
	"fieldpost/telemetry/ranges"
	"fieldpost/telemetry/wire"
)

// pass lets time pass on both clocks.
func (t *ticker) pass(d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.wall += telemetry.Time(d)
	t.mono += int64(d)
}

func (t *ticker) vouch(s telemetry.ClockState) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.trust = s
}

// archive adds n readings to the archive and returns their sequences.
func archive(t *testing.T, b *lane.Book, n int) ranges.Range {
	t.Helper()
	_, before := state(b, telemetry.Archive)
	add(t, b, telemetry.Archive, series(t, b, "boiler", "temperature"), make([]float64, n)...)
	wait(t, b, "the archive", func() bool { _, l := state(b, telemetry.Archive); return l.Next == before.Next+uint64(n) })
	return ranges.Of(before.Next, uint64(n))
}

// losses returns what the hello says is lost of the archive for a reason, over all epochs.
func losses(b *lane.Book, reason wire.Reason) (kept, lost ranges.Set) {
	for _, e := range b.Hello().Epochs {
		for _, l := range e.Lanes {
			if l.Lane != telemetry.Archive {
				continue
			}
			kept.AddAll(l.Kept)
			for _, x := range l.Lost {
				if x.Reason == reason {
					lost.Add(x.Range)
				}
			}
		}
	}
	return kept, lost
}

func checkArchive(t *testing.T, b *lane.Book, when string, wantKept, wantLost []ranges.Range) {
	t.Helper()
	kept, lost := losses(b, wire.Expired)
	if !kept.Equal(ranges.Make(wantKept...)) || !lost.Equal(ranges.Make(wantLost...)) {
		t.Fatalf("%s: kept %v, expired %v; want %v, %v", when, kept, lost, wantKept, wantLost)
	}
}

func TestArchiveExpires(t *testing.T) {
	source := newTicker()
	o := lane.Options{Dir: t.TempDir(), Clock: source, Limits: map[telemetry.Lane]lane.Limit{telemetry.Archive: {Size: 16 << 20, Age: 80 * time.Minute}}}
	b, stop := open(t, o)
	var parts []ranges.Range
	for range 7 { // at 0, 10 … 60 minutes
		parts = append(parts, archive(t, b, 5))
		b.Expire()
		source.pass(10*time.Minute + time.Second)
		b.Expire() // seals what is ten minutes old: an eighth of the age
	}
	checkArchive(t, b, "after 70 minutes", parts, nil)
	source.pass(10 * time.Minute)
	b.Expire()
	checkArchive(t, b, "after 80 minutes", parts[1:], parts[:1])
	source.pass(20 * time.Minute)
	b.Expire()
	b.Expire()
	checkArchive(t, b, "after 100 minutes", parts[3:], parts[:3])

	// Nobody vouches for the clock: it may be years ahead.
	source.vouch(telemetry.ClockFloor)
	source.pass(1000 * time.Hour)
	b.Clock().Refresh()
	b.Expire()
	checkArchive(t, b, "with a doubtful clock", parts[3:], parts[:3])

	// What a gateway has already is no loss when it goes.
	e, _ := state(b, telemetry.Archive)
	b.Acked(forwarder.Said{Store: wire.StoreID{1}, Generation: 1, Stored: []wire.Stored{{Epoch: e.Epoch, Lane: telemetry.Archive, Ranges: ranges.Make(parts[3])}}, All: true})
	source.vouch(telemetry.ClockSync)
	b.Clock().Refresh()
	b.Expire()
	checkArchive(t, b, "when all are old", nil, slices.Concat(parts[:3], parts[4:]))
	if _, full := losses(b, wire.Full); !full.Empty() {
		t.Fatalf("lost for want of room: %v", full)
	}
	stop()

	b, _ = open(t, o)
	checkArchive(t, b, "after a restart", nil, slices.Concat(parts[:3], parts[4:]))
}

// TestUndatedExpiresWithItsSuccessor: a boot that never had a clock cannot be dated, but what came after it can.
func TestUndatedExpiresWithItsSuccessor(t *testing.T) {
	source := newTicker()
	o := lane.Options{Dir: t.TempDir(), Clock: source, Limits: map[telemetry.Lane]lane.Limit{telemetry.Archive: {Size: 16 << 20, Age: 80 * time.Minute}}, BootID: 1}
	source.vouch(telemetry.ClockFloor)
	b, stop := open(t, o)
	undated := archive(t, b, 5)
	stop()

	source.vouch(telemetry.ClockSync)
	source.pass(24 * time.Hour)
	o.BootID = 2
	b, _ = open(t, o)
	b.Expire() // seals what cannot be dated
	dated := archive(t, b, 5)
	source.pass(11 * time.Minute)
	b.Expire()
	last := archive(t, b, 5)
	source.pass(60 * time.Minute)
	b.Expire()
	checkArchive(t, b, "before the successor is old", []ranges.Range{undated, dated, last}, nil)
	source.pass(10 * time.Minute)
	b.Expire()
	checkArchive(t, b, "when the successor is old", []ranges.Range{last}, []ranges.Range{undated, dated})
}

// TestFutureDoesNotKeepWhatIsOld: an instrument whose own clock is years ahead does not hold up what came before and after it.
func TestFutureDoesNotKeepWhatIsOld(t *testing.T) {
	source := newTicker()
	b, _ := open(t, lane.Options{Dir: t.TempDir(), Clock: source, Limits: map[telemetry.Lane]lane.Limit{telemetry.Archive: {Size: 16 << 20, Age: 80 * time.Minute}}})
	first := archive(t, b, 5)
	source.step(1000 * time.Hour)
	b.Clock().Refresh()
	ahead := archive(t, b, 5)
	source.step(-1000 * time.Hour)
	b.Clock().Refresh()
	source.pass(11 * time.Minute)
	b.Expire() // seals these two
	between := archive(t, b, 5)
	source.pass(11 * time.Minute)
	b.Expire()
	last := archive(t, b, 5)
	source.pass(68 * time.Minute)
	b.Expire()
	checkArchive(t, b, "before the one between is old", []ranges.Range{first, ahead, between, last}, nil)
	source.pass(2 * time.Minute)
	b.Expire()
	checkArchive(t, b, "when it is", []ranges.Range{last}, []ranges.Range{first, ahead, between})
}
