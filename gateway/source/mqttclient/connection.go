package mqttclient

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"sync"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	"golang.org/x/sync/semaphore"

	"fieldpost/gateway/source"
	"fieldpost/mqttguard"
	"fieldpost/telemetry/wire"
)

// connection is one connection to the broker, from dialling to loss, and the conversations with nodes that it carries.
//
// Three goroutines besides run: paho's handler puts messages into in and blocks when that is full, which makes the broker
// wait; deliver gives them to the receiver; send publishes what is in out. All end with ctx.
type connection struct {
	c        *Client
	receiver source.Receiver
	ctx      context.Context
	cancel   context.CancelCauseFunc
	client   paho.Client
	in       chan paho.Message
	inRoom   *semaphore.Weighted // bytes in in
	out      chan outgoing
	outRoom  *semaphore.Weighted // bytes in out

	// Of deliver alone.
	byNode map[string]*list.Element // of *conversation
	recent *list.List               // of *conversation, the latest to speak in front

	closing chan struct{} // has a token when closed is not empty
	mu      sync.Mutex
	closed  []*conversation // ended by Close or Send; deliver tells the receiver
}

type outgoing struct {
	to      *conversation
	payload []byte
}

func newConnection(c *Client, r source.Receiver) *connection {
	return &connection{
		c: c, receiver: r,
		in: make(chan paho.Message, c.Limits.Queue), inRoom: semaphore.NewWeighted(c.Limits.QueueBytes),
		out: make(chan outgoing, c.Limits.SendQueue), outRoom: semaphore.NewWeighted(c.Limits.SendBytes),
		byNode: make(map[string]*list.Element), recent: list.New(), closing: make(chan struct{}, 1),
	}
}

