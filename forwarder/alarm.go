package forwarder

import (
	"context"
	"errors"
	"sync"
	"time"

	"fieldpost/telemetry"
	"fieldpost/telemetry/wire"
)

const (
	// An alarm that was not acknowledged for this long, and for three round trips, goes again on a second connection (delivery rule 22): TCP's own
	// back-off after a loss grows to a minute, and a path that died silently is noticed by nothing else for as long.
	alarmPatience = 2 * time.Second

	// A second connection stays this long after its last alarm: what kept one waiting may keep the next.
	alarmLinger = time.Minute
)

// errQuiet ends a second connection that is of no more use.
var errQuiet = errors.New("no alarm waits")

// detour is the way that alarms take when the first connection keeps them waiting: a second one, under a name of its own, beside the first, which
// goes on. It is nil where there is none.
type detour struct {
	session *Session      // of the second connection
	call    chan struct{} // signalled (1) while an alarm is overdue
	acked   acked         // by way of the second connection
}

// acked is what the second connection heard since the first one looked. A gateway's acks go to the connection on which the frame came.
type acked struct {
	mu         sync.Mutex
	generation uint64
	stored     []wire.Stored
	news       chan struct{} // signalled (1)
}

func newDetour(o Options) *detour {
	d := &detour{call: make(chan struct{}, 1)}
	d.acked.news = make(chan struct{}, 1)
	home := o.Link
	o.Link, o.AlarmLink = o.AlarmLink, ""
	o.Coding = Plain // it carries no readings
	d.session = New(o)
	d.session.home, d.session.main = home, &d.acked
	return d
}

// run makes a second connection whenever it is called for, until ctx ends.
func (d *detour) run(ctx context.Context) {
	if d == nil {
		return
	}
	defer d.session.note(func(st *Status) { st.State = Stopped })
	for {
		select {
		case <-ctx.Done():
			return
		case <-d.call:
		}
		d.session.log.Warn("an alarm is not acknowledged; sending it again on a second connection")
		err := d.session.attempt(ctx)
		if ctx.Err() != nil {
			return
		}
		if errors.Is(err, errQuiet) {
			d.session.backoff.reset()
			d.session.log.Info("second connection closed", "reason", err)
			d.session.note(func(st *Status) { st.State = Stopped })
			continue
		}
		wait := d.session.backoff.next()
		d.session.failed(err, wait)
		d.session.note(func(st *Status) {
			st.State, st.LastError, st.Attempts = Backoff, err.Error(), d.session.backoff.attempts
		})
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// overdue calls for the second connection.
func (d *detour) overdue() {
	select {
	case d.call <- struct{}{}:
	default: // called for already
	}
}

// news returns a channel that tells that take has something.
func (d *detour) news() <-chan struct{} {
	if d == nil {
		return nil
	}
	return d.acked.news
}

func (a *acked) put(generation uint64, stored []wire.Stored) {
	a.mu.Lock()
	if a.generation != generation {
		a.generation, a.stored = generation, nil
	}
	a.stored = append(a.stored, stored...)
	a.mu.Unlock()
	select {
	case a.news <- struct{}{}:
	default:
	}
}

func (a *acked) take() (generation uint64, stored []wire.Stored) {
	a.mu.Lock()
	defer a.mu.Unlock()
	generation, stored, a.stored = a.generation, a.stored, nil
	return generation, stored
}

// alarmWatch tells how long a connection has kept its alarms waiting.
type alarmWatch struct {
	since time.Time // when the first of those that wait came, the last one was acknowledged, or a pause ended; zero: none waits
	asked time.Time // when the second connection was called for
}

// waits reports whether alarms are to be sent or under way.
func (c *connection) alarmWaits() bool {
	return c.flight.alarm > 0 || len(c.ledger.todo[laneIndex(telemetry.Alarm)]) > 0
}

// watchAlarms calls for the second connection where an alarm is overdue. While nobody has answered the hello yet there is nothing that it could do better.
func (c *connection) watchAlarms(now time.Time) {
	a := &c.alarms
	switch {
	case c.welcome == nil || !c.alarmWaits():
		a.since = time.Time{}
	case a.since.IsZero():
		a.since = now
	case a.since.Before(c.paused[alarmQueue]): // a gateway that asks for a pause is in good health
		a.since = c.paused[alarmQueue]
	case c.s.detour != nil && now.Sub(a.since) >= c.patience() && now.Sub(a.asked) >= c.patience():
		a.asked = now
		c.s.detour.overdue()
	}
}

// patience is how long an alarm may remain unacknowledged: longer where a link that is only slow has that much to carry.
func (c *connection) patience() time.Duration {
	d := max(alarmPatience, 3*c.window.minRTT())
	if rate := c.window.rate.best(); rate > 0 {
		d = max(d, time.Duration(1.5*float64(c.flight.bytes+c.flight.alarm)/rate*float64(time.Second)))
	}
	return d
}

// wakeForAlarms returns when watchAlarms has something to do; zero: unless something happens, never.
func (c *connection) wakeForAlarms() time.Time {
	if c.alarms.since.IsZero() || c.s.detour == nil {
		return time.Time{}
	}
	due := c.alarms.since
	if c.alarms.asked.After(due) {
		due = c.alarms.asked
	}
	return due.Add(c.patience())
}

// elsewhere takes note of what the second connection heard to be stored.
func (c *connection) elsewhere() {
	generation, stored := c.s.detour.acked.take()
	if c.welcome == nil || generation != c.welcome.Generation {
		return // the next welcome has it
	}
	for _, s := range stored {
		c.flight.take(run{s.Epoch, s.Lane}, s.Ranges) // no measurement: these acks are not this connection's
	}
	c.ledger.ack(stored)
}

// quiet reports whether a second connection has had nothing to do for so long that it may end.
func (c *connection) quiet(now time.Time) bool {
	return c.s.main != nil && c.welcome != nil && !c.alarmWaits() && now.Sub(c.progress) >= alarmLinger
}
