package forwarder

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"fieldpost/forwarder/foreign"
	"fieldpost/telemetry"
	"fieldpost/telemetry/wire"
)

// Options of a Session.
type Options struct {
	Node     string
	Link     string // its name, one of the node's
	Kind     string // for Status
	URL      string // for Status, without secrets
	Software string // name and version, told to the gateway

	Outbox Outbox
	Dialer Dialer
	Stores StoreMemory    // nil: remembered until the process ends
	Accept []wire.StoreID // stores that may take the place of the one met first
	Log    *slog.Logger   // nil: nothing is logged

	// FreshShare is how much of the link, in percent, the newest of the live lane may take from the backlog while there is one. 0: everything
	// goes in its order.
	FreshShare int

	// SendEvery is how long readings may wait for others to leave with them: a lane sends at most one message in that time, unless full ones wait. Events
	// go at once, and take along what waits. 0: readings do not wait either. It does not hold where Broker is set.
	SendEvery time.Duration

	// Coding of frames of readings; "": Plain. Budget, in bytes a day on the socket, both ways, is what Auto takes more of the processor to keep; 0: there is none.
	Coding Coding
	Budget int64

	// Where Broker is set, a broker's word is enough (delivery rule 12): there is no Dialer, no Stores and no AlarmLink, and records go out as Encoder
	// has them, at least once.
	Broker   Broker
	Encoder  foreign.Encoder
	Progress Progress

	// AlarmLink is the name of the second connection that alarms may take; "": none.
	AlarmLink string

	// GatewayTime is told the gateway's time at each welcome (delivery rule 21); nil: its word is worth nothing. It must not block.
	GatewayTime func(telemetry.Time)
}

const (
	dialTimeout = 30 * time.Second

	// At the wrong store a session stays stopped. It looks again this seldom, in case it was the network that led it astray.
	strayWait = time.Hour

	// A connection that lasted this long after its welcome was a good one, even if there was nothing to acknowledge.
	steady = time.Minute

	// A lasting outage is logged when it begins, this often, and when it ends.
	outageLog = 10 * time.Minute
)

// errStray says that the gateway's store is not the one this link belongs to.
var errStray = errors.New("the gateway's store is not the one this link met first; nothing is sent to it: lead the link back, or write accept_stores: [its id] beside the link's name")

// Session keeps one link going. Make one with New; run it once.
type Session struct {
	o   Options
	log *slog.Logger

	detour *detour       // nil: none
	hurry  chan struct{} // closed by Hurry
	home   string        // the link whose store this session belongs to
	main   *acked        // of a second connection: what the first one is to know; nil: this is a first one

	mu     sync.Mutex
	status Status

	// What outlives connections; Run's goroutine only.
	backoff backoff
	parked  parking
	coder   coder
	outage  time.Time // when the present one began to be logged; zero: none
	logged  time.Time
}

// New returns a session that does nothing until Run.
func New(o Options) *Session {
	log := o.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if o.Stores == nil {
		o.Stores = &memory{}
	}
	o.Coding = cmp.Or(o.Coding, Plain)
	s := &Session{
		o:       o,
		log:     log.With("link", o.Link),
		home:    o.Link,
		hurry:   make(chan struct{}),
		backoff: newBackoff(o.Node, o.Link),
		coder:   newCoder(o),
		status:  Status{Link: o.Link, Kind: o.Kind, URL: o.URL, State: Stopped},
	}
	if o.AlarmLink != "" {
		s.detour = newDetour(o)
	}
	return s
}

// Run connects, forwards and connects again until ctx ends; then it says goodbye and returns nil. Whatever happens to the link
// is not an error of Run's. What was not acknowledged by then stays in the outbox; a caller that wants to give it time waits
// for Status().Waiting to become 0 before it ends ctx.
func (s *Session) Run(ctx context.Context) error {
	defer s.note(func(st *Status) { st.State = Stopped })
	var detour sync.WaitGroup
	detour.Go(func() { s.detour.run(ctx) })
	defer detour.Wait()
	for {
		err := s.attempt(ctx)
		if ctx.Err() != nil {
			return nil
		}
		wait := s.backoff.next()
		state := Backoff
		if errors.Is(err, errStray) {
			wait, state = strayWait, Stopped
		}
		s.failed(err, wait)
		s.note(func(st *Status) {
			st.State, st.LastError, st.Attempts = state, err.Error(), s.backoff.attempts
			st.Next = time.Now().Add(wait)
			st.InFlight = 0
		})
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil
		}
	}
}

