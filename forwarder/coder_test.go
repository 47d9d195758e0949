package forwarder_test

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"fieldpost/forwarder"
	"fieldpost/telemetry"
	"fieldpost/telemetry/frame/dense"
	"fieldpost/telemetry/wire"
)

func full(o *forwarder.Options) { o.Coding = forwarder.Full }

// feed commits n frames, one a second, and waits until they are stored.
func (r *rig) feed(n int) {
	for range n {
		r.add(telemetry.Live, 30)
		wait(time.Second)
	}
	wait(2 * time.Second)
}

func TestDenseLink(t *testing.T) {
	run(t, full, func(t *testing.T, r *rig) {
		r.set(func() { r.dense = true })
		r.feed(20)
		r.complete()
		if st := r.s.Status(); st.Coding != forwarder.Full || st.FramesDense != 20 || st.FramesCold != 1 || st.FramesSent != 20 {
			t.Errorf("%s: %d frames, %d dense, %d cold", st.Coding, st.FramesSent, st.FramesDense, st.FramesCold)
		}
	})
}

// A gateway that reads plain frames only gets such.
func TestDenseLinkToAnOldGateway(t *testing.T) {
	run(t, full, func(t *testing.T, r *rig) {
		r.feed(5)
		r.complete()
		if st := r.s.Status(); st.Coding != forwarder.Plain || st.FramesDense != 0 {
			t.Errorf("%s: %d dense", st.Coding, st.FramesDense)
		}
	})
}

// A state that the gateway lost costs one cold frame, and no connection.
func TestLostState(t *testing.T) {
	run(t, full, func(t *testing.T, r *rig) {
		r.set(func() { r.dense = true })
		r.feed(5)
		r.gateway.set(func() { r.gateway.chain = dense.Chain{} })
		r.feed(5)
		r.complete()
		if st := r.s.Status(); st.FramesCold != 2 || st.FramesSent != 11 || st.Refused[wire.Cold] != 1 || len(r.gateway.seen().dials) != 1 || st.HellosSent != 1 {
			t.Errorf("%d frames, %d cold, refused %v, %d hellos", st.FramesSent, st.FramesCold, st.Refused, st.HellosSent)
		}
	})
}

// Where the gateway can read none of them, frames are plain from some point on.
func TestUnreadableDenseFrames(t *testing.T) {
	run(t, full, func(t *testing.T, r *rig) {
		r.set(func() { r.dense, r.blind = true, true })
		r.feed(10)
		r.complete()
		if st := r.s.Status(); st.Coding != forwarder.Plain || st.FramesDense != 3 {
			t.Errorf("%s: %d dense", st.Coding, st.FramesDense)
		}
		if n := strings.Count(r.log.String(), "cannot read dense frames"); n != 1 {
			t.Errorf("said %d times:\n%s", n, r.log)
		}
	})
}

// The states outlive a connection, and a gateway that has kept them; to one that has not the first frame is cold.
func TestStatesOutliveTheConnection(t *testing.T) {
	run(t, full, func(t *testing.T, r *rig) {
		r.set(func() { r.dense = true })
		r.feed(5)
		for _, c := range []struct {
			kept bool
			cold uint64
		}{{true, 1}, {false, 2}} {
			if !c.kept {
				r.gateway.set(func() { r.gateway.chain = dense.Chain{} })
			}
			r.gateway.cut(errors.New("pulled"))
			wait(time.Minute)
			r.feed(5)
			r.complete()
			if st := r.s.Status(); st.FramesCold != c.cold {
				t.Errorf("states kept: %v: %d cold, want %d", c.kept, st.FramesCold, c.cold)
			}
		}
	})
}

// Links that lose, double and shuffle messages: all arrives, and is what it was.
func TestDenseOnABadLink(t *testing.T) {
	for _, broken := range []func(g *gateway){
		func(g *gateway) { g.lose = 10 },
		func(g *gateway) { g.double = 30 },
		func(g *gateway) { g.disorder = true },
		func(g *gateway) { g.lose, g.double, g.disorder = 5, 5, true },
	} {
		run(t, full, func(t *testing.T, r *rig) {
			r.set(func() {
				r.dense = true
				broken(r.gateway)
			})
			for range 60 {
				r.add(telemetry.Lanes()[rand.IntN(3)], 1+rand.IntN(40))
				wait(time.Duration(rand.IntN(1000)) * time.Millisecond)
			}
			r.gateway.set(func() { r.gateway.lose, r.gateway.double, r.gateway.disorder = 0, 0, false })
			wait(5 * time.Minute)
			r.complete()
			if r.s.Status().FramesDense == 0 {
				t.Error("no frame was dense")
			}
		})
	}
}

// A large backlog goes in dense frames of many records, cut to the window.
func TestDenseBacklog(t *testing.T) {
	run(t, full, func(t *testing.T, r *rig) {
		r.set(func() { r.dense, r.refuse = true, true })
		for range 400 {
			r.add(telemetry.Live, 50)
		}
		r.gateway.set(func() { r.gateway.refuse, r.gateway.rate = false, 20_000 })
		wait(10 * time.Minute)
		r.complete()
		st := r.s.Status()
		if st.FramesDense == 0 || st.FramesDense > 200 {
			t.Errorf("20,000 records in %d dense frames of %d", st.FramesDense, st.FramesSent)
		}
		for _, a := range r.gateway.seen().got {
			if a.header.Count > 2048 {
				t.Errorf("a dense frame of %d records", a.header.Count)
			}
		}
	})
}
