package forwarder_test

import (
	"testing"
	"time"

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
