package forwarder

import (
	"slices"
	"time"

	"fieldpost/telemetry"
	"fieldpost/telemetry/ranges"
	"fieldpost/telemetry/wire"
)

const (
	longestBusy = time.Minute
	coldWait    = 30 * time.Second // once a frame was refused as cold three times
)

// receive takes one message from the gateway. What it cannot read or does not know is counted and left.
func (c *connection) receive(now time.Time, b []byte) error {
	m, err := wire.Parse(b)
	if err != nil {
		c.s.note(func(st *Status) { st.Unreadable++ })
		if !c.malformed {
			c.malformed = true
			c.s.log.Warn("message from the gateway ignored", "err", err)
		}
		return nil
	}
	switch m := m.(type) {
	case *wire.Welcome:
		return c.onWelcome(now, m)
	case *wire.Ack:
		if c.present(now, m.Generation) {
			c.onAck(now, m)
		}
	case *wire.Brief:
		if a := c.full(m); a != nil {
			c.onAck(now, a)
		}
	case *wire.Refusal:
		if c.present(now, m.Generation) {
			c.onRefusal(now, m)
		}
	}
	return nil
}

// present reports whether a message belongs to the generation that welcomed this connection. Another one means that the gateway
// started anew behind a broker: what it has must be asked anew (delivery rule 6).
func (c *connection) present(now time.Time, generation uint64) bool {
	switch {
	case c.welcome == nil:
		return false // meant for a connection before this one
	case generation == c.welcome.Generation:
		return true
	}
	if !c.asking() && !now.Before(c.soonest) && !slices.Contains(c.past, generation) {
		c.soonest = now.Add(newsEvery)
		c.greet(true, true)
	}
	return false
}

func (c *connection) onWelcome(now time.Time, w *wire.Welcome) error {
	if w.Nonce != c.nonce {
		return nil // answers another connection's hello: down is the node's, not the link's
	}
	if slices.Contains(c.past, w.Generation) {
		return nil // overtaken by its successor's: a generation does not come back
	}
	if err := c.s.admit(c.store, w.Store); err != nil {
		return err
	}
	c.store = w.Store
	if tell := c.s.o.GatewayTime; tell != nil && !w.Clock.Doubtful() {
		tell(w.Time)
	}
	first := c.welcome == nil
	anew := !first && w.Generation != c.welcome.Generation
	c.s.parked.meet(w.Generation)
	var resent int
	if anew {
		c.past = append(c.past, c.welcome.Generation)
	}
	if anew || c.again {
		clear(c.tables)
		// Even what this welcome has leaves without a measurement: the wait was not the link's.
		resent = c.stillLacking(w.Stored)
		c.flight.drop()
	} else {
		c.flight.ack(now, &c.window, w.Stored)
	}
	asked := first || c.pausing
	if asked {
		c.s.coder.welcomed(w)
	}
	c.welcome = w
	c.progress, c.greeting = now, time.Time{}
	c.pausing, c.again, c.say = false, false, false
	c.ledger.replace(w.Stored)
	c.s.o.Outbox.Acked(Said{Store: w.Store, Generation: w.Generation, Stored: w.Stored, All: true})
	if c.s.main != nil {
		c.s.main.put(w.Generation, w.Stored)
	}
	c.alarms.since = time.Time{}
	c.s.note(func(st *Status) {
		st.State, st.Store, st.Generation = Up, w.Store, w.Generation
		st.FramesResent += uint64(resent)
	})
	if first {
		c.s.up(w)
	} else if anew {
		c.s.log.Info("gateway started anew", "store", w.Store)
		if !asked && c.s.o.Coding != Plain {
			c.greet(true, false) // it was not told what frames are coded by
		}
	}
	return nil
}

// stillLacking counts the frames under way of which the gateway lacks a part.
func (c *connection) stillLacking(stored []wire.Stored) int {
	for _, s := range stored {
		c.flight.take(run{s.Epoch, s.Lane}, s.Ranges)
	}
	return len(c.flight.list)
}

