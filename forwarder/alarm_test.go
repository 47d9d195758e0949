package forwarder_test

import (
	"testing"
	"time"

	"fieldpost/forwarder"
	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
	"fieldpost/telemetry/wire"
)

func withDetour(o *forwarder.Options) { o.AlarmLink = "alarm" }

// dialled returns how often each connection was dialled.
func (r *rig) dialled() (first, second int) {
	r.gateway.mu.Lock()
	defer r.gateway.mu.Unlock()
	for _, name := range r.names {
		if name == r.second {
			second++
		} else {
			first++
		}
	}
	return first, second
}

// An alarm that the first connection keeps waiting goes again on a second one, within the patience that the rule gives it, and the first one goes on.
func TestAlarmTakesASecondConnection(t *testing.T) {
	run(t, withDetour, func(t *testing.T, r *rig) {
		r.set(func() { r.second = "alarm" })
		r.add(telemetry.Alarm, 1)
		wait(5 * time.Second)
		r.complete()
		r.set(func() { r.stuck = true })
		wait(time.Second)
		k := laneOf{0xe1, telemetry.Alarm}
		raised := r.add(telemetry.Alarm, 1)
		r.add(telemetry.Live, 10)
		wait(1900 * time.Millisecond)
		if _, second := r.dialled(); second != 0 {
			t.Errorf("a second connection was made before two seconds were over")
		}
		wait(300 * time.Millisecond)
		if !r.has(k).HasAll(raised) {
			t.Errorf("the alarm is not at the gateway after 2.2 s: %v", r.gateway)
		}
		if !r.ackedOf(k).HasAll(raised) {
			t.Errorf("the node does not know that the alarm is stored")
		}
		if !r.has(live(0xe1)).Empty() {
			t.Errorf("readings went over the second connection")
		}
		if st := r.s.Status(); st.State != forwarder.Up || st.Second != forwarder.Up {
			t.Errorf("the first connection is %s, the second %s", st.State, st.Second)
		}
		// What comes next need not wait again.
		next := r.add(telemetry.Alarm, 3)
		wait(200 * time.Millisecond)
		if !r.has(k).HasAll(next) {
			t.Errorf("the next alarm is not at the gateway after 0.2 s")
		}
		r.set(func() { r.stuck = false })
		wait(3 * time.Minute)
		r.complete()
		if first, second := r.dialled(); first != 1 || second != 1 {
			t.Errorf("%d and %d connections were made, want one of each", first, second)
		}
		if st := r.s.Status(); st.Second != "" {
			t.Errorf("the second connection is %s two minutes after its last alarm", st.Second)
		}
	})
}

// Where nothing is wrong with the first connection, or nothing could be done about it, there is no second one.
func TestNoSecondConnectionForNothing(t *testing.T) {
	for name, f := range map[string]func(t *testing.T, r *rig){
		"alarms that are acknowledged": func(t *testing.T, r *rig) {
			for range 100 {
				r.add(telemetry.Alarm, 2)
				wait(700 * time.Millisecond)
			}
		},
		"readings wait": func(t *testing.T, r *rig) {
			r.set(func() { r.stuck = true })
			r.add(telemetry.Live, 100)
			wait(20 * time.Second)
		},
		"no gateway": func(t *testing.T, r *rig) {
			r.set(func() { r.refuse = true })
			r.gateway.cut(nil)
			r.add(telemetry.Alarm, 1)
			wait(time.Minute)
		},
		"a hello not answered yet": func(t *testing.T, r *rig) {
			r.set(func() { r.mute = true })
			r.gateway.cut(nil)
			r.add(telemetry.Alarm, 1)
			wait(20 * time.Second)
			r.set(func() { r.mute = false })
		},
		"an outage's alarms over a slow link": func(t *testing.T, r *rig) {
			r.set(func() { r.rate, r.queue, r.refuse = 2000, true, true })
			r.gateway.cut(nil)
			for range 500 {
				r.add(telemetry.Alarm, 10)
			}
			r.set(func() { r.refuse = false })
			wait(time.Minute)
		},
		"a gateway that asks for a pause": func(t *testing.T, r *rig) {
			r.set(func() {
				r.refusal = func(frame.Header) *wire.Refusal { return &wire.Refusal{Reason: wire.Busy, Wait: 10_000} }
			})
			r.add(telemetry.Alarm, 1)
			wait(35 * time.Second)
			r.set(func() { r.refusal = nil })
		},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, withDetour, func(t *testing.T, r *rig) {
				r.set(func() { r.second = "alarm" })
				wait(time.Second)
				f(t, r)
				if _, second := r.dialled(); second != 0 {
					t.Errorf("%d second connections were made", second)
				}
				r.set(func() { r.stuck, r.refuse, r.rate = false, false, 0 })
				wait(3 * time.Minute)
				r.complete()
			})
		})
	}
}

// A gateway that cannot be reached by a second connection either is not pestered: the attempts back off, and end with the alarm.
func TestSecondConnectionBacksOff(t *testing.T) {
	run(t, withDetour, func(t *testing.T, r *rig) {
		r.set(func() { r.second = "alarm" })
		wait(time.Second)
		r.set(func() { r.stuck, r.refuse = true, true })
		r.add(telemetry.Alarm, 1)
		wait(29 * time.Second)
		if _, second := r.dialled(); second < 2 || second > 6 {
			t.Errorf("%d attempts in 29 s", second)
		}
		r.set(func() { r.stuck, r.refuse = false, false })
		wait(3 * time.Minute)
		r.complete()
		_, before := r.dialled()
		wait(10 * time.Minute)
		if _, after := r.dialled(); after != before {
			t.Errorf("%d more attempts after all was acknowledged", after-before)
		}
	})
}

// A backlog over a slow link with a long way: the window stays that of the link, however long the backlog keeps it full, and an alarm raised now is
// there in a second or so. A window that takes its own queue for the link's length doubles every half minute.
func TestBacklogKeepsTheWindowTight(t *testing.T) {
	run(t, withDetour, func(t *testing.T, r *rig) {
		const rate = 8000 // 64 kbit/s
		r.set(func() { r.rate, r.queue, r.latency = rate, true, 300*time.Millisecond })
		for range 8000 {
			r.add(telemetry.Bulk, 100)
		}
		wait(10 * time.Second)
		sent := len(r.seen().got)
		k := laneOf{0xe1, telemetry.Alarm}
		for i := range 60 {
			wait(5 * time.Second)
			raised, begin := r.add(telemetry.Alarm, 1), time.Now()
			for !r.has(k).HasAll(raised) && time.Since(begin) < 10*time.Second {
				wait(10 * time.Millisecond)
			}
			if took := time.Since(begin); took > 1500*time.Millisecond {
				t.Errorf("alarm %d took %v", i, took)
			}
			if st := r.s.Status(); st.Window > rate*5/4 {
				t.Fatalf("after %d s the window is %d bytes, round trip %v, rate %.0f", 5*i, st.Window, st.RTT, st.Rate)
			}
		}
		if st := r.s.Status(); st.Waiting < 1000 {
			t.Fatalf("only %d records wait: this shows nothing", st.Waiting)
		}
		bytes := 0
		for _, a := range r.seen().got[sent:] {
			bytes += a.size
		}
		if got := float64(bytes) / 300 / rate; got < 0.85 {
			t.Errorf("only %.0f %% of the link was used", 100*got)
		}
		if _, second := r.dialled(); second != 0 {
			t.Errorf("%d second connections were made", second)
		}
	})
}