// Hurry has readings wait for nothing from now on (Options.SendEvery): the node is about to stop. It can be called at any time, also twice.
func (s *Session) Hurry() {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.hurry:
	default:
		close(s.hurry)
	}
}

// attempt makes one connection and serves it to its end.
func (s *Session) attempt(ctx context.Context) (err error) {
	s.note(func(st *Status) { st.State, st.Next = Connecting, time.Time{} })
	if s.o.Broker != nil {
		return s.publish(ctx)
	}
	store, err := s.o.Stores.Store(s.home)
	if err != nil {
		return fmt.Errorf("read which store link %s belongs to: %w", s.home, err)
	}
	info := Info{Node: s.o.Node, Link: s.o.Link, Software: s.o.Software, Epoch: newest(s.o.Outbox.Hello()), Nonce: nonce()}
	dial, cancel := context.WithTimeout(ctx, dialTimeout)
	conn, err := s.o.Dialer.Dial(dial, info)
	cancel()
	if err != nil {
		return err
	}
	defer conn.Close() // the reason it ended is known by then
	s.note(func(st *Status) { st.State = Greeting })
	return newConnection(s, conn, info.Nonce, store).run(ctx)
}

// admit reports whether a store may get this link's frames, remembering the first one met.
func (s *Session) admit(known, met wire.StoreID) error {
	switch {
	case met == wire.StoreID{}:
		return errors.New("the gateway's hello names no store")
	case met == known:
		return nil
	case known != wire.StoreID{} && !slices.Contains(s.o.Accept, met):
		return fmt.Errorf("%w (first met %s, now %s)", errStray, known, met)
	}
	if err := s.o.Stores.Remember(s.home, met); err != nil {
		return fmt.Errorf("remember store %s for link %s: %w", met, s.home, err)
	}
	return nil
}

// proved notes an acknowledged round trip.
func (s *Session) proved() {
	if s.backoff.attempts > 0 {
		s.backoff.reset()
		s.note(func(st *Status) { st.Attempts = 0 })
	}
}

// failed logs an outage's first error, and then one now and again.
func (s *Session) failed(err error, wait time.Duration) {
	now := time.Now()
	switch {
	case errors.Is(err, errStray):
		s.log.Error("link stopped", "err", err)
	case s.outage.IsZero():
		s.outage, s.logged = now, now
		s.log.Warn("link down", "err", err, "wait", wait.Round(time.Millisecond))
	case now.Sub(s.logged) >= outageLog:
		s.logged = now
		s.log.Warn("link still down", "err", err, "attempt", s.backoff.attempts, "wait", wait.Round(time.Millisecond))
	}
}

// up logs the end of an outage.
func (s *Session) up(w *wire.Welcome) {
	if s.outage.IsZero() {
		s.log.Info("link up", "store", w.Store, "direct", w.Direct)
	} else {
		s.log.Info("link up again", "store", w.Store, "direct", w.Direct, "attempt", s.backoff.attempts, "wait", time.Since(s.outage).Round(time.Second))
	}
	s.outage = time.Time{}
}

func newest(h wire.Hello) telemetry.Epoch {
	if n := len(h.Epochs); n > 0 {
		return h.Epochs[n-1].Epoch
	}
	return 0
}

func nonce() uint64 {
	var b [8]byte
	rand.Read(b[:]) // never fails
	return binary.BigEndian.Uint64(b[:])
}

// memory is the StoreMemory of a session that has none.
type memory struct {
	mu    sync.Mutex
	store map[string]wire.StoreID
}

func (m *memory) Store(link string) (wire.StoreID, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.store[link], nil
}

func (m *memory) Remember(link string, store wire.StoreID) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.store == nil {
		m.store = make(map[string]wire.StoreID)
	}
	m.store[link] = store
	return nil
}
