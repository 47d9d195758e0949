package forwarder

import "time"

const (
	startWindow = 16 << 10 // before anything is known of the link
	minWindow   = 2 << 10  // about one small frame under way and one on its way to the disk
	maxWindow   = 4 << 20
	alarmWindow = 64 << 10 // at most, of a window of their own: an alarm never waits for readings, but a year of alarms must not go at once

	maxPayload = 256 << 10
	minPayload = 1 << 10 // below it headers outweigh records

	// A measurement counts for between one and two spans.
	rateSpan = 5 * time.Second
	rttSpan  = 30 * time.Second

	// smallFrame is the largest frame whose round trip counts as the link's own.
	smallFrame = 2 * minPayload

	// drainMost is how long a link is kept waiting for a measurement before one does without.
	drainMost = 5 * time.Second
)

// window measures a link and says how many bytes may be under way on it (delivery rule 22): rate × min(1 s, 2 × smallest round
// trip + 0.2 s). Rate is bytes acknowledged per time, measured over each frame's own round trip as BBR does it: what was acknowledged
// between the last ack before its sending and its own ack. So bunched acks do not make a link look fast, and a frame that went
// while there was little to send does not make it look slow.
//
// A round trip that is longer than the second (a satellite, a queue in a modem) would starve itself by that formula: a
// window below rate × round trip measures less than the link's rate, and so on down. So a quarter more than the smallest round
// trip is the least.
//
// Only a small frame that finds the link empty measures the round trip. Any other measures the queue before it too, which is this window's own work: it
// would let the window grow by what it has grown already, and an alarm would wait behind all of it. While a backlog keeps the link full no
// frame finds it empty, so each half minute it is let run dry once, for one round trip, as BBR does.
type window struct {
	rate           recent    // bytes per second, largest
	rtt            recent    // seconds, smallest: kept negative
	measured       time.Time // when rtt was, or was given up
	draining       time.Time // since when a measurement waits for the link to run dry; zero: none does
	delivered      int64
	deliveredAt    time.Time
	known          bool  // a measurement that tells the link's rate was taken
	limitedThrough int64 // samples of bytes sent before this many were delivered do not tell the link's rate
}

// stamp is what a frame carries from sending to ack.
type stamp struct {
	at          time.Time
	delivered   int64
	deliveredAt time.Time
	limited     bool
	clear       bool // it is small and found the link empty
}

// sent stamps a frame of n bytes that goes out with before bytes under way.
func (w *window) sent(now time.Time, n, before int) stamp {
	if before == 0 {
		w.deliveredAt = now // the time since the last ack was idleness
	}
	alone := before == 0 // then it tells how long a frame takes, not how many a second there could be
	return stamp{at: now, delivered: w.delivered, deliveredAt: w.deliveredAt, limited: w.limitedThrough > w.delivered || alone, clear: alone && n <= smallFrame}
}

// stale reports whether the round trip wants to be measured: by a small frame, once nothing is under way.
func (w *window) stale(now time.Time) bool { return now.Sub(w.measured) >= rttSpan }

// drain reports whether nothing should go for now, so that the round trip can be measured.
func (w *window) drain(now time.Time, underWay int) bool {
	switch {
	case underWay == 0 || !w.rtt.some || !w.stale(now):
		w.draining = time.Time{}
		return false
	case w.draining.IsZero():
		w.draining = now
	case now.Sub(w.draining) >= drainMost: // an ack that is late or lost is not worth more
		w.measured, w.draining = now, time.Time{}
		return false
	}
	return true
}

// starved notes that there is room and nothing to send.
func (w *window) starved(inFlight int) { w.limitedThrough = w.delivered + int64(inFlight) + 1 }

// got notes that n bytes were acknowledged.
func (w *window) got(now time.Time, n int) {
	w.delivered += int64(n)
	w.deliveredAt = now
}

// acked takes the measurement of a frame that is now acknowledged in whole; got comes first.
func (w *window) acked(now time.Time, s stamp) {
	if rtt := now.Sub(s.at).Seconds(); s.clear {
		w.rtt.add(now, rttSpan, -rtt)
		w.measured = now
	} else if !w.rtt.some {
		w.rtt.now, w.rtt.before = -rtt, -rtt // better than nothing, and replaced by the first that counts
	}
	took := now.Sub(s.deliveredAt).Seconds()
	if took <= 0 {
		return
	}
	rate := float64(w.delivered-s.delivered) / took
	w.known = w.known || !s.limited
	if !s.limited || rate > w.rate.best() {
		w.rate.add(now, rateSpan, rate)
	}
}

// size returns the window in bytes.
func (w *window) size() int {
	rate := w.rate.best()
	least := float64(minWindow)
	if !w.known {
		least = startWindow
	}
	rtt := w.minRTT().Seconds()
	span := max(min(1, 2*rtt+0.2), 1.25*rtt)
	return int(min(max(rate*span, least), maxWindow))
}

// minRTT returns the smallest recent time from sending a small frame over the empty link to its ack; 0: none yet.
func (w *window) minRTT() time.Duration { return time.Duration(-w.rtt.best() * float64(time.Second)) }

// recent is the largest of the measurements of this span and the one before. What was never measured again stays: a
// pause says nothing about the link.
type recent struct {
	now, before float64
	since       time.Time
	some        bool
}

func (r *recent) add(t time.Time, span time.Duration, v float64) {
	switch {
	case !r.some:
		*r = recent{now: v, before: v, since: t, some: true}
	case t.Sub(r.since) > span:
		r.before, r.now, r.since = r.now, v, t
	default:
		r.now = max(r.now, v)
	}
}

func (r *recent) best() float64 { return max(r.now, r.before) }
