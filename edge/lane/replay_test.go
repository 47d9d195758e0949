package lane_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"fieldpost/edge/lane"
	"fieldpost/powercut/cuttest"
	"fieldpost/telemetry"
	"fieldpost/telemetry/ranges"
	"fieldpost/telemetry/wire"
)

// traceOfBook is what a node's book did to its disk in a short life, with what it had told marked in between.
const traceOfBook = "testdata/power.trace"

// telling is such a mark.
type telling struct {
	Epochs []toldEpoch
	Acked  map[telemetry.Lane]ranges.Set // at most this had been acknowledged
	New    map[string]string             // what the records are that are in no earlier mark, by identity
}

type toldEpoch struct {
	Epoch telemetry.Epoch
	Lanes map[telemetry.Lane]toldLane
}

type toldLane struct {
	Next uint64
	Kept ranges.Set
}

// kept returns what is kept of a lane in an epoch.
func (l telling) kept(e telemetry.Epoch, which telemetry.Lane) ranges.Set {
	for _, x := range l.Epochs {
		if x.Epoch == e {
			return x.Lanes[which].Kept
		}
	}
	return ranges.Set{}
}

// tell makes a mark, with contents or, as reading them takes long, without. known are those that are in earlier ones.
func (l *life) tell(t *testing.T, contents bool, known map[string]bool) telling {
	t.Helper()
	mark := telling{Acked: map[telemetry.Lane]ranges.Set{}, New: map[string]string{}}
	for _, e := range l.Hello().Epochs {
		told := toldEpoch{Epoch: e.Epoch, Lanes: map[telemetry.Lane]toldLane{}}
		for _, x := range e.Lanes {
			told.Lanes[x.Lane] = toldLane{Next: x.Next, Kept: x.Kept}
		}
		mark.Epochs = append(mark.Epochs, told)
	}
	if contents {
		all, err := content(l.Book)
		check(t, err)
		for id, what := range all {
			if key := fmt.Sprint(id); !known[key] {
				mark.New[key], known[key] = what, true
			}
		}
	}
	l.acked.Lock()
	defer l.acked.Unlock()
	for which, set := range l.said {
		mark.Acked[which] = set.Clone()
	}
	return mark
}

// TestRecordTrace makes the trace that TestPowerCutReplayed plays.
func TestRecordTrace(t *testing.T) {
	if !cuttest.Recording() {
		t.Skip("POWER_CUT_RECORD=1 makes the trace again")
	}
	m := cuttest.Mount(t)
	check(t, m.Record())
	l := live(t, cutOptions(filepath.Join(m.Dir, "0"), 1), rand.New(rand.NewPCG(13, 13)), map[telemetry.Lane]ranges.Set{})
	known := map[string]bool{}
	for n := range 24 {
		time.Sleep(5 * time.Millisecond) // marks at any instants
		cuttest.Mark(t, m, l.tell(t, n%6 == 5, known))
	}
	check(t, l.stop())
	check(t, m.Save(traceOfBook))
}

// TestPowerCutReplayed is TestPowerCut where FUSE cannot be had: on a book's recorded life. What was told before the cut and still is after it, so that the
// book had not let it go meanwhile, is there.
func TestPowerCutReplayed(t *testing.T) {
	promised, compared := 0, 0
	cuttest.Replay(t, traceOfBook, "0", func(t *testing.T, m cuttest.Moment[telling]) {
		b, err := lane.Open(cutOptions(m.Dir, 2))
		if err != nil {
			t.Fatalf("open after a cut: %v", err)
		}
		defer func() { check(t, b.Close()) }()
		if len(m.Before) == 0 || len(m.After) < 2 {
			return // nothing was told, or it is not known what was still there
		}
		later := m.After[1] // looked up after the first of them was set, and so after the cut
		told, was := m.Before[len(m.Before)-1], map[string]string{}
		for _, mark := range append(m.Before[:len(m.Before):len(m.Before)], m.After...) {
			for id, what := range mark.New {
				was[id] = what
			}
		}
		after, err := content(b)
		check(t, err)
		now := b.Hello().Epochs
		opened := now[len(now)-1]
		for _, e := range told.Epochs {
			if e.Epoch == opened.Epoch {
				t.Fatalf("epoch %v is drawn a second time", e.Epoch)
			}
			for which, x := range e.Lanes {
				if at := opened.Lanes[which].First; at < x.Next {
					t.Fatalf("%v: the new epoch begins at %d, and %d was told to be the next", which, at, x.Next)
				}
				for s := range x.Kept.Intersect(later.kept(e.Epoch, which)).All() {
					for seq := s.From; seq <= s.To; seq++ {
						id := telemetry.Identity{Node: "pi-7", Epoch: e.Epoch, Lane: which, Seq: seq}
						what, known := was[fmt.Sprint(id)] // not of what went before contents were looked at again
						if known && after[id] != what || after[id] == "" {
							t.Fatalf("%v was told to be kept as %q, and is %q", id, what, after[id])
						}
						if known {
							compared++
						}
						promised++
					}
				}
			}
		}
		for _, s := range b.Stored(wire.StoreID{1}) {
			if lie := s.Ranges.Minus(later.Acked[s.Lane]); !lie.Empty() {
				t.Fatalf("%v: %v counts as acknowledged, and never was", s.Lane, lie)
			}
		}
	})
	if compared == 0 {
		t.Error("nothing was promised and compared, so nothing was shown")
	}
	t.Logf("%d records that had been told of, counted at each cut, were all there; %d of them were compared by content", promised, compared)
}
