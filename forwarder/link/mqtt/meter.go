package mqtt

import (
	"net"
	"sync/atomic"
	"time"

	"fieldpost/forwarder"
)

// counts are totals over all connections and attempts of a dialer.
type counts struct {
	in, out  traffic
	connects atomic.Uint64
}

// traffic is forwarder.Traffic while it is being counted.
type traffic struct{ socket, connect, packets, payload atomic.Uint64 }

func (t *traffic) read() forwarder.Traffic {
	// What is part of the other is read first: it never looks larger.
	r := forwarder.Traffic{Payload: t.payload.Load()}
	r.Packets = max(t.packets.Load(), r.Payload)
	r.Connect = t.connect.Load()
	r.Socket = max(t.socket.Load(), r.Connect+r.Packets)
	return r
}

func (c *counts) read() forwarder.Counters {
	return forwarder.Counters{In: c.in.read(), Out: c.out.read(), Connects: c.connects.Load()}
}

// meter counts what one connection takes: up to usable, all of it is the price of connecting.
type meter struct {
	counts *counts
	usable atomic.Bool
}

func (m *meter) socket(t *traffic, n int) {
	t.socket.Add(uint64(n))
	if !m.usable.Load() {
		t.connect.Add(uint64(n))
	}
}

func (m *meter) packets(t *traffic, n int) {
	if m.usable.Load() {
		t.packets.Add(uint64(n))
	}
}

// metered tells what goes through a connection: count is one of meter's methods.
type metered struct {
	net.Conn
	counts *counts
	count  func(t *traffic, n int)

	silences *silences // told when something goes through; nil: nobody asks
}

// Read is net.Conn.
func (c *metered) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.count(&c.counts.in, n)
	if n > 0 && c.silences != nil {
		c.silences.heard(time.Now())
	}
	return n, err
}

// Write is net.Conn.
func (c *metered) Write(b []byte) (int, error) {
	if c.silences != nil {
		c.silences.sent(time.Now())
	}
	n, err := c.Conn.Write(b)
	c.count(&c.counts.out, n)
	return n, err
}
