package lane_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"fieldpost/edge/lane"
	"fieldpost/forwarder"
	"fieldpost/telemetry"
	"fieldpost/telemetry/ranges"
	"fieldpost/telemetry/wire"
)

// A segment that is not there any more is damage like another, whichever it was. One that left to make room, acknowledged or not, is none.
func TestSegmentsThatAreGone(t *testing.T) {
	const n = 400_000
	for _, c := range []struct {
		name  string
		which func(segments []string) []string
		state bool // state.db goes too, and with it the knowledge of what left and of what was the last
		told  bool
	}{
		{name: "none", which: func(s []string) []string { return nil }},
		{name: "the oldest", which: func(s []string) []string { return s[:1] }, told: true},
		{name: "one in the middle", which: func(s []string) []string { return s[1:2] }, told: true},
		{name: "the open one", which: func(s []string) []string { return s[len(s)-1:] }, told: true},
		{name: "all", which: func(s []string) []string { return s }, told: true},
		{name: "none, and no state file", state: true, which: func(s []string) []string { return nil }},
		{name: "one in the middle, and no state file", state: true, which: func(s []string) []string { return s[1:2] }, told: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			o := lane.Options{Dir: dir, MaxSize: 3 << 20, SegmentSize: 256 << 10}
			b, stop := open(t, o)
			id := series(t, b, "boiler", "noise")
			e, before := state(b, telemetry.Live)
			for range 8 { // so that a commit never fills half of the room
				fill(t, b, id, n/8)
			}
			_, l := state(b, telemetry.Live)
			half := ranges.Make(ranges.Range{From: l.First, To: l.First + n/4})
			b.Acked(forwarder.Said{Store: wire.StoreID{1}, Generation: 1, Stored: []wire.Stored{{Epoch: e.Epoch, Lane: telemetry.Live, Ranges: half}}, All: true})
			wait(t, b, "room", func() bool { return b.Status().Size <= 3<<20 })
			stop()
			segments, err := filepath.Glob(filepath.Join(dir, "live", "*.seg"))
			if err != nil || len(segments) < 4 {
				t.Fatalf("segments %v, %v", segments, err)
			}
			slices.Sort(segments)
			var want ranges.Set
			for _, path := range c.which(segments) {
				var first, next uint64
				if _, err := fmt.Sscanf(filepath.Base(path), "%020d.seg", &first); err != nil {
					t.Fatal(err)
				}
				next = before.First + n
				if i := slices.Index(segments, path); i+1 < len(segments) {
					if _, err := fmt.Sscanf(filepath.Base(segments[i+1]), "%020d.seg", &next); err != nil {
						t.Fatal(err)
					}
				}
				want.Add(ranges.Range{From: first, To: next - 1})
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
			}
			if c.state {
				if err := os.Remove(filepath.Join(dir, "state.db")); err != nil {
					t.Fatal(err)
				}
			}

			b, stop = open(t, o)
			if _, l := state(b, telemetry.Live); l.Next != before.First+n {
				t.Errorf("goes on at %d, want %d", l.Next, before.First+n)
			}
			var got ranges.Set
			for _, e := range b.Hello().Epochs {
				for _, l := range e.Lanes {
					for _, x := range l.Lost {
						if l.Lane == telemetry.Live && x.Reason == wire.Damaged {
							got.Add(x.Range)
						}
					}
				}
			}
			if !got.Equal(want) {
				t.Errorf("lost for damage %v, want %v", got, want)
			}
			events := func() uint64 { return b.Status().Lanes[telemetry.Alarm].Stored }
			if c.told {
				wait(t, b, "the event", func() bool { return events() == 1 })
			}
			stop()
			if !c.told {
				b, _ = open(t, o)
				if n := events(); n != 0 {
					t.Errorf("%d events", n)
				}
			}
		})
	}
}
