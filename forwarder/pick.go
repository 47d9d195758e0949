package forwarder

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"fieldpost/telemetry"
	"fieldpost/telemetry/ranges"
	"fieldpost/telemetry/wire"
)

// errGone says that the outbox has not got what its hello listed as kept.
var errGone = errors.New("listed as kept, but not there")

// readRetry is how long a lane rests after the outbox could not read it; after maxUnread tries at the same place, that place is left out.
const (
	readRetry = time.Second
	maxUnread = 3

	// So many places are left out in one go before acks and the clock get their turn.
	maxTroubles = 64
	troubleRest = time.Millisecond
)

// unreadable counts tries at reading one place of a lane.
type unreadable struct {
	seq   uint64
	tries int
}

func laneIndex(l telemetry.Lane) int { return max(0, slices.Index(sendable[:], l)) }

// pick returns what to hand to the link next: a hello that is due, then alarms, then what the window has room for: the newest of the live lane and the
// backlog by their shares, each from the lowest sequence on.
func (c *connection) pick(now time.Time) (job, bool) {
	if c.say {
		return c.hello(now), true
	}
	if c.pausing || c.welcome == nil {
		return job{}, false
	}
	c.choose(now)
	full := false
	for _, q := range c.share.order() {
		if c.s.main != nil && q != alarmQueue {
			break
		}
		if c.early(now, q) {
			continue
		}
		for tries := 0; !now.Before(c.paused[q]); tries++ {
			if tries >= maxTroubles {
				c.paused[q] = now.Add(troubleRest)
				break
			}
			room := c.room(now, q)
			if room <= 0 {
				full = true
				break
			}
			p, err := c.pack(now, q, room)
			switch {
			case errors.Is(err, errNoRoom):
				full = true
			case errors.Is(err, errNothing):
				c.emptied(q)
			case err != nil:
				c.trouble(now, q, err)
				continue
			default:
				c.unread[q] = unreadable{}
				n := len(p.payload())
				c.share.sent(q, n)
				c.shipped(now, q, n, uint64(p.header.Count))
				return c.ship(now, p), true
			}
			break
		}
	}
	if !full {
		c.window.starved(c.flight.expected())
	}
	return job{}, false
}

// size returns the window in bytes, the gateway's credit included.
func (c *connection) size() int {
	w := c.window.size()
	if c.welcome != nil && c.welcome.Credit > 0 {
		w = int(min(uint64(w), max(c.welcome.Credit, minPayload)))
	}
	return w
}

// room returns how many bytes of a queue may go now. A link with nothing under way always has room for one frame.
func (c *connection) room(now time.Time, q queue) int {
	used, size := c.flight.bytes, c.size()
	if q == alarmQueue {
		used, size = c.flight.alarm, min(size, alarmWindow)
	} else if c.plenty(q) && c.window.drain(now, c.flight.expected()) {
		return 0
	}
	if used == 0 {
		return max(size, c.most())
	}
	return size - used
}

// limit returns how large the next frame of a queue may be: small where it is to measure the link. Where it is the only one, there is nothing to
// measure for, and two would cost more.
func (c *connection) limit(now time.Time, q queue) int {
	if c.window.stale(now) && c.flight.expected() == 0 && c.plenty(q) {
		return min(c.most(), minPayload)
	}
	return c.most()
}

// most returns how large a frame may be: half the window, so that an alarm behind it waits half as long as the window allows.
func (c *connection) most() int {
	n := min(max(c.size()/2, minPayload), maxPayload)
	if c.welcome.MaxFrame > 0 {
		n = min(n, int(min(c.welcome.MaxFrame, maxPayload)))
	}
	return n
}

// ship counts a packed frame as under way and returns the job that sends it, its table first if this gateway has not got it from this connection.
func (c *connection) ship(now time.Time, p parcel) job {
	j := job{direct: c.direct()}
	var tables uint64
	if t := p.header.Table; t != 0 && !c.tables[t] {
		j.payloads = append(j.payloads, wire.Append(make([]byte, 0, len(p.table)+wire.Overhead), &wire.Table{Data: p.table}))
		c.tables[t] = true
		tables = 1
	}
	data := p.payload()
	patient := c.patient(now, p.lane, len(data)+wire.Overhead)
	payload := wire.Append(make([]byte, 0, len(data)+wire.Overhead), &wire.Frame{Data: data, Patient: patient})
	j.payloads = append(j.payloads, payload)
	span := ranges.Range{From: p.header.First, To: p.header.Last()}
	s := &shipment{run: p.run, bytes: len(payload), patient: patient}
	if !patient {
		s.stamp = c.window.sent(now, len(payload), c.flight.expected())
	} else {
		s.stamp.at = now
	}
	if p.dense != nil {
		s.id, s.state, s.era = wire.FrameID(data), p.state, p.era
	}
	c.flight.add(s, span)
	c.s.coder.shipped(&p)
	c.ledger.remove(p.run, ranges.Make(span))
	c.s.note(func(st *Status) {
		st.FramesSent++
		st.TablesSent += tables
	})
	return j
}

// trouble deals with a place of a lane that could not be packed: tried again a few times, then left out, so that one bad place
// never blocks the lane.
func (c *connection) trouble(now time.Time, q queue, err error) {
	var t packError
	if !errors.As(err, &t) {
		panic(fmt.Sprintf("forwarder: undeclared error %v", err))
	}
	c.ahead[q] = readAhead{}
	if errors.Is(err, ErrAway) {
		c.paused[q] = now.Add(readRetry) // whoever keeps the lane has said why
		return
	}
	u := &c.unread[q]
	next := u.tries >= maxUnread && t.span.From == u.seq+1 // the bad place goes on
	if t.span.From != u.seq && !next {
		*u = unreadable{}
	}
	u.seq = t.span.From
	if u.tries++; u.tries < maxUnread && !t.final {
		c.ledger.look(c.s.o.Outbox.Hello()) // it may have been dropped
		if u.tries == 1 && errors.Is(err, errGone) {
			return
		}
		c.s.log.Warn("frame not ready to send", "lane", q.lane(), "first", t.span.From, "attempt", u.tries, "err", err)
		c.paused[q] = now.Add(readRetry)
		return
	}
	u.tries = maxUnread
	if !next { // else logged where it began
		c.logParked(t.run, t.span, "records left out", err)
	}
	if t.final {
		c.s.parked.add(t.run, t.span)
	} else {
		c.s.parked.rest(now, t.run, t.span)
	}
	u.seq = t.span.To
	c.ledger.work()
}
