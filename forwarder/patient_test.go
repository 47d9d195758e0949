package forwarder_test

import (
	"errors"
	"testing"
	"time"

	"fieldpost/forwarder"
	"fieldpost/telemetry"
	"fieldpost/telemetry/wire"
)

// trickle adds a reading each second, for so many of them.
func (r *rig) trickle(seconds int) {
	for range seconds {
		r.add(telemetry.Live, 1)
		wait(time.Second)
	}
}

// What comes little and often is acknowledged seldom: each ack waits for wire.AckHold, and what measures the link does not wait.
func TestAcksThatWait(t *testing.T) {
	run(t, every(time.Second), func(t *testing.T, r *rig) {
		r.set(func() { r.patient = true })
		wait(time.Minute)
		r.trickle(120)
		frames, acks, waited := len(r.seen().got), 0, 0
		r.set(func() { acks, waited = len(r.acks), r.waited })
		if frames < 100 || waited < frames-6 || waited == frames {
			t.Errorf("%d of %d frames were patient; want all but one in half a minute", waited, frames)
		}
		if acks > frames/3 {
			t.Errorf("%d acks of %d frames", acks, frames)
		}
		// Two latencies and a commit.
		if rtt := r.s.Status().RTT; rtt < 50*time.Millisecond || rtt > 60*time.Millisecond {
			t.Errorf("the link's round trip is %v, though none but the ack's wait was longer than 50 ms", rtt)
		}
		wait(wire.AckHold + time.Second)
		if n := r.s.Status().Waiting; n > 0 {
			t.Errorf("%d records wait", n)
		}
		r.complete()
	})
}

// Nothing is patient that is sent to a gateway that does not know it, over a link that waits for no company, or by way of a broker.
func TestNothingWaitsUnasked(t *testing.T) {
	for name, c := range map[string]struct {
		every  time.Duration
		change func(g *gateway)
	}{
		"a gateway of before": {time.Second, func(g *gateway) { g.patient = false }},
		"send_every 0":        {0, func(*gateway) {}},
		"a broker between":    {time.Second, func(g *gateway) { g.direct, g.broker = false, true }},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, every(c.every), func(t *testing.T, r *rig) {
				r.set(func() { r.patient = true; c.change(r.gateway) })
				r.gateway.cut(errors.New("cut"))
				wait(time.Minute)
				r.trickle(60)
				wait(time.Second)
				r.set(func() {
					if r.waited > 0 || len(r.acks) < len(r.got) {
						t.Errorf("%d of %d frames were patient; %d acks", r.waited, len(r.got), len(r.acks))
					}
				})
				r.complete()
			})
		})
	}
}

// An event's ack does not wait, and brings along those that do.
func TestEventsDoNotWaitForTheirAck(t *testing.T) {
	run(t, every(time.Second), func(t *testing.T, r *rig) {
		r.set(func() { r.patient = true })
		wait(time.Minute)
		r.trickle(8)
		r.add(telemetry.Alarm, 1)
		wait(100 * time.Millisecond)
		r.set(func() {
			if r.waited == 0 {
				t.Error("no frame was patient")
			}
		})
		if n := r.s.Status().Waiting; n > 0 {
			t.Errorf("%d records wait for their ack, beside an event", n)
		}
		r.complete()
	})
}

// A backlog's acks move the window: they do not wait.
func TestBacklogDoesNotWaitForItsAcks(t *testing.T) {
	run(t, func(o *forwarder.Options) { o.SendEvery = time.Second }, func(t *testing.T, r *rig) {
		r.set(func() { r.patient, r.rate = true, 20_000 })
		wait(time.Minute)
		r.trickle(10)
		before := len(r.seen().got)
		for range 200 {
			r.add(telemetry.Live, 100)
		}
		began := time.Now()
		for r.s.Status().Waiting > 0 && time.Since(began) < time.Minute {
			wait(100 * time.Millisecond)
		}
		r.complete()
		bytes := 0
		for _, a := range r.seen().got[before:] {
			bytes += a.size
		}
		if took, least := time.Since(began), time.Duration(float64(bytes)/20_000*float64(time.Second)); took > least+least/2+wire.AckHold {
			t.Errorf("a backlog of %d bytes took %v, at 20 kB/s", bytes, took)
		}
	})
}

// Who is about to stop asks for the acks that wait.
func TestHurryAsksForAcks(t *testing.T) {
	run(t, every(time.Second), func(t *testing.T, r *rig) {
		r.set(func() { r.patient = true })
		wait(time.Minute)
		r.trickle(8)
		if n := r.s.Status().Waiting; n == 0 {
			t.Fatal("nothing waits for its ack")
		}
		r.s.Hurry()
		wait(200 * time.Millisecond)
		if n := r.s.Status().Waiting; n > 0 {
			t.Errorf("%d records wait", n)
		}
		r.complete()
	})
}

// A connection that ends with acks owed costs nothing but the hello that the next one begins with.
func TestCutWithAcksOwed(t *testing.T) {
	run(t, every(time.Second), func(t *testing.T, r *rig) {
		r.set(func() { r.patient = true })
		wait(time.Minute)
		r.trickle(8)
		r.gateway.cut(errors.New("cut"))
		wait(10 * time.Second)
		if n := r.s.Status().Waiting; n > 0 {
			t.Errorf("%d records wait", n)
		}
		if n := r.seen().resentAll; n > 0 {
			t.Errorf("%d records were sent again that the gateway had", n)
		}
		r.complete()
	})
}

// A brief ack of an epoch or a generation that this connection was not welcomed with says nothing.
func TestBriefAckOfAnother(t *testing.T) {
	run(t, every(time.Second), func(t *testing.T, r *rig) {
		r.set(func() { r.patient, r.swallow = true, true })
		wait(time.Second)
		r.trickle(3)
		var c *link
		r.set(func() { c = r.conns[len(r.conns)-1] })
		all := wire.Ack{Generation: generation(0), Stored: []wire.Stored{{Epoch: 0xe1, Lane: telemetry.Live, Ranges: r.has(live(0xe1))}}}
		for _, other := range []uint32{wire.AckTag(generation(1), 0xe1), wire.AckTag(generation(0), 0xe2), 0} {
			b := all.Brief()
			b.Tag = other
			c.say(b)
		}
		wait(time.Second)
		if n := r.s.Status().RecordsAcked; n > 0 {
			t.Errorf("%d records count as acknowledged", n)
		}
		c.say(all.Brief())
		wait(time.Second)
		if n := r.s.Status().RecordsAcked; n != 3 {
			t.Errorf("%d records count as acknowledged, want 3", n)
		}
		r.set(func() { r.swallow = false })
		wait(time.Minute)
		r.complete()
	})
}
