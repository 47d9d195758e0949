package store

import (
	"slices"
	"testing"

	"fieldpost/telemetry"
	"fieldpost/telemetry/ranges"
	"fieldpost/telemetry/wire"
)

// odd is a set of n ranges with a hole behind each.
func odd(n int) ranges.Set {
	rs := make([]ranges.Range, n)
	for i := range rs {
		at := uint64(2*i + 1)
		rs[i] = ranges.Range{From: at, To: at}
	}
	return ranges.Make(rs...)
}

// TestAccountOfManyHoles is a lane of which a hello left a hole in every second place: the account must be bounded, and no pair of holes
// may be compared (a million of them would take minutes, under the lock that frames wait for).
func TestAccountOfManyHoles(t *testing.T) {
	const holes = 1_000_000
	var l lane
	l.tell(wire.Lane{Lane: telemetry.Live, First: 1, Next: 2*holes + 1, Kept: odd(holes)})
	l.lost.add(ranges.Range{From: 10, To: 10}, wire.Full, 5)
	missing, held, lost := l.account()
	if missing.Len() != holes || !held.Empty() || len(lost) != maxLosses {
		t.Fatalf("%d missing, %d held, %d losses", missing.Len(), held.Len(), len(lost))
	}
	if !slices.IsSortedFunc(lost, func(a, b wire.Loss) int { return int(a.From) - int(b.To) }) {
		t.Error("losses out of order")
	}
	for i, x := range lost {
		want := wire.Loss{Range: ranges.Range{From: uint64(2*i + 2), To: uint64(2*i + 2)}}
		if x.From == 10 {
			want.Reason, want.Time = wire.Full, 5
		}
		if x != want {
			t.Fatalf("loss %d is %+v, want %+v", i, x, want)
		}
	}
}

func TestLossesStandAsTheyWereNoted(t *testing.T) {
	var l losses
	for _, x := range []wire.Loss{
		{Range: ranges.Range{From: 10, To: 19}, Reason: wire.Full, Time: 1},
		{Range: ranges.Range{From: 30, To: 39}, Reason: wire.Damaged, Time: 2},
		{Range: ranges.Range{From: 5, To: 34}, Reason: wire.Corrupt, Time: 3}, // around the first and into the second
		{Range: ranges.Range{From: 39, To: 40}, Reason: wire.Abandoned, Time: 4},
	} {
		l.add(x.Range, x.Reason, x.Time)
	}
	want := losses{
		{Range: ranges.Range{From: 5, To: 9}, Reason: wire.Corrupt, Time: 3},
		{Range: ranges.Range{From: 10, To: 19}, Reason: wire.Full, Time: 1},
		{Range: ranges.Range{From: 20, To: 29}, Reason: wire.Corrupt, Time: 3},
		{Range: ranges.Range{From: 30, To: 39}, Reason: wire.Damaged, Time: 2},
		{Range: ranges.Range{From: 40, To: 40}, Reason: wire.Abandoned, Time: 4},
	}
	if !slices.Equal(l, want) {
		t.Errorf("losses %+v, want %+v", l, want)
	}
}
