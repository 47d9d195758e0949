package forwarder_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"fieldpost/forwarder"
	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
	"fieldpost/telemetry/ranges"
	"fieldpost/telemetry/wire"
)

// rig is a session between a box and a gateway, in a bubble of synctest.
type rig struct {
	*box
	*gateway
	s    *forwarder.Session
	log  *bytes.Buffer
	stop func()
}

func (r *rig) setup(t *testing.T, change func(*forwarder.Options)) {
	r.box, r.gateway = newBox(t), newGateway(t)
	r.box.onAcked = r.claims
	r.log = &bytes.Buffer{}
	o := forwarder.Options{Node: node, Link: "lte", Kind: "test", URL: "test://", Software: "test", Outbox: r.box, Dialer: r.gateway, Log: slog.New(slog.NewTextHandler(r.log, nil))}
	if change != nil {
		change(&o)
	}
	r.s = forwarder.New(o)
}

func (r *rig) start() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- r.s.Run(ctx) }()
	r.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			r.box.t.Errorf("Run: %v", err)
		}
		r.gateway.cut(errors.New("end of test"))
		synctest.Wait()
	})
}

// run runs f beside a session that is stopped in the end.
func run(t *testing.T, change func(*forwarder.Options), f func(t *testing.T, r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &rig{}
		r.setup(t, change)
		r.start()
		defer r.stop()
		f(t, r)
	})
}

func wait(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// complete checks that the gateway has exactly what the box keeps, and that the box knows it.
func (r *rig) complete() {
	t := r.box.t
	t.Helper()
	for k, kept := range r.keeps() {
		if missing := kept.Minus(r.has(k)); !missing.Empty() {
			t.Errorf("gateway lacks %v of %v/%v", missing, k.epoch, k.lane)
		}
		if unknown := kept.Minus(r.ackedOf(k)); !unknown.Empty() {
			t.Errorf("box does not know that %v of %v/%v is stored", unknown, k.epoch, k.lane)
		}
	}
	if st := r.s.Status(); st.Waiting != 0 || st.InFlight != 0 {
		t.Errorf("%d records wait and %d bytes are in flight when all is stored", st.Waiting, st.InFlight)
	}
}

func live(e telemetry.Epoch) laneOf { return laneOf{e, telemetry.Live} }

func TestEverythingArrives(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		for i := range 50 {
			r.add(telemetry.Lanes()[i%4], 1+i%7)
			wait(100 * time.Millisecond)
		}
		wait(time.Second)
		r.complete()
		if got := r.has(laneOf{0xe1, telemetry.Archive}); !got.Empty() {
			t.Errorf("archive was sent unasked: %v", got)
		}
		st := r.s.Status()
		if st.State != forwarder.Up || st.HellosSent != 1 || st.TablesSent != 1 || st.Store != r.store || st.Generation != generation(0) {
			t.Errorf("status %+v", st)
		}
		if st.RTT < 50*time.Millisecond || st.RTT > 60*time.Millisecond {
			t.Errorf("round trip measured as %v", st.RTT)
		}
		if r.seen().resentAll != 0 {
			t.Errorf("%d records came twice", r.seen().resentAll)
		}
	})
}

func TestNothingBeforeTheWelcome(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		r.set(func() { r.mute = true })
		r.add(telemetry.Alarm, 1)
		r.add(telemetry.Live, 5)
		wait(25 * time.Second)
		if len(r.seen().got) != 0 {
			t.Errorf("%d frames came before the welcome", len(r.seen().got))
		}
		if n := len(r.seen().hellos); n != 3 {
			t.Errorf("%d hellos in 25 s, want one every 10 s", n)
		}
		wait(5200 * time.Millisecond)
		if st := r.s.Status(); st.State != forwarder.Backoff || !strings.Contains(st.LastError, "did not answer the hello for 30s") {
			t.Errorf("status %+v", st)
		}
		r.set(func() { r.mute = false })
		wait(3 * time.Second)
		r.complete()
	})
}

