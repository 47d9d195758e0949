package forwarder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"fieldpost/telemetry/frame"
	"fieldpost/telemetry/wire"
)

const (
	// silence is how long nothing may be acknowledged while something is under way, before the node says hello again (delivery
	// rule 11), and how long the gateway then has to answer.
	silence = 30 * time.Second

	// A hello that nobody answers is said again this often within that time: behind an outside broker the gateway may have been away.
	helloAgain = 10 * time.Second

	// News of what is kept goes at most this often; each is a whole hello.
	newsEvery = 10 * time.Second
)

// errSilent ends a connection on which nothing comes back.
type errSilent struct {
	what string
	wait time.Duration
}

func (e errSilent) Error() string { return fmt.Sprintf("%s for %s", e.what, e.wait) }

// connection is one connection of a session from its first hello to its end. All of it belongs to the goroutine of run.
type connection struct {
	s      *Session
	conn   Conn
	nonce  uint64
	store  wire.StoreID // the link's; zero until the first one is met
	start  time.Time
	ledger ledger
	flight inflight
	window window
	ahead  [queues]readAhead
	share  share
	tables map[uint64]bool // sent on this connection to this generation

	welcome   *wire.Welcome // latest; nil: none yet
	past      []uint64      // generations that welcomed this connection before
	greeting  time.Time     // since when an answer to a hello is waited for; zero: not
	hellos    time.Time     // when the last one was handed over
	pausing   bool          // no frames until the answer has come
	again     bool          // what is under way counts as lost when the answer has come
	say       bool          // a hello is to be said
	soonest   time.Time     // no hello for news or a changed generation before
	progress  time.Time     // last ack, refusal or welcome, or that something was handed over
	paused    [queues]time.Time
	unread    [queues]unreadable
	paces     [len(sendable)]pace
	sendEvery time.Duration // 0: nothing waits for company
	alarms    alarmWatch
	malformed bool // logged

	jobs    chan job
	sent    chan error
	sending time.Time // since when; zero: the link can take something
}

// job is what the sender hands to the link in one go.
type job struct {
	payloads [][]byte
	direct   bool
}

func newConnection(s *Session, conn Conn, nonce uint64, store wire.StoreID) *connection {
	now := time.Now()
	c := &connection{
		s: s, conn: conn, nonce: nonce, store: store, start: now, progress: now,
		tables: make(map[uint64]bool),
		jobs:   make(chan job, 1), sent: make(chan error, 1),
		say: true, pausing: true,
	}
	c.sendEvery = s.o.SendEvery
	c.flight.took = s.coder.took
	s.coder.speaks = false // until it has said so
	c.ledger.flight, c.ledger.parked = &c.flight, &s.parked
	c.share.percent, c.ledger.fresh.on = s.o.FreshShare, s.o.FreshShare > 0
	return c
}

// run serves the connection until it ends. Sending has a goroutine of its own, so that a link that takes nothing never keeps
// acks, commits or the clock from being noticed; at most one job is with it, so that what is urgent waits for one publish at most.
func (c *connection) run(ctx context.Context) error {
	sending, cancel := context.WithCancel(ctx)
	senderDone := make(chan struct{})
	go func() { defer close(senderDone); c.send(sending) }()
	defer func() { cancel(); <-senderDone }()

	hurry := c.s.hurry
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		changed := c.s.o.Outbox.Changed()
		c.look(time.Now(), c.s.o.Outbox.Hello())
		for look := false; !look; {
			now := time.Now()
			if err := c.watch(now); err != nil {
				return err
			}
			if c.sending.IsZero() {
				if j, ok := c.pick(now); ok {
					c.sending = now
					c.jobs <- j
				}
			}
			c.report()
			timer.Reset(time.Until(c.wake(now)))
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-c.conn.Done():
				return ended(c.conn.Err())
			case b := <-c.conn.Receive():
				if err := c.receive(time.Now(), b); err != nil {
					return err
				}
			case err := <-c.sent:
				c.sending = time.Time{}
				c.progress = time.Now()
				if err != nil {
					return fmt.Errorf("send: %w", err)
				}
			case <-c.s.detour.news():
				c.elsewhere()
			case <-hurry:
				hurry, c.sendEvery = nil, 0
				if c.flight.quiet > 0 && !c.asking() {
					c.greet(false, false) // the answer is the ack that was not waited for
				}
			case <-changed:
				look = true
			case <-timer.C:
			}
		}
	}
}

// send hands jobs to the link until ctx ends.
func (c *connection) send(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case j := <-c.jobs:
			var err error
			for _, p := range j.payloads {
				if err = c.conn.Send(ctx, p, SendOptions{Direct: j.direct}); err != nil {
					break
				}
			}
			c.sent <- err
		}
	}
}

