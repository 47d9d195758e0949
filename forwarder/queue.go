package forwarder

import (
	"time"

	"fieldpost/telemetry"
	"fieldpost/telemetry/ranges"
	"fieldpost/telemetry/wire"
)

// queue is one of the orders in which frames leave: that of a lane, by its place in sendable, or freshQueue.
type queue int

// freshQueue has the newest of the live lane, which goes beside the backlog: whoever looks at a site after an outage sees how it is, not how it was.
const (
	alarmQueue queue = 0
	liveQueue  queue = 1
	freshQueue queue = queue(len(sendable))
	queues           = len(sendable) + 1
)

func (q queue) lane() telemetry.Lane {
	if q == freshQueue {
		return telemetry.Live
	}
	return sendable[q]
}

// queuesOf returns the queues of a lane.
func queuesOf(l telemetry.Lane) []queue {
	if l == telemetry.Live {
		return []queue{liveQueue, freshQueue}
	}
	return []queue{queue(laneIndex(l))}
}

// freshFor is how long what was committed is the newest, at least; after twice that it is part of the backlog.
const freshFor = 10 * time.Second

// fresh tells the newest of the live lane from the backlog.
type fresh struct {
	on    bool
	epoch telemetry.Epoch
	from  uint64 // of that epoch, sequences from here on are the newest
	mark  uint64 // where it will begin next
	next  time.Time
}

// look moves the border on with time. What the first hello of a connection has is backlog.
func (f *fresh) look(now time.Time, h wire.Hello) {
	if !f.on || len(h.Epochs) == 0 {
		return
	}
	open := h.Epochs[len(h.Epochs)-1]
	for _, l := range open.Lanes {
		switch {
		case l.Lane != telemetry.Live:
		case f.next.IsZero():
			*f = fresh{on: true, epoch: open.Epoch, from: l.Next, mark: l.Next, next: now.Add(freshFor)}
		case f.epoch != open.Epoch: // begun under this connection
			*f = fresh{on: true, epoch: open.Epoch, from: l.First, mark: l.First, next: now.Add(freshFor)}
		case !now.Before(f.next):
			f.from, f.mark, f.next = max(f.from, f.mark), l.Next, now.Add(freshFor)
		}
	}
}

// cut returns the part of a run of the live lane's sequences that belongs to q.
func (f *fresh) cut(q queue, k run, r ranges.Range) (ranges.Range, bool) {
	newest := f.on && k.epoch == f.epoch
	switch q {
	case freshQueue:
		r.From = max(r.From, f.from)
		return r, newest && r.From <= r.To
	case liveQueue:
		if newest && f.from > 0 {
			r.To = min(r.To, f.from-1)
			return r, r.From <= r.To
		}
	}
	return r, true
}

// share divides a link between the newest and the backlog.
type share struct {
	percent int // of the link's bytes that the newest may take from the backlog
	owed    int // to the backlog, in bytes times 100; negative: to the newest
}

// mostOwed bounds what one side saves up while the other has nothing to send.
const mostOwed = 16 << 10 * 100

// order returns the queues, most urgent first.
func (s *share) order() [queues]queue {
	if s.owed <= 0 {
		return [queues]queue{alarmQueue, freshQueue, liveQueue, 2}
	}
	return [queues]queue{alarmQueue, liveQueue, 2, freshQueue}
}

// sent notes that n bytes of q left.
func (s *share) sent(q queue, n int) {
	switch q {
	case alarmQueue:
	case freshQueue:
		s.owed = min(s.owed+n*(100-s.percent), mostOwed)
	default:
		s.owed = max(s.owed-n*s.percent, -mostOwed)
	}
}
