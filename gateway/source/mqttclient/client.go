// Package mqttclient is the source that reaches nodes through an outside broker, one that the operator runs already.
//
// It subscribes to what all nodes publish and publishes what goes down to them. Such a broker is never trusted with a frame: its
// PUBACK, and ours to it, say nothing about a disk (delivery rule 7), so a message may get lost or come twice on its way and
// the nodes send again what our acks lack. Which node a message is from is the broker's word: its access rules must let
// each node publish to its own topics only.
//
// paho is a transport for one connection and is thrown away with it: with its own reconnect, a publish that nobody
// acknowledged completes without error.
package mqttclient

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"fieldpost/gateway/source"
)

// Kind is the source's key in gateway.yaml.
const Kind = "mqtt"

// Limits bound what a broker and the nodes behind it can cost.
type Limits struct {
	Nodes      int           // conversations kept; beyond it, the one that was silent for longest ends
	Queue      int           // messages received and not yet given to the receiver; then the broker has to wait
	QueueBytes int64         // bytes of them
	NodeQueue  int           // messages waiting to go to one node
	SendQueue  int           // messages waiting to go to all nodes
	SendBytes  int64         // bytes of them
	InFlight   int           // messages that the broker has not acknowledged
	AckWait    time.Duration // longest wait for the oldest of them before the connection counts as dead
	FirstWait  time.Duration // before the first new attempt to connect, doubled each time …
	LastWait   time.Duration // … up to this
}

// DefaultLimits suits a few thousand nodes behind one broker. A node that loses its conversation to Nodes gets another with its next message.
func DefaultLimits() Limits {
	return Limits{
		Nodes: 10000, Queue: 1024, QueueBytes: 8 * source.MaxPayload, NodeQueue: 64, SendQueue: 4096, SendBytes: 16 * source.MaxPayload,
		InFlight: 256, AckWait: 30 * time.Second, FirstWait: time.Second, LastWait: time.Minute,
	}
}

// Client is the source. Make it with New.
type Client struct {
	Limits Limits // may be changed before Run

	name     string
	settings Settings
	log      *slog.Logger
	id       string // of the MQTT client: one for all connections, so that the broker ends one that is half open
	offences source.Counters
	received atomic.Uint64
	bytes    atomic.Uint64
	sent     atomic.Uint64
	nodes    atomic.Int64

	mu  sync.Mutex
	up  bool
	err string
}

// New makes a client; it touches nothing outside before Run. The log may be nil.
func New(name string, s Settings, log *slog.Logger) *Client {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Client{
		Limits: DefaultLimits(), name: name, settings: s, log: log.With("source", name),
		id: "fpgw-" + rand.Text()[:16], // 3.1.1 lets a broker refuse more than 23 characters
	}
}

// Run is source.Source's.
func (c *Client) Run(ctx context.Context, r source.Receiver) error {
	if _, err := c.options(); err != nil {
		return fmt.Errorf("source %s: %w", c.name, err)
	}
	wait, attempt := c.Limits.FirstWait, 0
	for {
		connected, err := newConnection(c, r).run(ctx)
		if ctx.Err() != nil {
			c.setState(false, nil)
			return nil
		}
		c.setState(false, err)
		if connected {
			wait, attempt = c.Limits.FirstWait, 0
			c.log.Warn("connection to broker lost", "address", c.settings.URL, "err", err)
		} else if attempt++; attempt == 1 {
			c.log.Warn("broker cannot be reached; will go on trying", "address", c.settings.URL, "err", err)
		} else if attempt%60 == 0 { // about once an hour
			c.log.Warn("broker still cannot be reached", "address", c.settings.URL, "attempt", attempt, "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
		wait = min(2*wait, c.Limits.LastWait)
	}
}

// Status is source.Source's.
func (c *Client) Status() source.Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := int(c.nodes.Load())
	return source.Status{
		Name: c.name, Kind: Kind, Address: c.settings.URL, Up: c.up, Connections: n, Nodes: n,
		Received: c.received.Load(), Bytes: c.bytes.Load(), Sent: c.sent.Load(), Refused: c.offences.Counts(), Err: c.err,
	}
}

func (c *Client) setState(up bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.up, c.err = up, ""
	if err != nil {
		c.err = err.Error()
	}
}

// offend counts an offence of whoever publishes to topic, and logs it unless there are too many.
func (c *Client) offend(r source.Reason, topic string, err error) {
	if n, log := c.offences.Count(r); log {
		c.log.Warn("message refused", "reason", r, "topic", clip(topic), "count", n, "err", err)
	}
}

func clip(s string) string {
	const most = 100
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}