// greet asks for a hello. again: what is under way counts as lost unless the answer has it.
func (c *connection) greet(pausing, again bool) {
	c.say = true
	c.pausing = c.pausing || pausing
	c.again = c.again || again
	if pausing {
		c.s.note(func(st *Status) { st.State = Greeting })
	}
}

// asking reports whether an answer to a hello is still to come, or the hello still to be said.
func (c *connection) asking() bool { return c.say || !c.greeting.IsZero() || c.welcome == nil }

// watch does what time demands, and ends the connection when it is due.
func (c *connection) watch(now time.Time) error {
	switch {
	case !c.sending.IsZero() && now.Sub(c.sending) >= 2*silence:
		return errSilent{"the link took nothing", 2 * silence}
	case !c.greeting.IsZero() && now.Sub(c.greeting) >= silence && c.sending.IsZero():
		return errSilent{"the gateway did not answer the hello", silence}
	case !c.asking() && len(c.flight.list) > 0 && now.Sub(c.progress) >= silence:
		c.greet(true, true)
	case !c.asking() && c.flight.overtaken(silence):
		c.greet(true, true)
	case !c.greeting.IsZero() && !c.say && now.Sub(c.hellos) >= helloAgain:
		c.say = true
	case c.quiet(now):
		return errQuiet
	}
	c.watchAlarms(now)
	if c.s.parked.wake(now) {
		c.ledger.work()
	}
	if c.welcome != nil && now.Sub(c.start) >= steady {
		c.s.proved()
	}
	if !c.asking() && !now.Before(c.soonest) && c.ledger.news() {
		c.soonest = now.Add(newsEvery)
		c.greet(false, false)
	}
	return nil
}

// wake returns when watch or pick have something to do without being asked.
func (c *connection) wake(now time.Time) time.Time {
	next := now.Add(time.Hour)
	sooner := func(t time.Time) {
		if t.After(now) && t.Before(next) {
			next = t
		}
	}
	if !c.sending.IsZero() {
		sooner(c.sending.Add(2 * silence))
	}
	if !c.greeting.IsZero() {
		sooner(c.greeting.Add(silence))
		sooner(c.hellos.Add(helloAgain))
	}
	if !c.window.draining.IsZero() {
		sooner(c.window.draining.Add(drainMost))
	}
	if c.s.main != nil {
		sooner(c.progress.Add(alarmLinger))
	}
	sooner(c.wakeForAlarms())
	sooner(c.wakeForTurns())
	sooner(c.progress.Add(silence))
	sooner(c.start.Add(steady))
	sooner(c.soonest)
	sooner(c.s.parked.retry)
	for _, t := range c.paused {
		sooner(t)
	}
	return next
}

// look takes a new snapshot of what the node has.
func (c *connection) look(now time.Time, h wire.Hello) {
	c.ledger.fresh.look(now, h)
	c.ledger.look(h)
}

// hello returns the job that says hello with what the node has now.
func (c *connection) hello(now time.Time) job {
	h := c.s.o.Outbox.Hello()
	c.ledger.told = h
	c.look(now, h)
	h.Nonce, h.Link, h.Software, h.Store, h.Codings = c.nonce, c.s.o.Link, c.s.o.Software, c.store, 1<<frame.Plain
	if c.s.o.Coding != Plain {
		h.Codings |= 1 << frame.Dense
	}
	if c.pausing && c.s.o.Coding != Plain { // frames go only after the answer
		h.Bases = c.s.coder.greet(c.s.o.Node, &h)
	}
	if c.greeting.IsZero() {
		c.greeting = now
	}
	c.hellos, c.say = now, false
	c.s.note(func(st *Status) { st.HellosSent++ })
	return job{payloads: [][]byte{wire.Append(nil, &h)}, direct: c.direct()}
}

func (c *connection) direct() bool { return c.welcome != nil && c.welcome.Direct }

// report copies figures into the status.
func (c *connection) report() {
	waiting := c.ledger.waiting()
	var parked uint64
	for _, set := range c.s.parked.sets {
		parked += set.Len()
	}
	c.s.note(func(st *Status) {
		st.RTT, st.Rate, st.Window = c.window.minRTT(), c.window.rate.best(), c.size()
		st.InFlight, st.Waiting, st.Parked = c.flight.bytes, waiting, parked
		st.Coding, st.FramesDense, st.FramesCold = c.s.coder.coding(), c.s.coder.frames, c.s.coder.colds
	})
}

// ended says that the other side ended the connection. Two nodes of one name do that to each other for ever, and neither can know it.
func ended(err error) error {
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("connection ended: %w; the gateway stopped, or, if this goes on, another edge has the same node name", err)
	}
	return fmt.Errorf("connection ended: %w", err)
}
