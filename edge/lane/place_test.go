package lane_test

import (
	"testing"
	"time"

	"fieldpost/api"
	"fieldpost/edge/lane"
	"fieldpost/telemetry"
)

// TestBootsLieOneAfterTheOther: of four boots the second and the third never have a clock, and the fourth gets one late. Readings stay in the order in
// which they were taken, those of the two stay marked, and nothing is rewritten.
func TestBootsLieOneAfterTheOther(t *testing.T) {
	source := newTicker()
	right := source.wall
	o := lane.Options{Dir: t.TempDir(), Clock: source}
	value := 0.0
	boot := func(id uint64, wall telemetry.Time, trust telemetry.ClockState, during func(b *lane.Book, say func())) {
		source.mu.Lock()
		source.wall, source.mono, source.trust = wall, int64(5*time.Second), trust
		source.mu.Unlock()
		o.BootID = id
		b, stop := open(t, o)
		n := series(t, b, "boiler", "n")
		during(b, func() {
			value++
			_, before := state(b, telemetry.Live)
			add(t, b, telemetry.Live, n, value)
			wait(t, b, "a commit", func() bool { _, l := state(b, telemetry.Live); return l.Next == before.Next+1 })
		})
		stop()
	}
	const never = telemetry.Time(9e9) // 1970
	say := func(_ *lane.Book, say func()) { say(); source.pass(20 * time.Second); say() }
	boot(1, right, telemetry.ClockSync, say)
	boot(2, never, telemetry.ClockFloor, say)
	boot(3, never, telemetry.ClockFloor, say)
	var doubted, known []api.Reading
	boot(4, never, telemetry.ClockFloor, func(b *lane.Book, say func()) {
		say()
		doubted = byTime(t, b)
		source.vouch(telemetry.ClockSync)
		source.step(time.Duration(right-never) + 24*time.Hour)
		b.Clock().Refresh()
		b.FollowClock()
		say()
		known = byTime(t, b)
	})
	inOrder(t, doubted, 7, func(n int) bool { return n > 2 })
	inOrder(t, known, 8, func(n int) bool { return n > 2 && n <= 6 })
	if off := known[6].Time - (right + telemetry.Time(24*time.Hour)); off < -telemetry.Time(time.Second) || off > telemetry.Time(time.Second) {
		t.Errorf("what was taken before the clock came stands at %v, %v off", known[6].Time, time.Duration(off))
	}
	for i, r := range known[:7] {
		if w := doubted[i]; w.Epoch != r.Epoch || w.Seq != r.Seq || w.Value != r.Value {
			t.Errorf("reading %d changed from %+v to %+v", i+1, w, r)
		}
	}
}

// inOrder checks that readings by time are those that were taken, in that order, and which of them are marked.
func inOrder(t *testing.T, rs []api.Reading, n int, unset func(n int) bool) {
	t.Helper()
	if len(rs) != n {
		t.Fatalf("%d readings, want %d", len(rs), n)
	}
	for i, r := range rs {
		if r.Value != telemetry.Float(float64(i+1)) || r.ClockUnset != unset(i+1) {
			t.Errorf("reading %d of %d by time is %v at %v, unset %v", i+1, n, r.Value, r.Time, r.ClockUnset)
		}
	}
}

// byTime returns all readings as a question for the last year and the next would.
func byTime(t *testing.T, b *lane.Book) (out []api.Reading) {
	t.Helper()
	const year = telemetry.Time(365 * 24 * time.Hour)
	now := newTicker().wall
	for r, err := range b.Readings(t.Context(), api.Query{From: now - year, To: now + year}) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, r)
	}
	return out
}
