package forwarder

import (
	"time"

	"fieldpost/telemetry"
)

// patientShare is which part of the window may be under way with patience.
const patientShare = 4

// pace spaces out the messages of one lane (Options.SendEvery). In a turn all goes that waits; the next one begins so long after the last began.
// Between turns only full frames go, which nothing would make cheaper. A lane without a turn for long begins one at once: who reads once an hour
// waits for nobody.
type pace struct {
	began   time.Time // the last turn; zero: none yet
	open    bool
	bytes   float64 // of the last frames, each counting half of the one after it
	records float64 // in them
}

// lane returns the pace of a queue's lane.
func (c *connection) pace(q queue) *pace { return &c.paces[laneIndex(q.lane())] }

// early reports whether what waits in q should wait for company.
func (c *connection) early(now time.Time, q queue) bool {
	p := c.pace(q)
	if q == alarmQueue || p.open || !now.Before(p.began.Add(c.sendEvery)) {
		return false
	}
	return !c.plenty(q)
}

// plenty reports whether what waits in q fills a frame, as far as is known.
func (c *connection) plenty(q queue) bool {
	p := c.pace(q)
	return p.records == 0 || p.bytes/p.records*float64(c.ledger.due(q)) >= float64(c.most())
}

// shipped notes that a frame of q left.
func (c *connection) shipped(now time.Time, q queue, bytes int, records uint64) {
	if q == alarmQueue {
		// The link is awake now, and whoever reads of an event wants to see what it is about.
		for l := range c.paces {
			c.paces[l].turn(now)
		}
		return
	}
	p := c.pace(q)
	p.bytes, p.records = p.bytes/2+float64(bytes), p.records/2+float64(records)
	if !now.Before(p.began.Add(c.sendEvery)) {
		p.turn(now)
	}
}

func (p *pace) turn(now time.Time) { p.began, p.open = now, true }

// emptied notes that a queue has nothing to send.
func (c *connection) emptied(q queue) {
	for _, other := range queuesOf(q.lane()) {
		if c.ledger.due(other) > 0 {
			return
		}
	}
	c.pace(q).open = false
}

// patient reports whether the ack of a frame of so many bytes may wait for others (delivery rule 8): acks would be half of what a node costs that sends little
// and often. Where events, the window or a measurement of the link want to know, they know at once.
func (c *connection) patient(now time.Time, l telemetry.Lane, bytes int) bool {
	return c.welcome.Patient && c.sendEvery > 0 && l != telemetry.Alarm &&
		c.window.rtt.some && !c.window.stale(now) && c.flight.bytes+bytes <= c.size()/patientShare
}

// wakeForTurns returns when the next turn of a lane may begin, if something waits for it.
func (c *connection) wakeForTurns() (next time.Time) {
	for i, l := range sendable {
		if l == telemetry.Alarm || len(c.ledger.todo[i]) == 0 {
			continue
		}
		if t := c.paces[i].began.Add(c.sendEvery); next.IsZero() || t.Before(next) {
			next = t
		}
	}
	return next
}
