package store

import (
	"testing"

	"fieldpost/telemetry"
	"fieldpost/telemetry/ranges"
	"fieldpost/telemetry/wire"
)

// epochOf is an epoch in which only the live lane was used.
func epochOf(id, parent telemetry.Epoch, first, next uint64, kept ranges.Set, lost ...wire.Loss) wire.Epoch {
	return wire.Epoch{Epoch: id, Parent: parent, Lanes: []wire.Lane{{Lane: telemetry.Live, First: first, Next: next, Kept: kept, Lost: lost}}}
}

func rangeOf(from, to uint64) ranges.Set { return ranges.Make(ranges.Range{From: from, To: to}) }

func (s *Store) mustHello(t *testing.T, link string, epochs ...wire.Epoch) []wire.Stored {
	t.Helper()
	stored, err := s.Hello("pi-7", &wire.Hello{Link: link, Epochs: epochs})
	if err != nil {
		t.Fatal(err)
	}
	return stored
}

// A hello that names an epoch a thousand times is answered once: the answer must not grow a thousand times as large.
func TestAnEpochNamedTwiceIsAnsweredOnce(t *testing.T) {
	s := open(t, t.TempDir(), RetentionSettings{}, nil)
	for i := range uint64(10) {
		s.mustAppend(t, makeFrame(t, "pi-7", 1+2*i, 1))
	}
	same := make([]wire.Epoch, 1000)
	for i := range same {
		same[i] = wire.Epoch{Epoch: 9}
	}
	stored := s.mustHello(t, "lte", same...)
	if len(stored) != 1 || stored[0].Epoch != 9 || stored[0].Ranges.Len() != 10 {
		t.Fatalf("%d lists", len(stored))
	}
}

// Two links of a node: the hello of the slow one was said before an epoch began, and comes after the one that tells of it.
func TestAnOvertakenHelloMakesNothingLost(t *testing.T) {
	s := open(t, t.TempDir(), RetentionSettings{}, nil)
	s.mustAppend(t, makeFrame(t, "pi-7", 1, 10))
	s.mustHello(t, "lan", epochOf(9, 0, 1, 21, rangeOf(1, 20)), epochOf(10, 9, 21, 31, rangeOf(21, 30)))
	s.mustHello(t, "lte", epochOf(9, 0, 1, 11, rangeOf(1, 10)))
	lanes := s.list(t, "pi-7").Lanes
	if len(lanes) != 2 || !lanes[0].Missing.Equal(rangeOf(11, 20)) || !lanes[1].Missing.Equal(rangeOf(21, 30)) || len(lanes[0].Lost)+len(lanes[1].Lost) > 0 {
		t.Fatalf("%+v", lanes)
	}
	// The next epoch's hello is of now, and it names neither: what has not come by then does not come.
	s.mustHello(t, "lan", epochOf(11, 10, 31, 31, ranges.Set{}))
	lanes = s.list(t, "pi-7").Lanes
	if len(lanes) != 2 || len(lanes[0].Lost) != 1 || len(lanes[1].Lost) != 1 || !lanes[0].Missing.Empty() || !lanes[1].Missing.Empty() {
		t.Fatalf("%+v", lanes)
	}
}

// The node wrote down that it would drop a range, and then could not: it still keeps it.
func TestKeptIsNotLost(t *testing.T) {
	s := open(t, t.TempDir(), RetentionSettings{}, nil)
	s.mustHello(t, "lte", epochOf(9, 0, 1, 11, rangeOf(3, 10), wire.Loss{Range: ranges.Range{From: 1, To: 5}, Reason: wire.Full}))
	lanes := s.list(t, "pi-7").Lanes
	if len(lanes) != 1 || !lanes[0].Missing.Equal(rangeOf(3, 10)) || len(lanes[0].Lost) != 1 || lanes[0].Lost[0].Range != (ranges.Range{From: 1, To: 2}) {
		t.Fatalf("%+v", lanes)
	}
}

// A card with a hole in every second place: what is beyond the bound counts as kept, and the node goes on.
func TestAHelloOfManyHolesIsTaken(t *testing.T) {
	const holes = 1_000_000
	s := open(t, t.TempDir(), RetentionSettings{}, nil)
	s.mustHello(t, "lte", epochOf(9, 0, 1, 2*holes+1, odd(holes)))
	l := s.ledger.lane("pi-7", 9, telemetry.Live)
	if n := len(l.kept.Ranges()); n != maxRanges+1 {
		t.Fatalf("%d ranges kept", n)
	}
	if !l.kept.HasAll(ranges.Range{From: 2*maxRanges + 1, To: 2 * holes}) {
		t.Fatal("what may still come counts as lost")
	}
	s.mustAppend(t, makeFrame(t, "pi-7", 2*holes-1, 1))
	if got := s.mustHello(t, "lte", epochOf(9, 0, 1, 2*holes+1, odd(holes))); len(got) != 1 || !got[0].Ranges.Equal(rangeOf(2*holes-1, 2*holes-1)) {
		t.Fatalf("%+v", got)
	}
}

// The node finds, after its hello, that more of what is on its disk belongs to the epoch before the running one.
func TestAnEpochThatBeginsLaterThanWasSaid(t *testing.T) {
	s := open(t, t.TempDir(), RetentionSettings{}, nil)
	s.mustHello(t, "lte", epochOf(9, 0, 1, 11, rangeOf(1, 10)), epochOf(10, 9, 11, 11, ranges.Set{}))
	s.mustHello(t, "lte", epochOf(9, 0, 1, 16, rangeOf(1, 15)), epochOf(10, 9, 16, 18, rangeOf(16, 17)))
	s.mustHello(t, "lan", epochOf(9, 0, 1, 11, rangeOf(1, 10)), epochOf(10, 9, 11, 11, ranges.Set{})) // overtaken
	s.mustHello(t, "lte", epochOf(9, 0, 1, 16, rangeOf(1, 15)), epochOf(10, 9, 16, 18, rangeOf(16, 17)))
	s.mustAppend(t, makeFrame(t, "pi-7", 1, 15))
	if back := s.Status().RolledBack; len(back) != 0 {
		t.Fatalf("rolled back: %v", back)
	}
	lanes := s.list(t, "pi-7").Lanes
	if len(lanes) != 2 || len(lanes[0].Lost)+len(lanes[1].Lost) > 0 || !lanes[0].Missing.Empty() || !lanes[1].Missing.Equal(rangeOf(16, 17)) {
		t.Fatalf("%+v", lanes)
	}
}

// The same, where the node was started again before it said so: what came under the parent is not lost.
func TestWhatTheParentHasIsNotLost(t *testing.T) {
	s := open(t, t.TempDir(), RetentionSettings{}, nil)
	s.mustHello(t, "lte", epochOf(9, 0, 1, 11, rangeOf(1, 10)), epochOf(10, 9, 11, 11, ranges.Set{}))
	s.mustHello(t, "lte", epochOf(9, 0, 1, 16, rangeOf(1, 15)), epochOf(10, 9, 16, 21, rangeOf(19, 20)), epochOf(11, 10, 21, 21, ranges.Set{}))
	s.mustAppend(t, makeFrame(t, "pi-7", 1, 15))
	lanes := s.list(t, "pi-7").Lanes
	if len(lanes) != 2 || len(lanes[1].Lost) != 1 || lanes[1].Lost[0].Range != (ranges.Range{From: 16, To: 18}) || len(s.Status().RolledBack) > 0 {
		t.Fatalf("%+v", lanes)
	}
}
