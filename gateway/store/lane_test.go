package store

import (
	"fmt"
	"slices"
	"testing"

	"fieldpost/telemetry/ranges"
	"fieldpost/telemetry/wire"
)

func set(pairs ...uint64) ranges.Set {
	var s ranges.Set
	for i := 0; i < len(pairs); i += 2 {
		s.Add(ranges.Range{From: pairs[i], To: pairs[i+1]})
	}
	return s
}

func loss(from, to uint64, reason wire.Reason) wire.Loss {
	return wire.Loss{Range: ranges.Range{From: from, To: to}, Reason: reason, Time: 5}
}

// Delivery rule 13: what a lane's gap is made of.
func TestAccount(t *testing.T) {
	tests := []struct {
		name          string
		lane          func(l *lane)
		missing, held ranges.Set
		lost          []string
	}{
		{name: "nothing", lane: func(*lane) {}},
		{
			name:    "never a hello: a hole may still come",
			lane:    func(l *lane) { l.stored = set(3, 5, 9, 9) },
			missing: set(6, 8),
		},
		{
			name: "kept, held, told lost, and gone without a word",
			lane: func(l *lane) {
				l.stored = set(1, 2)
				l.tell(wire.Lane{First: 1, Next: 21, Kept: set(5, 14), Held: set(10, 12), Lost: []wire.Loss{loss(16, 18, wire.Full)}})
			},
			missing: set(5, 9, 13, 14), held: set(10, 12),
			lost: []string{"[3,4] unexplained", "[15,15] unexplained", "[16,18] full", "[19,20] unexplained"},
		},
		{
			name: "issued after the hello: may still come",
			lane: func(l *lane) {
				l.tell(wire.Lane{First: 1, Next: 5, Kept: set(1, 4)})
				l.stored = set(1, 4, 8, 8)
			},
			missing: set(5, 7),
		},
		{
			name: "the node keeps nothing of the epoch any more",
			lane: func(l *lane) {
				l.tell(wire.Lane{First: 1, Next: 5, Kept: set(1, 4)})
				l.stored = set(2, 2)
				l.silence()
			},
			lost: []string{"[1,1] unexplained", "[3,4] unexplained"},
		},
		{
			name: "a child epoch tells how much there was",
			lane: func(l *lane) {
				l.stored = set(1, 3)
				l.close(8, false)
			},
			missing: set(4, 7),
		},
		{
			name: "abandoned",
			lane: func(l *lane) {
				l.tell(wire.Lane{First: 1, Next: 9, Kept: set(1, 8), Held: set(7, 8)})
				l.stored = set(1, 4)
				if n := l.abandon(5); n != 4 {
					panic(n)
				}
			},
			lost: []string{"[5,8] abandoned"},
		},
		{
			name: "abandoned, but back",
			lane: func(l *lane) {
				l.tell(wire.Lane{First: 1, Next: 9, Kept: set(1, 8)})
				l.abandon(5)
				l.tell(wire.Lane{First: 1, Next: 9, Kept: set(3, 8)})
			},
			missing: set(3, 8),
			lost:    []string{"[1,2] abandoned"},
		},
		{
			name: "in quarantine: kept by the node, and not to come",
			lane: func(l *lane) {
				l.lost.add(ranges.Range{From: 3, To: 4}, wire.Corrupt, 5)
				l.tell(wire.Lane{First: 1, Next: 6, Kept: set(1, 5)})
				l.stored = set(1, 2, 5, 5)
			},
			lost: []string{"[3,4] corrupt"},
		},
		{
			name: "what is outside the epoch does not count",
			lane: func(l *lane) {
				l.tell(wire.Lane{First: 5, Next: 7, Kept: set(0, 100), Held: set(6, 100), Lost: []wire.Loss{loss(0, 100, wire.Full)}})
				l.lost = nil
			},
			missing: set(5, 5), held: set(6, 6),
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var l lane
			tt.lane(&l)
			for range 2 { // as it is, and as it is read back from disk
				missing, held, lost := l.account()
				var reasons []string
				for _, x := range lost {
					reasons = append(reasons, fmt.Sprintf("%s %s", x.Range, x.Reason))
				}
				if !missing.Equal(tt.missing) || !held.Equal(tt.held) || !slices.Equal(reasons, tt.lost) {
					t.Fatalf("missing %s held %s lost %v\nwant    %s held %s lost %v", missing, held, reasons, tt.missing, tt.held, tt.lost)
				}
				e := epoch{id: 1}
				e.lanes[2] = l
				b, err := e.marshal()
				if err != nil {
					t.Fatal(err)
				}
				var back epoch
				if _, err := back.unmarshal(b); err != nil {
					t.Fatal(err)
				}
				l = back.lanes[2]
			}
		})
	}
}

// The gap falls apart into missing, held and lost without rest or overlap, whatever is known.
func FuzzAccount(f *testing.F) {
	f.Add([]byte{1, 1, 5, 0, 1, 9, 2, 3, 4, 3, 2, 2, 4, 20, 0})
	f.Add([]byte{4, 8, 0, 5, 0, 0, 0, 1, 3, 6, 7, 1, 1, 1, 9})
	f.Fuzz(func(t *testing.T, ops []byte) {
		var l lane
		for len(ops) >= 3 {
			a, b := uint64(ops[1]), uint64(ops[2])
			r := ranges.Range{From: a, To: a + b}
			switch ops[0] % 7 {
			case 0:
				l.stored.Add(r)
			case 1:
				l.tell(wire.Lane{First: a, Next: a + b, Kept: set(a+b/4, a+b/2), Held: set(a+b/3, a+b)})
			case 2:
				l.close(a, b%2 == 0)
			case 3:
				l.lost.add(r, wire.Reason(b%5), 1)
			case 4:
				l.abandon(2)
			case 5:
				l.silence()
			case 6:
				l.tell(wire.Lane{First: a, Next: a + b, Kept: set(a, a), Lost: []wire.Loss{{Range: r, Reason: wire.Full}}})
			}
			ops = ops[3:]
		}
		gap := l.gap()
		if !gap.Intersect(l.stored).Empty() {
			t.Fatalf("gap %s and stored %s overlap", gap, l.stored)
		}
		missing, held, lost := l.account()
		sum := missing.Clone()
		sum.AddAll(held)
		sum.AddAll(lost.all())
		if !sum.Equal(gap) || missing.Len()+held.Len()+lost.all().Len() != gap.Len() {
			t.Fatalf("gap %s is not missing %s, held %s and lost %s", gap, missing, held, lost.all())
		}
	})
}
