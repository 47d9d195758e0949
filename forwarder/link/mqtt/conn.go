package mqtt

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"fieldpost/forwarder"
	"fieldpost/telemetry/wire"
)

const (
	// inbox is how many messages may wait for the forwarder. Its loop never blocks on the link, so they do not wait long; when it
	// is full the reader of the socket waits, and nothing is dropped.
	inbox = 64

	// What a goodbye may take: the offline state's way to the broker and back, then the DISCONNECT's way out.
	goodbyeWait    = 700 * time.Millisecond
	disconnectWait = 250 * time.Millisecond
)

var errClosed = errors.New("closed by this node")

// conn is one connection with its paho client. It is a forwarder.Conn.
type conn struct {
	d          *Dialer
	info       forwarder.Info
	client     paho.Client
	up, down   string
	stateTopic string
	meter      meter
	silences   silences

	in      chan []byte
	puback  chan uint64 // ids of what the broker confirmed; nil: to a gateway
	done    chan struct{}
	endOnce sync.Once
	err     error // set before done is closed

	closeOnce sync.Once
	denied    chan struct{} // somebody said offline in our name; holds one
	dialErr   atomic.Pointer[error]

	mu     sync.Mutex
	socket net.Conn
	gone   bool // the socket is not wanted any more
}

func newConn(d *Dialer, info forwarder.Info) *conn {
	c := &conn{d: d, info: info, in: make(chan []byte, inbox), done: make(chan struct{}), denied: make(chan struct{}, 1), meter: meter{counts: &d.counts}, silences: silences{interval: d.silence.interval()}}
	c.up, c.down, c.stateTopic = d.topics(info)
	return c
}

// open says online and subscribes: the state first, so that what the subscription brings back of it is our own.
func (c *conn) open(ctx context.Context) error {
	if err := c.online(ctx); err != nil {
		return err
	}
	topics := map[string]byte{c.down: 1, c.stateTopic: 1}
	token, err := c.hand(ctx, func() paho.Token { return c.client.SubscribeMultiple(topics, nil) })
	if err == nil {
		err = c.wait(ctx, token)
	}
	if err != nil {
		return fmt.Errorf("subscribe to %s: %w", c.down, err)
	}
	results := token.(*paho.SubscribeToken).Result()
	if qos, ok := results[c.down]; !ok || qos > 1 {
		return fmt.Errorf("subscribe to %s: the broker refuses; let user %q read it", c.down, c.d.s.Username)
	}
	if qos, ok := results[c.stateTopic]; !ok || qos > 1 {
		c.d.log.Warn("broker does not let the node read its own state; a false offline will stand until the next connection", "node", c.info.Node, "link", c.info.Link)
	}
	go c.insist()
	return nil
}

func (c *conn) online(ctx context.Context) error {
	token, err := c.hand(ctx, func() paho.Token { return c.client.Publish(c.stateTopic, 1, true, c.state(true)) })
	if err == nil {
		err = c.wait(ctx, token)
	}
	if err != nil {
		return fmt.Errorf("publish %s: %w", c.stateTopic, err)
	}
	return nil
}

// hand has paho take a packet. Its calls block while its writer does, and for writeTimeout where the connection ended before it noticed. Then they stay behind
// alone.
func (c *conn) hand(ctx context.Context, call func() paho.Token) (paho.Token, error) {
	taken := make(chan paho.Token, 1)
	go func() { taken <- call() }()
	select {
	case t := <-taken:
		return t, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-c.done:
		return nil, c.err
	}
}

// wait waits for a token, but not longer than ctx or the connection.
func (c *conn) wait(ctx context.Context, t paho.Token) error {
	select {
	case <-t.Done():
		return t.Error()
	case <-ctx.Done():
		return ctx.Err()
	case <-c.done:
		return c.err
	}
}

// state returns the payload of the state topic.
func (c *conn) state(online bool) []byte {
	return wire.LinkState{Online: online, Version: c.info.Software, Epoch: c.info.Epoch, Nonce: c.info.Nonce, Link: c.info.Link}.Marshal()
}

// take gets each message that comes in, in order, on paho's reader goroutine: while it blocks, nothing else is read.
func (c *conn) take(topic string, payload []byte) {
	switch topic {
	case c.down:
		c.d.counts.in.payload(len(payload))
		select {
		case c.in <- payload:
		case <-c.done:
		}
	case c.stateTopic:
		// The will of a connection before this one can land late and say offline while the node is there (delivery rule 5).
		if s, err := wire.ParseLinkState(payload); err == nil && s.Online && s.Nonce == c.info.Nonce {
			return
		}
		select {
		case c.denied <- struct{}{}:
		default:
		}
	}
}

