package model_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"fieldpost/forwarder"
	"fieldpost/gateway/source"
	"fieldpost/telemetry/frame"
	"fieldpost/telemetry/ranges"
	"fieldpost/telemetry/wire"
)

// link is one way of a unit to the gateway. It is a forwarder.Dialer.
type link struct {
	w    *world
	name string

	mu     sync.Mutex
	conns  []*conn
	closed bool // to be dialled
	silent bool // carries nothing, either way, and closes nothing
	slow   time.Duration
}

// Counters is forwarder.Dialer.
func (l *link) Counters() forwarder.Counters { return forwarder.Counters{} }

// Dial is forwarder.Dialer.
func (l *link) Dial(_ context.Context, info forwarder.Info) (forwarder.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, errors.New("no way")
	}
	c := &conn{l: l, info: info, rx: make(chan []byte, 256), done: make(chan struct{}), up: make(chan []byte, 256), back: make(chan []byte, 256)}
	l.conns = append(l.conns, c)
	go c.carry(c.up, c.arrive)
	go c.carry(c.back, func(b []byte) {
		select {
		case c.rx <- b:
		case <-c.done:
		}
	})
	return c, nil
}

// down ends all connections; for good, if the edge is gone.
func (l *link) down(err error, good bool) {
	l.mu.Lock()
	l.closed = l.closed || good
	conns := l.conns
	l.conns = nil
	l.mu.Unlock()
	for _, c := range conns {
		c.end(err)
	}
}

// conn is one connection, with the gateway's end of it.
type conn struct {
	l    *link
	info forwarder.Info
	rx   chan []byte
	done chan struct{}
	once sync.Once
	err  error
	up   chan []byte
	back chan []byte

	mu   sync.Mutex
	end_ *end
}

// end is the gateway's idea of a connection.
type end struct {
	c    *conn
	g    *gateway
	peer source.Peer
}

func (c *conn) end(err error) {
	c.once.Do(func() {
		c.err = err
		close(c.done)
		c.leave()
	})
}

// leave tells the gateway that the connection is gone.
func (c *conn) leave() {
	c.mu.Lock()
	e := c.end_
	c.end_ = nil
	c.mu.Unlock()
	if e != nil {
		e.g.in.Gone(e)
	}
}

// Receive is forwarder.Conn.
func (c *conn) Receive() <-chan []byte { return c.rx }

// Done is forwarder.Conn.
func (c *conn) Done() <-chan struct{} { return c.done }

// Err is forwarder.Conn.
func (c *conn) Err() error { return c.err }

// Close is forwarder.Conn.
func (c *conn) Close() error { c.end(errors.New("closed")); return nil }

// Send is forwarder.Conn.
func (c *conn) Send(ctx context.Context, payload []byte, _ forwarder.SendOptions) error {
	select {
	case c.up <- payload:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-c.done:
		return c.err
	}
}

// carry takes messages to their end, late, in order; behind a broker some come twice.
func (c *conn) carry(from <-chan []byte, to func([]byte)) {
	for n := 0; ; n++ {
		select {
		case b := <-from:
			c.l.mu.Lock()
			slow, silent := c.l.slow, c.l.silent
			c.l.mu.Unlock()
			select {
			case <-time.After(10*time.Millisecond + slow):
			case <-c.done:
				return
			}
			if silent {
				continue
			}
			to(b)
			if c.l.w.broker && n%7 == 3 {
				to(slices.Clone(b))
			}
		case <-c.done:
			return
		}
	}
}

// arrive hands a message to the gateway that runs now.
func (c *conn) arrive(b []byte) {
	w := c.l.w
	w.mu.Lock()
	g := w.gateway
	w.mu.Unlock()
	if g == nil {
		return // nobody listens
	}
	c.mu.Lock()
	e := c.end_
	if e == nil || e.g != g {
		e = &end{c: c, g: g, peer: source.Peer{Node: node, Link: c.info.Link, Source: "model", Direct: !w.broker}}
		c.end_ = e
		g.in.Connected(e)
	}
	c.mu.Unlock()
	if w.flaw == acksAtReceipt {
		if m, err := wire.Parse(b); err == nil {
			if f, ok := m.(*wire.Frame); ok {
				if h, err := frame.ParseHeader(f.Data); err == nil {
					_ = e.Send(wire.Append(nil, &wire.Ack{Generation: g.store.Generation(), Stored: []wire.Stored{{Epoch: h.Epoch, Lane: h.Lane, Ranges: ranges.Make(ranges.Range{From: h.First, To: h.Last()})}}}))
					return // and loses it
				}
			}
		}
	}
	if err := g.in.Receive(e, b); err != nil && !w.broker {
		e.Close(err)
	}
}

// Peer is source.Conn.
func (e *end) Peer() source.Peer { return e.peer }

// Send is source.Conn.
func (e *end) Send(payload []byte) error {
	select {
	case e.c.back <- payload:
		return nil
	case <-e.c.done:
		return source.ErrGone
	default:
		return source.ErrBehind
	}
}

// Close is source.Conn.
func (e *end) Close(err error) {
	if e.c.l.w.broker {
		go e.c.leave() // the node's next message begins another
		return
	}
	go e.c.end(err)
}