func TestAlarmFirstThenLiveThenBulk(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		r.set(func() { r.refuse = true })
		wait(time.Second)
		r.add(telemetry.Bulk, 3)
		r.add(telemetry.Live, 3)
		r.add(telemetry.Live, 3)
		r.add(telemetry.Alarm, 1)
		r.set(func() { r.refuse = false })
		wait(5 * time.Second)
		r.complete()
		var order []string
		for _, a := range r.seen().got {
			order = append(order, a.header.Lane.String())
		}
		if got := strings.Join(order, " "); got != "alarm live bulk" { // the two live frames joined
			t.Errorf("order of arrival: %s", got)
		}
	})
}

// TestWindow: a slow link is filled and never flooded, and an alarm waits for less than half a second of it and a publish.
func TestWindow(t *testing.T) {
	for _, rate := range []int{2_000, 20_000, 200_000} {
		run(t, nil, func(t *testing.T, r *rig) {
			r.set(func() { r.rate = rate })
			n := rate * 60 / 1200 // a minute's worth
			for range n {
				r.add(telemetry.Bulk, 100)
			}
			begin := time.Now()
			var windows []int
			for i := range 20 {
				wait(time.Second)
				st := r.s.Status()
				windows = append(windows, st.Window)
				if i < 8 {
					continue // finding out
				}
				if st.InFlight > slices.Max(windows[i-2:]) || st.Window > max(rate, 4<<10) {
					t.Errorf("rate %d: %d bytes in flight, window %d", rate, st.InFlight, st.Window)
				}
				if ratio := st.Rate / float64(rate); ratio < 0.7 || ratio > 1.3 {
					t.Errorf("rate %d was measured as %.0f", rate, st.Rate)
				}
			}
			sent := time.Now()
			span := r.add(telemetry.Alarm, 1)
			for r.has(laneOf{0xe1, telemetry.Alarm}).Empty() {
				wait(10 * time.Millisecond)
			}
			if took, most := time.Since(sent), time.Second; took > most {
				t.Errorf("rate %d: alarm %v took %v", rate, span, took)
			}
			bytes := 0
			for _, a := range r.seen().got {
				bytes += a.size
			}
			if got := float64(bytes) / time.Since(begin).Seconds() / float64(rate); got < 0.75 {
				t.Errorf("rate %d: only %.0f %% of the link was used", rate, 100*got)
			}
		})
	}
}

func TestLongRoundTripDoesNotStarve(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		r.set(func() { r.latency, r.rate = 900*time.Millisecond, 50_000 })
		for range 5000 {
			r.add(telemetry.Bulk, 100)
		}
		wait(time.Minute)
		bytes, since := 0, time.Now().Add(-20*time.Second)
		for _, a := range r.seen().got {
			if a.at.After(since) {
				bytes += a.size
			}
		}
		if got := float64(bytes) / 20 / 50_000; got < 0.7 {
			t.Errorf("only %.0f %% of the link was used after 40 s; %+v", 100*got, r.s.Status())
		}
	})
}

func TestFramesAreJoinedAndCut(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		r.set(func() { r.refuse = true; r.maxFrame = 2000 })
		wait(time.Second)
		for range 100 {
			r.add(telemetry.Live, 2)
		}
		r.add(telemetry.Live, 5000)
		r.set(func() { r.refuse = false })
		wait(20 * time.Second)
		r.complete()
		if n := len(r.seen().got); n < 20 || n > 100 {
			t.Errorf("%d frames came", n)
		}
		for _, a := range r.seen().got {
			if a.size > 2000 {
				t.Errorf("a frame of %d bytes came", a.size)
			}
		}
		if n := r.seen().got[1].header.Count; n < 40 { // the first one measures the link
			t.Errorf("the second frame has %d records", n)
		}
	})
}

// TestSilence: what a link swallowed is sent again after 30 s, and only that.
func TestSilence(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		r.add(telemetry.Live, 10)
		wait(time.Second)
		r.set(func() { r.swallow = true })
		r.add(telemetry.Live, 10) // arrives, its ack does not
		wait(time.Second)
		r.set(func() { r.swallow, r.deaf = false, true })
		r.add(telemetry.Live, 10) // does not arrive
		wait(time.Second)
		r.set(func() { r.deaf = false })
		wait(25 * time.Second)
		if n := len(r.seen().hellos); n != 1 {
			t.Errorf("%d hellos after 27 s of silence", n)
		}
		wait(5 * time.Second)
		r.complete()
		if len(r.seen().hellos) != 2 || len(r.seen().dials) != 1 || r.seen().resentAll != 0 {
			t.Errorf("%d hellos, %d connections, %d records for nothing", len(r.seen().hellos), len(r.seen().dials), r.seen().resentAll)
		}
		if st := r.s.Status(); st.FramesResent != 1 {
			t.Errorf("%d frames were sent again", st.FramesResent)
		}
	})
}

