package forwarder_test

import (
	"testing"
	"time"

	"fieldpost/forwarder"
	"fieldpost/telemetry"
)

// After an outage, over a slow link, the newest of the live lane arrives beside the backlog, and the backlog gets its share too. Without a share
// everything goes in its order.
func TestNewestBesideTheBacklog(t *testing.T) {
	for _, share := range []int{0, 30} {
		run(t, func(o *forwarder.Options) { o.FreshShare = share }, func(t *testing.T, r *rig) {
			r.set(func() { r.rate, r.refuse = 4000, true })
			r.gateway.cut(nil)
			for range 5000 {
				r.add(telemetry.Live, 40)
				r.add(telemetry.Bulk, 5)
			}
			r.set(func() { r.refuse = false })
			wait(time.Minute) // back-off
			k := live(0xe1)
			before := r.has(k)
			late := 0
			for range 30 {
				newest := r.add(telemetry.Live, 5)
				wait(2 * time.Second)
				if got := r.has(k); !got.HasAll(newest) {
					late++
				}
			}
			behind := r.keeps()[k].Minus(r.has(k))
			if behind.Len() < 20_000 {
				t.Fatalf("only %d records wait: this shows nothing", behind.Len())
			}
			if share == 0 && late < 30 || share > 0 && late > 3 {
				t.Errorf("with a share of %d %% %d of 30 times the newest were not there after two seconds", share, late)
			}
			if sent := r.has(k).Minus(before).Len(); sent < 1000 {
				t.Errorf("of the backlog only %d records came in a minute", sent)
			}
			r.set(func() { r.rate = 0 })
			wait(5 * time.Minute)
			r.complete()
		})
	}
}
