// Package mqttbroker is the source that nodes reach directly: an MQTT broker (mochi) in the gateway's process.
//
// The broker is a transport here and nothing else. What nodes send up goes from the reading goroutine of their connection to
// the receiver, never through the broker's fan-out; what goes down is written to the connection by this package, from a
// bounded queue, never through a subscription, because mochi's drop without a word. Only the states of links, retained for
// whoever reads them, are the broker's own business.
//
// What mochi 2.7.9 leaves open is closed here, each beside the reason: no deadline before CONNECT, in a packet or on writes, an accept
// loop that ends at its first error, wills and topic aliases that pass by the access check, sessions that never end,
// races when a client id comes again and when the server closes.
package mqttbroker

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"

	"fieldpost/gateway/source"
)

// Kind is the source's key in gateway.yaml.
const Kind = "mqtt_broker"

// Limits bound what clients can cost.
type Limits struct {
	Connections  int           // open at once
	ConnectWait  time.Duration // from accept to a complete CONNECT, TLS handshake included
	WriteWait    time.Duration // for each 16 KiB written
	ReadWait     time.Duration // for each 16 KiB of a packet's body
	MaxIdle      time.Duration // longest silence allowed between packets, whatever keep-alive a client asks for
	ReadBytes    int64         // of memory for all packets above 64 KiB that are being read or are with the receiver; more have to wait
	NodeBytes    int64         // of ReadBytes, for all connections of one node or user
	StallWait    time.Duration // longest pause in a packet above 64 KiB while others wait for ReadBytes
	Queue        int           // messages waiting for one node
	QueueBytes   int64         // bytes of them; one message is always taken
	StateTopics  int           // retained
	StopWait     time.Duration // for connections to end when the source is told to
	RereadUsers  time.Duration // between looks at the users file
	MaxStateSize int           // bytes of a state message
}

// DefaultLimits suits a gateway of a few thousand nodes.
//
// Connections: two for each of 8,000 nodes. ConnectWait: a TLS handshake and CONNECT over a GPRS round trip of 2 s take
// four of them. WriteWait and ReadWait: 16 KiB in 30 s is half of what the slowest link we promise carries, 1 kB/s.
// StallWait: that link brings a segment of TCP each second and a half; a link that pauses for longer loses its connection only
// when the memory of ReadBytes is used up, which 32 packets of the largest size do. NodeBytes: two links of a node may each carry the
// largest packet twice over; eight nodes that mean ill can use up what there is, one cannot. MaxIdle: twice the
// longest silence that is of use on a metered link; without it a client with keep-alive 0 stays for ever. Queue: acks are
// cumulative and few; a node that leaves 64 of them unread is not reading.
func DefaultLimits() Limits {
	return Limits{
		Connections: 16384, ConnectWait: 10 * time.Second, WriteWait: 30 * time.Second, ReadWait: 30 * time.Second,
		MaxIdle: 90 * time.Minute, ReadBytes: 64 * source.MaxPayload, NodeBytes: 8 * source.MaxPayload, StallWait: 5 * time.Second,
		Queue: 64, QueueBytes: 2 * source.MaxPayload, StateTopics: 65536, StopWait: 5 * time.Second,
		RereadUsers: 5 * time.Second, MaxStateSize: 4 << 10,
	}
}

// Broker is the source. Make it with New.
type Broker struct {
	Limits     Limits // may be changed before Run
	TicketFile string // keeps the keys of TLS sessions through restarts; "": they end with the process. May be set before Run

	name     string
	settings Settings
	log      *slog.Logger
	offences source.Counters
	received atomic.Uint64
	bytes    atomic.Uint64
	sent     atomic.Uint64
	nodes    atomic.Int64
	serial   atomic.Uint64 // of sessions

	// From here on set by Serve before it accepts anything.
	receiver source.Receiver
	room     *room
	users    *users // nil: anyone may connect, unless certificates are asked for
	server   *mqtt.Server
	open     sync.WaitGroup // one for each session
	stopping atomic.Bool    // nodes have not gone; the gateway has

	mu       sync.Mutex // never held while calling out
	address  string
	up       bool
	ails     string // what the accept loop complains of
	sessions map[*session]struct{}
	claims   map[claim]*session // by client id
}

// claim is a client id within the rights it came with, so that nobody ends a connection of somebody else's.
type claim struct{ user, id string }

// New makes a broker; it touches nothing outside before Run. The log may be nil.
func New(name string, s Settings, log *slog.Logger) *Broker {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Broker{
		Limits: DefaultLimits(), name: name, settings: s, log: log.With("source", name), address: s.Listen,
		sessions: make(map[*session]struct{}), claims: make(map[claim]*session),
	}
}

// Run is source.Source's.
func (b *Broker) Run(ctx context.Context, r source.Receiver) error {
	// Keep-alive probes of TCP would cost a metered link 80 bytes each quarter of a minute; MQTT has its own.
	listen := net.ListenConfig{KeepAlive: -1}
	ln, err := listen.Listen(ctx, "tcp", b.settings.Listen)
	if errors.Is(err, syscall.EADDRINUSE) {
		err = fmt.Errorf("%w; another broker or gateway is listening there: stop it, or change listen", err)
	}
	if err != nil {
		return fmt.Errorf("source %s: %w", b.name, err)
	}
	return b.Serve(ctx, ln, r)
}