// run connects, serves until the connection is lost or ctx ends, and says whether it got as far as being connected.
func (k *connection) run(ctx context.Context) (connected bool, err error) {
	k.ctx, k.cancel = context.WithCancelCause(ctx)
	defer k.cancel(nil)
	o, err := k.c.options()
	if err != nil {
		return false, err
	}
	o.SetCustomOpenConnectionFn(k.open)
	// In order, on one goroutine of paho's, which is the one that waits when we push back. Without a default handler paho
	// would never acknowledge what comes before the subscription is answered.
	o.SetOrderMatters(true).SetDefaultPublishHandler(k.take)
	o.SetConnectionLostHandler(func(_ paho.Client, err error) { k.cancel(err) })
	k.client = paho.NewClient(o)
	// A client is never used again, and lets go of its goroutines in its own time.
	defer k.client.Disconnect(uint((100 * time.Millisecond).Milliseconds()))

	if err := k.wait(k.client.Connect(), "connect"); err != nil {
		return false, err
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	defer k.cancel(nil)
	wg.Go(k.deliver)
	wg.Go(k.send)
	if err := k.subscribe(); err != nil {
		return false, err
	}
	k.c.setState(true, nil)
	k.c.log.Info("connected to broker", "address", k.c.settings.URL)
	<-k.ctx.Done()
	return true, context.Cause(k.ctx)
}

// open is how paho opens the connection.
func (k *connection) open(u *url.URL, o paho.ClientOptions) (net.Conn, error) {
	conn, err := dial(k.ctx, u, o.TLSConfig)
	if err != nil {
		return nil, err
	}
	// paho's own disconnect waits behind whatever it is doing. When we are done, we are.
	context.AfterFunc(k.ctx, func() {
		time.AfterFunc(time.Second, func() { _ = conn.Close() })
	})
	return &watched{Conn: conn, k: k}, nil
}

// watched notices why reading ended, which paho tells only in its own words.
type watched struct {
	net.Conn
	k *connection
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	if errors.Is(err, mqttguard.ErrTooLarge) || errors.Is(err, mqttguard.ErrMalformed) {
		reason := source.TooLarge
		if errors.Is(err, mqttguard.ErrMalformed) {
			reason = source.Malformed
		}
		w.k.c.offend(reason, "", err)
		w.k.cancel(fmt.Errorf("read from broker: %w; limit the broker's message size (message_size_limit) to %d", err, source.MaxPayload))
	}
	return n, err
}

// wait waits for a token of paho's.
func (k *connection) wait(t paho.Token, what string) error {
	timeout := time.NewTimer(connectWait + time.Second)
	defer timeout.Stop()
	select {
	case <-t.Done():
		if err := t.Error(); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		return nil
	case <-k.ctx.Done():
		return fmt.Errorf("%s: %w", what, context.Cause(k.ctx))
	case <-timeout.C:
		return fmt.Errorf("%s: no answer from the broker within %v", what, connectWait)
	}
}

func (k *connection) subscribe() error {
	up, state := wire.Up(k.c.settings.Prefix, "+"), wire.State(k.c.settings.Prefix, "+", "+")
	t := k.client.SubscribeMultiple(map[string]byte{up: 1, state: 1}, nil)
	if err := k.wait(t, "subscribe"); err != nil {
		return err
	}
	if st, ok := t.(*paho.SubscribeToken); ok {
		for filter, granted := range st.Result() {
			if granted > 2 { // [MQTT-3.9.3-2]
				return fmt.Errorf("the broker refuses the subscription to %s; its access rules must allow this gateway to read it, and to publish to %s",
					filter, wire.Down(k.c.settings.Prefix, "+"))
			}
		}
	}
	return nil
}

// take is paho's handler.
func (k *connection) take(_ paho.Client, m paho.Message) {
	if k.inRoom.Acquire(k.ctx, int64(len(m.Payload()))) != nil {
		return // the connection is lost; the node sends it again
	}
	select {
	case k.in <- m:
	case <-k.ctx.Done():
	}
}

// deliver gives the receiver what comes, one message after another, and ends all conversations at last.
func (k *connection) deliver() {
	defer func() {
		for e := k.recent.Front(); e != nil; e = k.recent.Front() {
			k.drop(e.Value.(*conversation))
		}
	}()
	for {
		select {
		case <-k.ctx.Done():
			return
		case <-k.closing:
			k.mu.Lock()
			closed := k.closed
			k.closed = nil
			k.mu.Unlock()
			for _, v := range closed {
				k.drop(v)
			}
		case m := <-k.in:
			k.message(m)
			k.inRoom.Release(int64(len(m.Payload())))
		}
	}
}

func (k *connection) message(m paho.Message) {
	t, reason, err := source.ParseTopic(k.c.settings.Prefix, m.Topic())
	switch {
	case err != nil:
	case t.Direction == wire.OfLink:
		reason, err = k.state(t, m.Payload())
	case t.Direction == wire.ToNode:
		reason, err = source.BadTopic, errors.New("not subscribed to")
	case m.Retained():
		// The broker would give it to us again on each connection, as if the node had just said it.
		reason, err = source.Retained, errors.New("an up message is marked retained; clear the topic on the broker")
	case len(m.Payload()) > source.MaxPayload:
		reason, err = source.TooLarge, fmt.Errorf("message of %d bytes, at most %d", len(m.Payload()), source.MaxPayload)
	default:
		reason, err = k.up(t.Node, m.Payload())
	}
	if err != nil {
		k.c.offend(reason, m.Topic(), err)
	}
}

func (k *connection) state(t wire.Topic, payload []byte) (source.Reason, error) {
	if len(payload) == 0 {
		return "", nil // somebody cleared the topic; it says nothing
	}
	s, err := wire.ParseLinkState(payload)
	if err != nil {
		return source.BadState, err
	}
	s.Link = t.Link
	k.receiver.Presence(t.Node, s)
	return "", nil
}

func (k *connection) up(node string, payload []byte) (source.Reason, error) {
	v := k.conversation(node)
	k.c.received.Add(1)
	k.c.bytes.Add(uint64(len(payload)))
	if err := k.receiver.Receive(v, payload); err != nil {
		v.end()
		k.drop(v)
		return source.Violation, err
	}
	return "", nil
}

// conversation returns the one with a node, begun if there is none.
func (k *connection) conversation(node string) *conversation {
	if e := k.byNode[node]; e != nil {
		v := e.Value.(*conversation)
		if !v.ended() {
			k.recent.MoveToFront(e)
			return v
		}
		k.drop(v) // closed, and its node is faster than closing
	}
	for k.recent.Len() >= k.c.Limits.Nodes {
		oldest := k.recent.Back().Value.(*conversation)
		oldest.end()
		k.drop(oldest)
	}
	v := &conversation{k: k, done: make(chan struct{}), peer: source.Peer{Node: node, Source: k.c.name, Remote: k.c.settings.URL}}
	k.byNode[node] = k.recent.PushFront(v)
	k.c.nodes.Add(1)
	k.receiver.Connected(v)
	return v
}

// drop takes a conversation off the list and tells the receiver, once.
func (k *connection) drop(v *conversation) {
	e := k.byNode[v.peer.Node]
	if e == nil || e.Value != v {
		return
	}
	v.end()
	delete(k.byNode, v.peer.Node)
	k.recent.Remove(e)
	k.c.nodes.Add(-1)
	k.receiver.Gone(v)
}

// send publishes what is queued, at quality of service 1 so that the broker does not drop it where it can help it, with a bounded
// number of messages that it has not acknowledged.
func (k *connection) send() {
	type flight struct {
		paho.Token
		since time.Time
	}
	var flying []flight // oldest first
	for {
		var oldest <-chan struct{}
		var late <-chan time.Time
		out := k.out
		if len(flying) > 0 {
			oldest = flying[0].Done()
			late = time.After(time.Until(flying[0].since.Add(k.c.Limits.AckWait)))
		}
		if len(flying) >= k.c.Limits.InFlight {
			out = nil
		}
		select {
		case <-k.ctx.Done():
			return
		case <-oldest:
			if err := flying[0].Error(); err != nil {
				k.cancel(fmt.Errorf("publish: %w", err))
				return
			}
			flying = flying[1:]
			k.c.sent.Add(1)
		case <-late:
			k.cancel(fmt.Errorf("publish: not acknowledged by the broker for %v", k.c.Limits.AckWait))
			return
		case m := <-out:
			k.outRoom.Release(int64(len(m.payload)))
			m.to.queued.Add(-1)
			if !m.to.ended() {
				t := k.client.Publish(wire.Down(k.c.settings.Prefix, m.to.peer.Node), 1, false, m.payload)
				flying = append(flying, flight{t, time.Now()})
			}
		}
	}
}
