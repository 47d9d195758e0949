package forwarder_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"fieldpost/forwarder"
	"fieldpost/telemetry"
)

// A frame that a broker lost is sent again once later ones are stored past it: traffic that goes on keeps the watchdog quiet for ever.
func TestOvertakenFrameIsSentAgain(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		r.add(telemetry.Live, 3)
		wait(time.Second)
		r.set(func() { r.lose = 100 })
		r.add(telemetry.Live, 3)
		wait(100 * time.Millisecond)
		r.set(func() { r.lose = 0 })
		for range 3600 {
			r.add(telemetry.Live, 1)
			wait(time.Second)
		}
		r.complete()
	})
}

// A lane that is away for an hour costs a try a second, leaves nothing out, and keeps no other lane waiting.
func TestALaneThatIsAway(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		r.box.mu.Lock()
		r.broken[telemetry.Live] = fmt.Errorf("read the live lane: %w", forwarder.ErrAway)
		r.box.mu.Unlock()
		r.add(telemetry.Live, 1000)
		r.add(telemetry.Bulk, 10)
		before := r.readCount()
		wait(time.Hour)
		if n := r.readCount() - before; n > 4000 {
			t.Errorf("%d reads in an hour", n)
		}
		if st := r.s.Status(); st.Parked != 0 || st.Waiting != 1000 || st.State != forwarder.Up {
			t.Errorf("status %+v", st)
		}
		if s := r.log.String(); strings.Contains(s, "level=ERROR") || strings.Contains(s, "not ready") {
			t.Errorf("log:\n%s", s)
		}
		r.box.mu.Lock()
		delete(r.broken, telemetry.Live)
		r.box.mu.Unlock()
		wait(5 * time.Second)
		r.complete()
	})
}

// An outbox that cannot be read for ten seconds leaves nothing behind: neither the lane nor the next connection stays without its records.
func TestPassingReadErrorDoesNotParkALane(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		r.add(telemetry.Live, 3)
		wait(time.Second)
		r.box.mu.Lock()
		r.broken[telemetry.Live] = errDisk
		r.box.mu.Unlock()
		r.add(telemetry.Live, 1000)
		wait(10 * time.Second)
		r.box.mu.Lock()
		delete(r.broken, telemetry.Live)
		r.box.mu.Unlock()
		wait(time.Hour)
		r.complete()
		r.cut(nil)
		wait(time.Hour)
		r.complete()
	})
}
