package mqtt

import (
	"net"
	"sync"
	"sync/atomic"

	"fieldpost/forwarder"
)

// counts are totals over all connections and attempts of a dialer.
type counts struct {
	in, out  traffic
	connects atomic.Uint64
}

// traffic is forwarder.Traffic while it is being counted.
type traffic struct {
	mu sync.Mutex
	t  forwarder.Traffic
}

func (t *traffic) read() forwarder.Traffic {
	t.mu.Lock()
	defer t.mu.Unlock()
	// What is under way between two layers may be in the inner one's count alone.
	r := t.t
	r.Packets = max(r.Packets, r.Payload)
	r.Socket = max(r.Socket, r.Connect+r.Packets)
	return r
}

func (t *traffic) payload(n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.t.Payload += uint64(n)
}

func (c *counts) read() forwarder.Counters {
	return forwarder.Counters{In: c.in.read(), Out: c.out.read(), Connects: c.connects.Load()}
}

// meter counts what one connection takes: up to usable, all of it is the price of connecting.
type meter struct {
	counts *counts
	usable atomic.Bool
}

// layer says what goes through a metered connection.
type layer uint8

const (
	sealed layer = iota // what encryption or framing made of packets
	within              // packets that are still to be wrapped
	bare                // packets as they are on the wire
)

func (t *traffic) count(l layer, n int, usable bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if l != within {
		t.t.Socket += uint64(n)
	}
	switch {
	case l != within && !usable:
		t.t.Connect += uint64(n)
	case l != sealed && usable:
		t.t.Packets += uint64(n)
	}
}

// metered counts what goes through a connection.
type metered struct {
	net.Conn
	meter *meter
	layer layer
}

// Read is net.Conn.
func (c *metered) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.meter.counts.in.count(c.layer, n, c.meter.usable.Load())
	return n, err
}

// Write is net.Conn.
func (c *metered) Write(b []byte) (int, error) {
	usable := c.meter.usable.Load() // afterwards the answer may have come, which makes it so
	n, err := c.Conn.Write(b)
	c.meter.counts.out.count(c.layer, n, usable)
	return n, err
}
