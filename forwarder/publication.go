package forwarder

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"time"

	"fieldpost/forwarder/foreign"
	"fieldpost/telemetry/frame"
	"fieldpost/telemetry/ranges"
	"fieldpost/telemetry/wire"
)

// Broker is one kind of link to somebody who confirms what he takes and is no gateway (delivery rule 12). Safe for concurrent use.
type Broker interface {
	// DialBroker is as Dialer.Dial.
	DialBroker(ctx context.Context, info Info) (BrokerConn, error)
	Counters() Counters
}

// BrokerConn is one connection to a Broker. Done, Err and Close are as Conn's.
type BrokerConn interface {
	// Publish hands over one message and returns when the connection can take the next. It is called from one goroutine at a time.
	Publish(ctx context.Context, id uint64, topic string, payload []byte) error

	// Confirmed returns the channel of the ids of messages that the broker confirmed while the connection stood.
	Confirmed() <-chan uint64

	Done() <-chan struct{}
	Err() error
	Close() error
}

// Progress remembers, through restarts, what was acknowledged in a store's name. Safe for concurrent use.
type Progress interface {
	Stored(store wire.StoreID) []wire.Stored
}

// brokerMark begins the id under which an outbox keeps what a broker confirmed.
const brokerMark = "\xffbroker\xff"

// BrokerStore returns the id that stands for the broker of a link where a gateway's store would.
func BrokerStore(link string) (id wire.StoreID) {
	h := fnv.New64a()
	h.Write([]byte(link))
	copy(id[:], h.Sum([]byte(brokerMark)))
	return id
}

// IsBroker reports whether an id is one of BrokerStore.
func IsBroker(id wire.StoreID) bool { return string(id[:len(brokerMark)]) == brokerMark }

// atOnce is how many records are made messages of at once.
const atOnce = 500

// publication is one connection to a broker. All of it belongs to the goroutine of run, but for what send does.
type publication struct {
	s      *Session
	conn   BrokerConn
	store  wire.StoreID
	ledger ledger
	flight inflight
	window window
	share  share
	boots  []wire.Boot

	ready    [queues]batch // made and not handed over yet
	ahead    [queues]readAhead
	tables   map[uint64][]frame.Series
	paused   [queues]time.Time
	unread   [queues]unreadable
	sent     map[uint64]shipped // by message id
	id       uint64
	progress time.Time // last confirmation, or that something was handed over

	jobs    chan publish
	done    chan error
	sending time.Time // since when; zero: the link can take something
}

// batch is what was made of a part of a frame.
type batch struct {
	run
	messages []foreign.Message
}

type shipped struct {
	run
	span ranges.Range
}

type publish struct {
	id uint64
	foreign.Message
}

// publish makes one connection to the broker and serves it to its end.
func (s *Session) publish(ctx context.Context) error {
	info := Info{Node: s.o.Node, Link: s.o.Link, Software: s.o.Software, Epoch: newest(s.o.Outbox.Hello()), Nonce: nonce()}
	dial, cancel := context.WithTimeout(ctx, dialTimeout)
	conn, err := s.o.Broker.DialBroker(dial, info)
	cancel()
	if err != nil {
		return err
	}
	defer conn.Close() // the reason it ended is known by then
	p := &publication{
		s: s, conn: conn, store: BrokerStore(s.o.Link), tables: make(map[uint64][]frame.Series), sent: make(map[uint64]shipped),
		jobs: make(chan publish, 1), done: make(chan error, 1), progress: time.Now(),
	}
	p.ledger.flight, p.ledger.parked, p.ledger.acked = &p.flight, &s.parked, make(map[run]ranges.Set)
	p.share.percent, p.ledger.fresh.on = s.o.FreshShare, s.o.FreshShare > 0
	p.ledger.ack(s.o.Progress.Stored(p.store))
	s.note(func(st *Status) { st.State = Up })
	if s.outage.IsZero() {
		s.log.Info("link up", "ack", "broker")
	} else {
		s.log.Info("link up again", "ack", "broker", "wait", time.Since(s.outage).Round(time.Second))
	}
	s.outage = time.Time{}
	return p.run(ctx)
}