func TestHalfOpen(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		wait(time.Second)
		r.set(func() { r.deaf = true })
		r.add(telemetry.Live, 10)
		wait(59 * time.Second)
		if len(r.seen().dials) != 1 {
			t.Errorf("gave the connection up after %v", r.seen().dials[1].Sub(r.seen().dials[0]))
		}
		r.set(func() { r.deaf = false; r.conns = nil }) // the old one stays silent
		wait(3 * time.Second)
		r.complete()
		if len(r.seen().dials) != 2 {
			t.Errorf("%d connections", len(r.seen().dials))
		}
	})
}

// TestGatewayRestored: a gateway that comes back with an older disk gets again what the node still keeps (delivery rule 6).
func TestGatewayRestored(t *testing.T) {
	for _, broker := range []bool{false, true} {
		run(t, nil, func(t *testing.T, r *rig) {
			r.set(func() { r.broker, r.direct = broker, !broker })
			r.add(telemetry.Live, 10)
			wait(time.Second)
			old := r.backup()
			r.add(telemetry.Live, 10)
			r.add(telemetry.Alarm, 2)
			wait(time.Second)
			r.complete()
			r.restart(old)
			r.add(telemetry.Live, 1) // behind a broker nothing else tells of the restart
			wait(5 * time.Second)
			r.complete()
			if got := r.has(live(0xe1)); !got.Equal(ranges.Make(ranges.Range{From: 1, To: 21})) {
				t.Errorf("gateway has %v", got)
			}
		})
	}
}

func TestForeignStore(t *testing.T) {
	for _, accept := range []bool{false, true} {
		run(t, func(o *forwarder.Options) {
			if accept {
				o.Accept = []wire.StoreID{{2}}
			}
		}, func(t *testing.T, r *rig) {
			r.add(telemetry.Live, 10)
			wait(time.Second)
			r.set(func() { r.store, r.gens = wire.StoreID{2}, []map[laneOf]ranges.Set{{}} })
			r.cut(errors.New("cut"))
			r.add(telemetry.Live, 10)
			wait(time.Minute)
			if accept {
				r.complete()
				return
			}
			if got := r.has(live(0xe1)); !got.Empty() {
				t.Errorf("the foreign store was sent %v", got)
			}
			st := r.s.Status()
			if st.State != forwarder.Stopped || !strings.Contains(st.LastError, "accept_stores") || !strings.Contains(r.log.String(), "link stopped") {
				t.Errorf("status %+v", st)
			}
			if n := len(r.seen().dials); n != 2 {
				t.Errorf("%d connections", n)
			}
			r.set(func() { r.store, r.gens = wire.StoreID{1}, append(r.gens, map[laneOf]ranges.Set{}) })
			wait(time.Hour)
			r.complete()
		})
	}
}

