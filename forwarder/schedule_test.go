package forwarder_test

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"fieldpost/forwarder"
	"fieldpost/telemetry"
	"fieldpost/telemetry/ranges"
)

var seeds = flag.Int("seeds", 25, "schedules of TestSchedules")

// TestSchedules throws everything at a session, in seeded random order: commits, drops, new epochs, cuts, silence either way, swallowed
// acks, lost, doubled and overtaking messages, gateways that start anew, also with an older disk, also behind a broker that hides it.
// It shows, for each schedule:
//
//   - The outbox is never told that a record is stored which the gateway's generation that last welcomed the node has not (gateway.claims).
//   - A record keeps its content on the way, cut and joined as may be (gateway.frame).
//   - Once the faults end, the gateway has all that the node still keeps, and the node knows it.
func TestSchedules(t *testing.T) {
	for seed := range *seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			run(t, func(o *forwarder.Options) {
				o.FreshShare = 50 * (seed % 2)
				o.SendEvery = time.Duration(seed%3) * time.Second
			}, func(t *testing.T, r *rig) { schedule(r, rand.New(rand.NewPCG(uint64(seed), 1))) })
		})
	}
}

func schedule(r *rig, rnd *rand.Rand) {
	r.set(func() {
		r.broker = rnd.IntN(2) == 0
		r.direct = !r.broker
		r.patient = rnd.IntN(4) > 0
		r.latency = time.Duration(rnd.IntN(200)) * time.Millisecond
		r.commit = time.Duration(rnd.IntN(300)) * time.Millisecond
		r.maxFrame = []uint32{0, 1500, 256 << 10}[rnd.IntN(3)]
		r.credit = []uint64{0, 4000}[rnd.IntN(2)]
		r.rate = []int{0, 0, 20_000}[rnd.IntN(3)]
		if r.broker {
			r.lose, r.double = 5*rnd.IntN(3), 5*rnd.IntN(3)
			r.disorder = rnd.IntN(3) == 0
		}
	})
	backups := []map[laneOf]ranges.Set{{}}
	for step := range 120 {
		switch n := rnd.IntN(100); {
		case n < 55:
			r.add(telemetry.Lanes()[rnd.IntN(4)], 1+rnd.IntN(40))
		case n < 60:
			r.drop([]telemetry.Lane{telemetry.Live, telemetry.Bulk}[rnd.IntN(2)])
		case n < 62:
			r.open(telemetry.Epoch(0x1000 + step))
		case n < 68:
			r.gateway.cut(errors.New("cut"))
		case n < 73:
			r.set(func() { r.deaf = !r.deaf })
		case n < 78:
			r.set(func() { r.swallow = !r.swallow })
		case n < 81:
			r.set(func() { r.mute = !r.mute })
		case n < 84:
			r.set(func() { r.refuse = !r.refuse })
		case n < 88:
			backups = append(backups, r.backup())
		case n < 92:
			r.restart(nil)
		case n < 95:
			r.restart(backups[rnd.IntN(len(backups))])
		}
		wait(time.Duration(rnd.IntN(1+rnd.IntN(20_000))) * time.Millisecond)
	}
	r.set(func() {
		r.deaf, r.swallow, r.mute, r.refuse, r.lose, r.double, r.disorder = false, false, false, false, 0, 0, false
	})
	// A last commit, so that a restart behind a broker is noticed, and time for every watchdog to run out once.
	r.add(telemetry.Live, 1)
	wait(5 * time.Minute)
	r.complete()
	if r.box.t.Failed() {
		r.box.t.Logf("%v\n%s", r.gateway, r.log)
	}
}