func (p *publication) run(ctx context.Context) error {
	sending, cancel := context.WithCancel(ctx)
	senderDone := make(chan struct{})
	go func() { defer close(senderDone); p.send(sending) }()
	defer func() { cancel(); <-senderDone }()

	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		changed := p.s.o.Outbox.Changed()
		p.look(time.Now())
		for look := false; !look; {
			now := time.Now()
			if err := p.watch(now); err != nil {
				return err
			}
			if p.sending.IsZero() {
				if j, ok := p.pick(now); ok {
					p.sending = now
					p.jobs <- j
				}
			}
			p.report()
			timer.Reset(time.Until(p.wake(now)))
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-p.conn.Done():
				return fmt.Errorf("connection ended: %w", p.conn.Err())
			case id := <-p.conn.Confirmed():
				p.confirmed(time.Now(), id)
			case err := <-p.done:
				p.sending, p.progress = time.Time{}, time.Now()
				if err != nil {
					return fmt.Errorf("publish: %w", err)
				}
			case <-changed:
				look = true
			case <-timer.C:
			}
		}
	}
}

// send hands messages to the link until ctx ends.
func (p *publication) send(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case j := <-p.jobs:
			p.done <- p.conn.Publish(ctx, j.id, j.Topic, j.Payload)
		}
	}
}

// look takes a new snapshot of what the node has. There is no hello to be answered: whatever is kept may go.
func (p *publication) look(now time.Time) {
	h := p.s.o.Outbox.Hello()
	p.boots = h.Boots
	p.ledger.known = h
	p.ledger.fresh.look(now, h)
	p.ledger.look(h)
	p.ready = [queues]batch{} // not under way, so it is in the new reckoning again
}

func (p *publication) watch(now time.Time) error {
	switch {
	case !p.sending.IsZero() && now.Sub(p.sending) >= 2*silence:
		return errSilent{"the link took nothing", 2 * silence}
	case len(p.flight.list) > 0 && now.Sub(p.progress) >= silence:
		return errSilent{"the broker confirmed nothing", silence}
	}
	if p.s.parked.wake(now) {
		p.ledger.work()
		p.ready = [queues]batch{}
	}
	return nil
}

func (p *publication) wake(now time.Time) time.Time {
	next := now.Add(time.Hour)
	for _, t := range append(p.paused[:], p.sending.Add(2*silence), p.progress.Add(silence), p.s.parked.retry, p.window.draining.Add(drainMost)) {
		if t.After(now) && t.Before(next) {
			next = t
		}
	}
	return next
}

// confirmed takes the word of the broker for one message, and for those that were confirmed meanwhile.
func (p *publication) confirmed(now time.Time, id uint64) {
	sets := make(map[run]ranges.Set)
	for more := true; more; {
		if s, ok := p.sent[id]; ok {
			delete(p.sent, id)
			set := sets[s.run]
			set.Add(s.span)
			sets[s.run] = set
		}
		select {
		case id = <-p.conn.Confirmed():
		default:
			more = false
		}
	}
	var stored []wire.Stored
	for k, set := range sets {
		stored = append(stored, wire.Stored{Epoch: k.epoch, Lane: k.lane, Ranges: set})
	}
	p.progress = now
	n := p.flight.ack(now, &p.window, stored)
	p.ledger.ack(stored)
	p.s.o.Outbox.Acked(Said{Store: p.store, Stored: stored})
	p.s.proved()
	p.s.note(func(st *Status) {
		st.RecordsAcked += n
		st.LastAck = now
	})
}

// pick returns what to publish next: alarms, then what the window has room for, as with a gateway.
func (p *publication) pick(now time.Time) (publish, bool) {
	full := false
	for _, q := range p.share.order() {
		if now.Before(p.paused[q]) {
			continue
		}
		if len(p.ready[q].messages) == 0 {
			switch err := p.make(q); {
			case errors.Is(err, errNothing):
				continue
			case err != nil:
				p.trouble(now, q, err)
				continue
			}
		}
		b := &p.ready[q]
		if !p.fits(now, q, len(b.messages[0].Payload)) {
			full = true
			continue
		}
		m := b.messages[0]
		b.messages = b.messages[1:]
		size := len(m.Payload) + len(m.Topic)
		p.id++
		p.sent[p.id] = shipped{b.run, m.Span}
		p.flight.add(&shipment{run: b.run, bytes: size, stamp: p.window.sent(now, size, p.flight.bytes+p.flight.alarm)}, m.Span)
		p.share.sent(q, size)
		p.s.note(func(st *Status) { st.FramesSent++ })
		return publish{p.id, m}, true
	}
	if !full {
		p.window.starved(p.flight.bytes + p.flight.alarm)
	}
	return publish{}, false
}