// Serve is Run on a listener that is open already; it closes it. TLS, if the settings say so, is put on top.
func (b *Broker) Serve(ctx context.Context, ln net.Listener, r source.Receiver) (err error) {
	defer func() {
		// The accept loop has mostly closed it; a second close is an error of no interest.
		if cerr := ln.Close(); cerr != nil && !errors.Is(cerr, net.ErrClosed) {
			err = errors.Join(err, cerr)
		}
		b.setUp(false, "")
	}()
	if b.settings.UsersFile != "" {
		if b.users, err = loadUsers(b.settings.UsersFile); err != nil {
			return fmt.Errorf("source %s: %w", b.name, err)
		}
	}
	secure, err := tlsConfig(b.settings)
	if err != nil {
		return fmt.Errorf("source %s: %w", b.name, err)
	}
	var sessions *tickets
	if secure != nil && b.TicketFile != "" {
		if sessions, err = openTickets(b.TicketFile, b.settings.ClientCAFile, b.log); err != nil {
			return fmt.Errorf("source %s: %w", b.name, err)
		}
		sessions.turn(secure)
	}
	b.receiver, b.room = r, newRoom(b.Limits)
	if b.server, err = b.newServer(); err != nil {
		return fmt.Errorf("source %s: %w", b.name, err)
	}
	b.setUp(true, ln.Addr().String())
	b.log.Info("broker listening", "address", ln.Addr().String(), "tls", secure != nil, "anonymous", b.anonymous())

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = ln.Close() })
	defer stop()
	var wg sync.WaitGroup
	wg.Go(func() { b.room.watch(ctx) })
	if b.users != nil {
		wg.Go(func() { b.watchUsers(ctx) })
	}
	if sessions != nil {
		wg.Go(func() { sessions.serve(ctx, secure) })
	}
	err = b.accept(ctx, ln, secure)
	cancel()
	wg.Wait()
	return errors.Join(err, b.stop())
}

// anonymous reports whether clients need neither user nor certificate. Settings.Check allows it on loopback only, or by the operator's word.
func (b *Broker) anonymous() bool { return b.users == nil && b.settings.ClientCAFile == "" }

// stop ends all sessions, then mochi, in this order: its own Close races with connections that are just beginning, and can
// wait for ever for one that is just ending.
func (b *Broker) stop() error {
	b.stopping.Store(true)
	for _, s := range b.all() {
		s.end("", source.ErrGone)
	}
	done := make(chan error, 1)
	go func() {
		b.open.Wait()
		done <- b.server.Close()
	}()
	wait := time.NewTimer(b.Limits.StopWait)
	defer wait.Stop()
	select {
	case err := <-done:
		return err
	case <-wait.C:
		return fmt.Errorf("source %s: connections did not end within %v", b.name, b.Limits.StopWait)
	}
}

// accept takes connections until ctx ends, which closes ln. Too many open files and the like pass: it waits and goes on.
func (b *Broker) accept(ctx context.Context, ln net.Listener, secure *tls.Config) error {
	const first, longest = 5 * time.Millisecond, time.Second
	wait, failed := first, 0
	for {
		raw, err := ln.Accept()
		switch {
		case ctx.Err() != nil:
			if err == nil {
				_ = raw.Close() // it came as we left
			}
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("source %s: accept connections: %w", b.name, err)
		case err != nil:
			if failed++; failed == 1 {
				b.setAils(err.Error())
				b.log.Error("cannot accept connections; will go on trying; if too many files are open, raise the limit (LimitNOFILE)", "err", err)
			}
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(wait):
			}
			wait = min(2*wait, longest)
			continue
		}
		if failed > 0 {
			b.setAils("")
			b.log.Info("accepting connections again", "attempt", failed)
			wait, failed = first, 0
		}
		b.begin(raw, secure)
	}
}

// begin starts a session, or refuses the connection if there are too many.
func (b *Broker) begin(raw net.Conn, secure *tls.Config) {
	b.mu.Lock()
	full := len(b.sessions) >= b.Limits.Connections
	var s *session
	if !full {
		s = newSession(b, raw, secure)
		b.sessions[s] = struct{}{}
		b.open.Add(1)
	}
	b.mu.Unlock()
	if full {
		if n, log := b.offences.Count(source.TooMany); log {
			b.log.Warn("connection refused", "reason", source.TooMany, "remote", raw.RemoteAddr().String(), "count", n)
		}
		_ = raw.Close()
		return
	}
	go func() {
		defer b.open.Done()
		s.run()
		b.mu.Lock()
		delete(b.sessions, s)
		b.mu.Unlock()
	}()
}

func (b *Broker) all() []*session {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Collect(maps.Keys(b.sessions))
}

// claim makes s the one connection of its client id. A connection of the same user and id before it ends [MQTT-3.1.4-2].
func (b *Broker) claim(s *session) {
	k := claim{s.who.name, s.clientID}
	b.mu.Lock()
	before := b.claims[k]
	b.claims[k] = s
	b.mu.Unlock()
	if before != nil {
		before.end(source.TakenOver, errors.New("a newer connection uses the same client id; if this goes on, two edges have the same node name: give each its own"))
	}
}

func (b *Broker) release(s *session) {
	k := claim{s.who.name, s.clientID}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.claims[k] == s {
		delete(b.claims, k)
	}
}

// Status is source.Source's.
func (b *Broker) Status() source.Status {
	b.mu.Lock()
	defer b.mu.Unlock()
	return source.Status{
		Name: b.name, Kind: Kind, Address: b.address, Up: b.up, Connections: len(b.sessions), Nodes: int(b.nodes.Load()),
		Received: b.received.Load(), Bytes: b.bytes.Load(), Sent: b.sent.Load(), Refused: b.offences.Counts(), Err: b.ails,
	}
}

func (b *Broker) setUp(up bool, address string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.up = up
	if address != "" {
		b.address = address
	}
}

func (b *Broker) setAils(s string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ails = s
}
