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