// fits reports whether a message of n bytes may go now. A link with nothing under way always has room for one.
func (p *publication) fits(now time.Time, q queue, n int) bool {
	used, size := p.flight.bytes, p.window.size()
	if q == alarmQueue {
		used, size = p.flight.alarm, min(size, alarmWindow)
	} else if p.window.drain(now, p.flight.bytes+p.flight.alarm) {
		return false
	}
	return used == 0 || used+n <= size
}

// make makes messages of the next records of a queue.
func (p *publication) make(q queue) error {
	k, due, ok := p.ledger.next(q)
	if !ok {
		return errNothing
	}
	fail := func(err error, final bool) error {
		return packError{run: k, span: ranges.Range{From: due.From, To: due.From}, final: final, err: err}
	}
	a := &p.ahead[q]
	frames := a.from(due.From)
	if frames == nil || frames[0].Header.Epoch != k.epoch {
		var err error
		if frames, err = p.s.o.Outbox.Frames(k.lane, due.From, maxPayload); len(frames) == 0 && err != nil {
			return fail(err, false)
		}
		if a.frames = frames; len(frames) == 0 || frames[0].Header.Epoch != k.epoch || frames[0].Header.First > due.From || frames[0].Header.Last() < due.From {
			a.frames = nil
			return fail(errGone, false)
		}
	}
	h := frames[0].Header
	due.To = min(due.To, h.Last(), due.From+atOnce-1)
	series, err := p.series(h.Table)
	if err != nil {
		return fail(fmt.Errorf("find the series table of the frame at sequence %d: %w", due.From, err), false)
	}
	messages, err := p.s.o.Encoder.Messages(frames[0].Data, series, due, p.clock(h))
	if err != nil {
		return fail(fmt.Errorf("read the frame at sequence %d: %w", due.From, err), false)
	}
	p.ledger.remove(k, ranges.Make(due))
	p.ready[q] = batch{k, messages}
	p.unread[q] = unreadable{}
	return nil
}

func (p *publication) series(hash uint64) ([]frame.Series, error) {
	if s, ok := p.tables[hash]; ok || hash == 0 {
		return s, nil
	}
	raw, err := p.s.o.Outbox.Table(hash)
	if err != nil {
		return nil, err
	}
	t, err := frame.DecodeTable(raw)
	if err != nil {
		return nil, err
	}
	const most = 64
	if len(p.tables) >= most {
		clear(p.tables)
	}
	p.tables[hash] = t.Series()
	return p.tables[hash], nil
}

// clock returns what is known by now of the clock of a frame's boot.
func (p *publication) clock(h frame.Header) foreign.Clock {
	if !h.Clock.Doubtful() {
		return foreign.Clock{}
	}
	for _, b := range p.boots {
		if b.Boot == h.Boot && !b.Clock.Doubtful() {
			return foreign.Clock{Delta: b.Offset - h.Offset}
		}
	}
	return foreign.Clock{Unset: true}
}

// trouble deals with a record that cannot be published: tried again a few times, then left out for a while, so that it does not block its lane.
func (p *publication) trouble(now time.Time, q queue, err error) {
	var t packError
	if !errors.As(err, &t) {
		panic(fmt.Sprintf("forwarder: undeclared error %v", err))
	}
	p.ahead[q] = readAhead{}
	p.paused[q] = now.Add(readRetry)
	if errors.Is(err, ErrAway) {
		return
	}
	u := &p.unread[q]
	if u.seq != t.span.From {
		*u = unreadable{seq: t.span.From}
	}
	if u.tries++; u.tries < maxUnread {
		p.look(now) // it may have been dropped
		return
	}
	*u = unreadable{}
	p.s.log.Error("record left out", "epoch", t.epoch, "lane", t.lane, "first", t.span.From, "err", err)
	p.s.parked.rest(now, t.run, t.span)
	p.ledger.work()
	p.paused[q] = now.Add(troubleRest)
}

// report copies figures into the status.
func (p *publication) report() {
	waiting := p.ledger.waiting()
	for _, b := range p.ready {
		for _, m := range b.messages {
			waiting += m.Span.Len()
		}
	}
	p.s.note(func(st *Status) {
		st.RTT, st.Rate, st.Window = p.window.minRTT(), p.window.rate.best(), p.window.size()
		st.InFlight, st.Waiting = p.flight.bytes, waiting
	})
}
