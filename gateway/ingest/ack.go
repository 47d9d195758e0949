package ingest

import (
	"time"

	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
	"fieldpost/telemetry/ranges"
	"fieldpost/telemetry/wire"
)

// laneKey names a lane of an epoch of a node.
type laneKey struct {
	node  string
	epoch telemetry.Epoch
	lane  telemetry.Lane
}

func keyOf(h *frame.Header) laneKey { return laneKey{h.Node, h.Epoch, h.Lane} }

// receipt names records that are on disk, and who is to hear of it.
type receipt struct {
	session *session
	laneKey
	span ranges.Range
}

func (it *item) receipt() receipt { return receipt{it.session, keyOf(&it.frame.Header), it.span()} }

// acknowledge tells each connection what is on disk of the lanes that it sent frames of: the whole runs around them. What is said is read from the
// store now, whenever the frames came.
func (in *Ingest) acknowledge(receipts []receipt) {
	if len(receipts) == 0 {
		return
	}
	generation := in.store.Generation()
	acks := map[*session]*wire.Ack{}
	var order []*session
	places := map[ackKey]int{}
	for _, r := range receipts {
		runs := in.store.Received(r.node, r.epoch, r.lane, r.span)
		if runs.Empty() {
			continue
		}
		a := acks[r.session]
		if a == nil {
			a = &wire.Ack{Generation: generation}
			acks[r.session] = a
			order = append(order, r.session)
		}
		key := ackKey{r.session, r.laneKey}
		i, ok := places[key]
		if !ok {
			i = len(a.Stored)
			places[key] = i
			a.Stored = append(a.Stored, wire.Stored{Epoch: r.epoch, Lane: r.lane})
		}
		a.Stored[i].Ranges.AddAll(runs)
	}
	for _, s := range order {
		in.counters.acksSent.Add(1)
		in.send(s, s.ack(acks[s]))
	}
}

type ackKey struct {
	session *session
	laneKey
}

// owed are the acks of patient frames (delivery rule 8): each waits for one that does not, of the same connection, and for wire.AckHold at most. It is the
// committing goroutine's.
type owed struct {
	by    map[*session]*debt
	queue []*debt // in the order they fall due; those paid meanwhile are skipped
	timer *time.Timer
}

// debt is what one connection is to hear.
type debt struct {
	session  *session
	due      time.Time
	receipts []receipt
}

// add notes that r may wait.
func (o *owed) add(now time.Time, r receipt) {
	d := o.by[r.session]
	if d == nil {
		d = &debt{session: r.session, due: now.Add(wire.AckHold)}
		o.by[r.session] = d
		o.queue = append(o.queue, d)
		if len(o.queue) == 1 {
			o.wake(now)
		}
	}
	if n := len(d.receipts); n > 0 && d.receipts[n-1].laneKey == r.laneKey && d.receipts[n-1].span.To+1 == r.span.From {
		d.receipts[n-1].span.To = r.span.To
		return
	}
	d.receipts = append(d.receipts, r)
}

// take returns what s is to hear.
func (o *owed) take(s *session) []receipt {
	d := o.by[s]
	if d == nil {
		return nil
	}
	delete(o.by, s)
	out := d.receipts
	d.receipts = nil
	return out
}

// due returns a channel that fires when something is overdue.
func (o *owed) due() <-chan time.Time {
	if o.timer == nil {
		return nil
	}
	return o.timer.C
}

// wake sets the timer to the first debt.
func (o *owed) wake(now time.Time) {
	wait := o.queue[0].due.Sub(now)
	if o.timer == nil {
		o.timer = time.NewTimer(wait)
	} else {
		o.timer.Reset(wait)
	}
}

// overdue returns what must wait no longer.
func (o *owed) overdue(now time.Time) (out []receipt) {
	n := 0
	for ; n < len(o.queue) && !o.queue[n].due.After(now); n++ {
		if d := o.queue[n]; o.by[d.session] == d {
			out = append(out, o.take(d.session)...)
		}
	}
	if o.queue = o.queue[n:]; len(o.queue) > 0 {
		o.wake(now)
	}
	return out
}

// all returns all that waits.
func (o *owed) all() (out []receipt) {
	for s := range o.by {
		out = append(out, o.take(s)...)
	}
	return out
}