func TestRefusals(t *testing.T) {
	cases := []struct {
		name    string
		reason  wire.Reason
		times   int // how often each frame is refused
		wait    time.Duration
		arrives bool
		frames  int
		log     string
	}{
		{"cold", wire.Cold, 1, time.Second, true, 2, ""},
		{"cold again and again", wire.Cold, 4, 70 * time.Second, true, 5, ""},
		{"busy", wire.Busy, 2, 5 * time.Second, true, 3, ""},
		{"corrupt once", wire.Corrupt, 1, time.Second, true, 2, ""},
		{"corrupt twice", wire.Corrupt, 2, time.Minute, false, 2, "gateway cannot read frame"},
		{"version", wire.Version, 1, time.Minute, false, 1, "gateway refuses frame for good"},
		{"not allowed", wire.NotAllowed, 1, time.Minute, false, 1, "gateway refuses frame for good"},
		{"a later reason", wire.Reason(99), 1, time.Minute, false, 1, "gateway refuses frame for good"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			run(t, nil, func(t *testing.T, r *rig) {
				count := 0
				r.set(func() {
					r.refusal = func(h frame.Header) *wire.Refusal {
						if h.First != 1 || count >= c.times {
							return nil
						}
						count++
						return &wire.Refusal{Reason: c.reason, Wait: 1500}
					}
				})
				r.add(telemetry.Live, 10)
				wait(500 * time.Millisecond)
				r.add(telemetry.Live, 10)
				wait(c.wait)
				if got := r.has(live(0xe1)); got.Has(1) != c.arrives || !got.Has(11) {
					t.Errorf("gateway has %v", got)
				}
				n := 0
				for _, a := range r.seen().got {
					if a.header.First == 1 {
						n++
					}
				}
				if n != c.frames {
					t.Errorf("the frame came %d times, want %d", n, c.frames)
				}
				if !strings.Contains(r.log.String(), c.log) || strings.Count(r.log.String(), "level=ERROR") > 1 {
					t.Errorf("log:\n%s", r.log)
				}
				st := r.s.Status()
				if st.Refused[c.reason] != uint64(c.times) {
					t.Errorf("status %+v", st)
				}
				if c.arrives {
					r.complete()
					return
				}
				if st.Parked != 10 || st.Waiting != 0 {
					t.Errorf("status %+v", st)
				}
				r.restart(nil) // upgraded, perhaps
				wait(5 * time.Second)
				r.complete()
			})
		})
	}
}

// TestCorruptNeighbours: of frames that were joined and refused together, only the one that is refused alone as well is left out.
func TestCorruptNeighbours(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		var refused []string
		r.set(func() {
			r.refusal = func(h frame.Header) *wire.Refusal {
				if h.First > 15 || h.Last() < 15 {
					return nil
				}
				refused = append(refused, fmt.Sprintf("%d-%d", h.First, h.Last()))
				return &wire.Refusal{Reason: wire.Corrupt}
			}
			r.refuse = true
		})
		r.cut(nil)
		for range 3 {
			r.add(telemetry.Live, 10)
		}
		r.set(func() { r.refuse = false })
		wait(2 * time.Minute)
		r.add(telemetry.Live, 10)
		wait(5 * time.Second)
		want := ranges.Make(ranges.Range{From: 1, To: 10}, ranges.Range{From: 21, To: 40})
		if got := r.has(live(0xe1)); !got.Equal(want) {
			t.Errorf("gateway has %v, want %v", got, want)
		}
		// Joined, then as the outbox has it, twice: the second time at the latest a gateway keeps it aside and acknowledges it.
		if got := strings.Join(refused, " "); got != "1-30 11-20 11-20" {
			t.Errorf("refused were %s", got)
		}
		if st := r.s.Status(); st.Parked != 10 || st.Waiting != 0 {
			t.Errorf("status %+v", st)
		}
	})
}

// TestDropsAreTold: what the node gives up is told at once, with the reason; commits and what the gateway has are not (delivery rule 13).
func TestDropsAreTold(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		r.set(func() {
			r.refusal = func(frame.Header) *wire.Refusal { return &wire.Refusal{Reason: wire.Busy, Wait: 60_000} }
		})
		r.add(telemetry.Live, 10)
		r.add(telemetry.Live, 10)
		wait(15 * time.Second)
		if n := len(r.seen().hellos); n != 1 {
			t.Fatalf("%d hellos", n)
		}
		_, gone := r.drop(telemetry.Live)
		wait(time.Second)
		if n := len(r.seen().hellos); n != 2 {
			t.Fatalf("%d hellos after a drop", n)
		}
		l := r.seen().hellos[1].Epochs[0].Lanes[telemetry.Live]
		if l.Kept.Has(gone.From) || len(l.Lost) != 1 || l.Lost[0].Range != gone || l.Lost[0].Reason != wire.Full {
			t.Errorf("told %+v", l)
		}
		r.set(func() { r.refusal = nil })
		wait(2 * time.Minute)
		r.complete()
		if got := r.has(live(0xe1)); !got.Equal(ranges.Make(ranges.Range{From: 11, To: 20})) {
			t.Errorf("gateway has %v", got)
		}
	})
}