// insist publishes online again whenever somebody denied it, at most once a second: two nodes of one name must not make a storm.
func (c *conn) insist() {
	for {
		select {
		case <-c.done:
			return
		case <-c.denied:
		}
		if !c.client.IsConnectionOpen() {
			return
		}
		c.client.Publish(c.stateTopic, 1, true, c.state(true))
		select {
		case <-c.done:
			return
		case <-time.After(time.Second):
		}
	}
}

// Send is forwarder.Conn. With QoS 0 it returns when the message lies in the write buffer; with QoS 1 when paho's writer has
// taken it, which it does one at a time.
func (c *conn) Send(ctx context.Context, payload []byte, o forwarder.SendOptions) error {
	var qos byte = 1
	if o.Direct {
		qos = 0
	}
	t, err := c.hand(ctx, func() paho.Token { return c.client.Publish(c.up, qos, false, payload) })
	if err != nil {
		return err
	}
	c.d.counts.out.payload(len(payload))
	if qos == 0 {
		return c.wait(ctx, t)
	}
	select {
	case <-t.Done():
		return t.Error()
	default:
		return nil
	}
}

// Publish is forwarder.BrokerConn: QoS 1. It returns when paho's writer has taken the message.
func (c *conn) Publish(ctx context.Context, id uint64, topic string, payload []byte) error {
	t, err := c.hand(ctx, func() paho.Token { return c.client.Publish(topic, 1, false, payload) })
	if err != nil {
		return err
	}
	c.d.counts.out.payload(len(payload))
	go c.confirm(id, t)
	return nil
}

// confirm passes a PUBACK on. The end of a connection completes what was under way too, and proves nothing.
func (c *conn) confirm(id uint64, t paho.Token) {
	select {
	case <-t.Done():
	case <-c.done:
		return
	}
	if t.Error() != nil || c.Err() != nil || !c.client.IsConnectionOpen() {
		return
	}
	select {
	case c.puback <- id:
	case <-c.done:
	}
}

// Confirmed is forwarder.BrokerConn.
func (c *conn) Confirmed() <-chan uint64 { return c.puback }

// Receive is forwarder.Conn.
func (c *conn) Receive() <-chan []byte { return c.in }

// Done is forwarder.Conn.
func (c *conn) Done() <-chan struct{} { return c.done }

// Err is forwarder.Conn.
func (c *conn) Err() error {
	select {
	case <-c.done:
		return c.err
	default:
		return nil
	}
}

// Close is forwarder.Conn. If the connection still stands it says offline first: a DISCONNECT takes the will back.
func (c *conn) Close() error {
	c.closeOnce.Do(func() {
		if c.Err() == nil && c.client.IsConnectionOpen() {
			c.goodbye()
		}
		c.abandon()
	})
	return nil
}

func (c *conn) goodbye() {
	said := make(chan struct{})
	go func() {
		defer close(said)
		c.client.Publish(c.stateTopic, 1, true, c.state(false)).WaitTimeout(goodbyeWait)
	}()
	select {
	case <-said:
	case <-time.After(goodbyeWait):
		return // the socket is stuck; the will speaks
	case <-c.done:
		return
	}
	c.end(errClosed) // before the DISCONNECT, so that nothing is read into a wish to insist
	c.client.Disconnect(uint(disconnectWait.Milliseconds()))
}

// abandon frees everything without a word.
func (c *conn) abandon() {
	c.end(errClosed)
	c.mu.Lock()
	c.gone = true
	socket := c.socket
	c.mu.Unlock()
	if socket != nil {
		socket.Close()
	}
	c.client.Disconnect(0)
}

// end marks the connection as ended, the first reason staying.
// lost is told why the connection ended by itself.
func (c *conn) lost(err error) {
	n, died := c.silences.count()
	c.d.silence.lived(c.silences.interval, n, died)
	c.end(err)
}

func (c *conn) end(err error) {
	c.endOnce.Do(func() {
		c.err = err
		close(c.done)
	})
}

// hold remembers the socket, so that abandon can close it, whatever paho is waiting for.
func (c *conn) hold(nc net.Conn) net.Conn {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.socket = nc
	if c.gone {
		nc.Close()
	}
	return nc
}
