package forwarder_test

import (
	"testing"
	"time"

	"fieldpost/forwarder"
	"fieldpost/telemetry"
)

func every(d time.Duration) func(*forwarder.Options) {
	return func(o *forwarder.Options) { o.SendEvery = d }
}

// framesOf returns the frames of a lane that came since the first n.
func framesOf(r *rig, l telemetry.Lane, n int) (out []arrival) {
	for _, a := range r.seen().got[n:] {
		if a.header.Lane == l {
			out = append(out, a)
		}
	}
	return out
}

// Readings that come one by one leave together: the first at once, the others by turns.
func TestReadingsWaitForCompany(t *testing.T) {
	run(t, every(time.Minute), func(t *testing.T, r *rig) {
		wait(5 * time.Minute) // whoever reads once in a while waits for nobody
		r.add(telemetry.Live, 1)
		wait(time.Second)
		if got := framesOf(r, telemetry.Live, 0); len(got) != 1 {
			t.Fatalf("%d frames came of a reading after a pause", len(got))
		}
		for range 600 {
			wait(time.Second)
			r.add(telemetry.Live, 1)
		}
		wait(time.Minute + time.Second)
		got := framesOf(r, telemetry.Live, 0)
		for i := 1; i < len(got); i++ {
			if d := got[i].at.Sub(got[i-1].at); d < 59*time.Second {
				t.Errorf("frame %d came %v after the one before", i, d)
			}
		}
		if n := len(got); n < 10 || n > 12 {
			t.Errorf("%d frames in ten minutes", n)
		}
		r.complete()
	})
}

// A backlog waits for no turn: only what does not fill a frame does.
func TestFullFramesDoNotWait(t *testing.T) {
	run(t, every(time.Hour), func(t *testing.T, r *rig) {
		r.add(telemetry.Live, 1)
		wait(time.Second)
		before := len(r.seen().got)
		var all uint64
		for range 400 {
			all += r.add(telemetry.Live, 1000).Len()
			wait(100 * time.Millisecond)
		}
		wait(time.Second)
		var came uint64
		for _, a := range framesOf(r, telemetry.Live, before) {
			came += uint64(a.header.Count)
		}
		if behind := all - came; behind > 100_000 {
			t.Errorf("%d of %d records wait for a turn that is an hour away", behind, all)
		}
		if n := len(r.seen().got) - before; n > 100 {
			t.Errorf("%d frames where full ones would have done", n)
		}
		wait(time.Hour)
		r.complete()
	})
}

// An event goes at once and takes along what waits.
func TestEventTakesReadingsAlong(t *testing.T) {
	run(t, every(time.Hour), func(t *testing.T, r *rig) {
		r.add(telemetry.Live, 1)
		wait(time.Second)
		waiting := r.add(telemetry.Live, 5)
		wait(time.Minute)
		if r.has(live(0xe1)).HasAll(waiting) {
			t.Fatal("readings did not wait")
		}
		event := r.add(telemetry.Alarm, 1)
		wait(time.Second)
		if !r.has(laneOf{0xe1, telemetry.Alarm}).HasAll(event) {
			t.Error("the event waits")
		}
		if !r.has(live(0xe1)).HasAll(waiting) {
			t.Error("the readings before it were not taken along")
		}
	})
}

// The newest do not wait for more than a turn while a backlog keeps the link busy, and neither ever stops.
func TestPaceBesideABacklog(t *testing.T) {
	run(t, func(o *forwarder.Options) { o.FreshShare, o.SendEvery = 30, time.Second }, func(t *testing.T, r *rig) {
		r.set(func() { r.rate, r.refuse = 4000, true })
		r.gateway.cut(nil)
		for range 5000 {
			r.add(telemetry.Live, 40)
		}
		r.set(func() { r.refuse = false })
		wait(time.Minute)
		late := 0
		for range 30 {
			newest := r.add(telemetry.Live, 5)
			wait(3 * time.Second)
			if !r.has(live(0xe1)).HasAll(newest) {
				late++
			}
		}
		if late > 3 {
			t.Errorf("%d of 30 times the newest were not there after three seconds", late)
		}
		r.set(func() { r.rate = 0 })
		wait(5 * time.Minute)
		r.complete()
	})
}

// Who is about to stop waits for nothing.
func TestHurry(t *testing.T) {
	run(t, every(time.Hour), func(t *testing.T, r *rig) {
		r.add(telemetry.Live, 1)
		wait(time.Second)
		rest := r.add(telemetry.Live, 5)
		wait(time.Minute)
		r.s.Hurry()
		r.s.Hurry()
		wait(time.Second)
		if !r.has(live(0xe1)).HasAll(rest) {
			t.Error("it waits all the same")
		}
	})
}