func TestHeldIsNotSent(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		r.hold(telemetry.Live, ranges.Range{From: 4, To: 6})
		r.add(telemetry.Live, 10)
		wait(time.Second)
		want := ranges.Make(ranges.Range{From: 1, To: 3}, ranges.Range{From: 7, To: 10})
		if got := r.has(live(0xe1)); !got.Equal(want) {
			t.Errorf("gateway has %v", got)
		}
	})
}

func TestNewEpoch(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		r.add(telemetry.Live, 10)
		wait(time.Second)
		r.open(0xe2)
		r.add(telemetry.Live, 10)
		wait(time.Second)
		r.complete()
		if got := r.has(live(0xe2)); !got.Equal(ranges.Make(ranges.Range{From: 11, To: 20})) {
			t.Errorf("gateway has %v", got)
		}
		if len(r.seen().hellos) != 2 {
			t.Errorf("%d hellos", len(r.seen().hellos))
		}
	})
}

// TestUnreadable: a place that cannot be read is left out after three tries, and the lane goes on.
func TestUnreadable(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		r.box.mu.Lock()
		r.broken[telemetry.Live] = errDisk
		r.box.mu.Unlock()
		r.add(telemetry.Live, 300)
		r.add(telemetry.Bulk, 10)
		wait(1500 * time.Millisecond)
		if got := r.has(laneOf{0xe1, telemetry.Bulk}); got.Len() != 10 {
			t.Errorf("bulk waits for live: %v", got)
		}
		wait(time.Minute)
		if st := r.s.Status(); st.Parked != 300 || st.State != forwarder.Up {
			t.Errorf("status %+v", st)
		}
		r.box.mu.Lock()
		delete(r.broken, telemetry.Live)
		r.box.mu.Unlock()
		r.add(telemetry.Live, 10)
		wait(time.Second)
		if got := r.has(live(0xe1)); !got.Equal(ranges.Make(ranges.Range{From: 301, To: 310})) {
			t.Errorf("gateway has %v", got)
		}
		if n := strings.Count(r.log.String(), "level=ERROR"); n != 1 {
			t.Errorf("%d errors in the log:\n%s", n, r.log)
		}
		if r.readCount() > 400 {
			t.Errorf("%d reads", r.readCount())
		}
	})
}

func TestMissingTable(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		r.box.mu.Lock()
		r.noTable = true
		r.box.mu.Unlock()
		r.add(telemetry.Live, 10)
		wait(5 * time.Second)
		if st := r.s.Status(); st.Parked != 10 || len(r.seen().got) != 0 {
			t.Errorf("status %+v, %d frames", st, len(r.seen().got))
		}
	})
}

func TestBackoff(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		r.set(func() { r.refuse = true })
		r.add(telemetry.Live, 1)
		wait(10 * time.Minute)
		var waits []time.Duration
		for i := 1; i < len(r.seen().dials); i++ {
			waits = append(waits, r.seen().dials[i].Sub(r.seen().dials[i-1]))
		}
		part := waits[0].Seconds()
		if part < 0.5 || part > 1 {
			t.Errorf("first wait %v", waits[0])
		}
		for i, w := range waits {
			want := part * float64(min(60, 1<<min(i, 10)))
			if d := w.Seconds() - want; d < -0.01 || d > 0.01 {
				t.Errorf("wait %d is %v, want %.2f s", i, w, want)
			}
		}
		if n := strings.Count(r.log.String(), "\n"); n != 1 {
			t.Errorf("%d lines in the log:\n%s", n, r.log)
		}
		r.set(func() { r.refuse = false })
		wait(61 * time.Second)
		r.complete()
		if st := r.s.Status(); st.Attempts != 0 {
			t.Errorf("%d attempts after an acknowledged round trip", st.Attempts)
		}
		if !strings.Contains(r.log.String(), "link up again") {
			t.Errorf("log:\n%s", r.log)
		}
	})
}

