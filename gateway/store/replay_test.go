package store

import (
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"fieldpost/powercut/cuttest"
	"fieldpost/telemetry/ranges"
)

// traceOfStore is what a store did to its disk in a short life, with what it had acknowledged marked in between.
const traceOfStore = "testdata/power.trace"

// TestRecordTrace makes the trace that TestPowerCutReplayed plays.
func TestRecordTrace(t *testing.T) {
	if !cuttest.Recording() {
		t.Skip("POWER_CUT_RECORD=1 makes the trace again")
	}
	m := cuttest.Mount(t)
	r := rand.New(rand.NewPCG(12, 12))
	if err := m.Record(); err != nil {
		t.Fatal(err)
	}
	s, err := openCut(filepath.Join(m.Dir, "0"), 0)
	if err != nil {
		t.Fatal(err)
	}
	p := &promises{acked: map[string]ranges.Set{}, next: map[string]uint64{}}
	stop := p.feedAll(t, s, r)
	for range 40 {
		time.Sleep(5 * time.Millisecond) // marks at any instants
		cuttest.Mark(t, m, p.snapshot())
	}
	stop()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := m.Save(traceOfStore); err != nil {
		t.Fatal(err)
	}
}

// TestPowerCutReplayed is TestPowerCut where FUSE cannot be had: on a store's recorded life.
func TestPowerCutReplayed(t *testing.T) {
	promised := 0
	cuttest.Replay(t, traceOfStore, "0", func(t *testing.T, m cuttest.Moment[map[string]ranges.Set]) {
		var acked map[string]ranges.Set
		if n := len(m.Before); n > 0 {
			acked = m.Before[n-1]
		}
		promised += checkStore(t, m.Dir, 0, acked)
	})
	if promised == 0 {
		t.Error("nothing was promised, so nothing was shown")
	}
	t.Logf("%d records that had been acknowledged, counted at each cut, were all there", promised)
}