func (c *connection) onAck(now time.Time, a *wire.Ack) {
	c.progress = now
	n := c.flight.ack(now, &c.window, a.Stored)
	c.ledger.ack(a.Stored)
	c.s.o.Outbox.Acked(Said{Store: c.store, Generation: a.Generation, Stored: a.Stored})
	if c.s.main != nil {
		c.s.main.put(a.Generation, a.Stored)
	}
	for _, s := range a.Stored {
		if s.Lane == telemetry.Alarm {
			c.alarms.since = time.Time{} // they move
		}
	}
	c.s.proved()
	c.s.note(func(st *Status) {
		st.RecordsAcked += n
		st.LastAck = now
	})
}

// full returns what a brief ack says in full; nil: it is of no epoch and generation that this connection was welcomed with.
func (c *connection) full(b *wire.Brief) *wire.Ack {
	if c.welcome == nil {
		return nil
	}
	for _, e := range c.ledger.known.Epochs {
		if wire.AckTag(c.welcome.Generation, e.Epoch) == b.Tag {
			return &wire.Ack{Generation: c.welcome.Generation, Stored: []wire.Stored{{Epoch: e.Epoch, Lane: b.Lane, Ranges: ranges.Make(b.Range)}}}
		}
	}
	return nil
}

// onRefusal gives the window slot back and decides what becomes of the frame (delivery rule 10).
func (c *connection) onRefusal(now time.Time, r *wire.Refusal) {
	c.progress = now
	c.s.note(func(st *Status) {
		if st.Refused == nil {
			st.Refused = make(map[wire.Reason]uint64)
		}
		st.Refused[r.Reason]++
	})
	if r.Frame != 0 {
		c.onUnread(r.Frame)
		return
	}
	if r.Count == 0 {
		return
	}
	k, span := run{r.Epoch, r.Lane}, ranges.Of(r.First, uint64(r.Count))
	if n, _, _ := c.flight.take(k, ranges.Make(span)); n == 0 {
		return // not under way: acknowledged meanwhile, or refused twice
	}
	pause := func(wait time.Duration) {
		for _, q := range queuesOf(r.Lane) {
			c.paused[q] = now.Add(wait)
		}
	}
	strikes := c.s.parked.strike(strike{k, r.First, r.Reason})
	switch r.Reason {
	case wire.Cold:
		if r.Table != 0 {
			delete(c.tables, r.Table)
		} else {
			clear(c.tables)
		}
		if strikes >= 3 {
			pause(coldWait)
		}
	case wire.Busy:
		wait := time.Second
		if r.Wait > 0 {
			wait = min(time.Duration(r.Wait)*time.Millisecond, longestBusy)
		}
		pause(wait)
	case wire.Corrupt:
		// The bytes may have been hurt on the way or in memory: read them from the journal once more, and send each frame as it is there, for
		// one bad frame makes all it was joined with unreadable. If one is refused again it is the journal's copy; the gateway keeps that
		// aside and acknowledges it, so that it does not come back.
		for _, q := range queuesOf(r.Lane) {
			c.ahead[q] = readAhead{}
		}
		c.s.parked.isolate(k, span)
		if strikes > 1 {
			c.park(k, span, "gateway cannot read frame", r.Reason)
		}
	default: // Version: this node speaks nothing plainer; NotAllowed; what a later gateway may have against it
		c.park(k, span, "gateway refuses frame for good", r.Reason)
	}
	c.ledger.work()
}

// park keeps a span from being sent until the gateway starts anew.
func (c *connection) park(k run, span ranges.Range, msg string, why any) {
	c.s.parked.add(k, span)
	c.logParked(k, span, msg, why)
}

func (c *connection) logParked(k run, span ranges.Range, msg string, why any) {
	c.s.log.Error(msg, "epoch", k.epoch, "lane", k.lane, "first", span.From, "count", span.Len(), "err", why)
}