// TestBackoffSpreads: nodes with names alike do not come back at the same time.
func TestBackoffSpreads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tenths [10]int
		for i := range 200 {
			g := newGateway(t)
			g.refuse = true
			name := "pi-" + string(rune('0'+i/100)) + string(rune('0'+i/10%10)) + string(rune('0'+i%10))
			s := forwarder.New(forwarder.Options{Node: name, Link: "lte", Outbox: newBox(t), Dialer: g})
			ctx, cancel := context.WithTimeout(context.Background(), 1100*time.Millisecond)
			_ = s.Run(ctx)
			cancel()
			tenths[min(9, int((g.dials[1].Sub(g.dials[0]).Seconds()-0.5)*20))]++
		}
		for i, n := range tenths {
			if n < 8 || n > 35 {
				t.Errorf("%d of 200 nodes in tenth %d: %v", n, i, tenths)
			}
		}
	})
}

func TestConnectionWithoutAckDoesNotResetBackoff(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		r.add(telemetry.Live, 1)
		r.set(func() { r.swallow = true })
		for range 4 {
			wait(35 * time.Second)
			r.cut(errors.New("cut"))
			wait(time.Millisecond)
		}
		if st := r.s.Status(); st.Attempts < 2 {
			t.Errorf("%d attempts", st.Attempts)
		}
	})
}

func TestGenerationOfAnother(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		wait(time.Second)
		r.gateway.mu.Lock()
		c := r.conns[0]
		r.gateway.mu.Unlock()
		ack := &wire.Ack{Generation: 7, Stored: []wire.Stored{{Epoch: 0xe1, Lane: telemetry.Live, Ranges: ranges.Make(ranges.Range{From: 1, To: 1000})}}}
		for range 50 {
			c.say(ack)
		}
		wait(time.Second)
		if n := len(r.seen().hellos); n != 2 {
			t.Errorf("%d hellos", n)
		}
		c.put(c.down, []byte{1, 16, 0})
		c.put(c.down, []byte{1, 77})
	})
}

// TestWelcomesThatDoNotCount: one that answers another connection, and one that its successor's overtook.
func TestWelcomesThatDoNotCount(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		r.set(func() { r.broker, r.direct = true, false })
		r.add(telemetry.Live, 10)
		wait(time.Second)
		r.restart(map[laneOf]ranges.Set{})
		r.add(telemetry.Live, 1)
		wait(time.Second)
		r.complete()
		r.gateway.mu.Lock()
		c := r.conns[0]
		r.gateway.mu.Unlock()
		lie := []wire.Stored{{Epoch: 0xe1, Lane: telemetry.Live, Ranges: ranges.Make(ranges.Range{From: 1, To: 1000})}}
		c.say(&wire.Welcome{Nonce: c.info.Nonce, Store: wire.StoreID{1}, Generation: generation(0), Stored: lie})
		c.say(&wire.Welcome{Nonce: c.info.Nonce + 1, Store: wire.StoreID{1}, Generation: generation(1), Stored: lie})
		wait(time.Second)
		r.add(telemetry.Live, 10)
		wait(time.Second)
		r.complete()
	})
}

func TestGarbageFromTheGateway(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		wait(time.Second)
		r.gateway.mu.Lock()
		c := r.conns[0]
		r.gateway.mu.Unlock()
		for range 10 {
			c.rx <- []byte{1, 16, 0}
			c.rx <- []byte{1, 77}
			c.rx <- nil
		}
		r.add(telemetry.Live, 3)
		wait(time.Second)
		r.complete()
		if st := r.s.Status(); st.Unreadable != 20 {
			t.Errorf("%d counted", st.Unreadable)
		}
		if n := strings.Count(r.log.String(), "level=WARN"); n != 1 {
			t.Errorf("log:\n%s", r.log)
		}
	})
}

func TestStopSaysGoodbye(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		r.add(telemetry.Live, 3)
		wait(time.Second)
		r.gateway.mu.Lock()
		c := r.conns[0]
		r.gateway.mu.Unlock()
		r.stop()
		if closed := func() bool { r.gateway.mu.Lock(); defer r.gateway.mu.Unlock(); return c.closed }(); !closed {
			t.Error("the connection was not closed")
		}
		if st := r.s.Status(); st.State != forwarder.Stopped {
			t.Errorf("status %+v", st)
		}
	})
}
