package source

import (
	"sync"
	"time"
)

// Status is what a source says of itself. It is a copy.
type Status struct {
	Name        string
	Kind        string // the key in gateway.yaml: mqtt_broker, mqtt
	Address     string // where it listens, or the broker it connects to; without credentials
	Up          bool   // it listens, or is connected
	Connections int    // open now: of any client (mqtt_broker), of nodes seen (mqtt)
	Nodes       int    // of these, the ones that have spoken for a node
	Received    uint64 // messages given to the receiver
	Bytes       uint64 // of their payloads
	Sent        uint64 // messages written to nodes
	Refused     map[Reason]uint64
	Err         string // why it is not up, or what ails it while it is
}

// Reason is a kind of offence, the key under which it is counted. It is short, fixed, and fit for a metric's label.
type Reason string

// The reasons.
const (
	BadTopic    Reason = "bad_topic"    // a topic that is none of the three
	BadNode     Reason = "bad_node"     // a node's name that cannot be one
	BadState    Reason = "bad_state"    // a state message or will that is none
	ForeignNode Reason = "foreign_node" // another node's topic than the connection's own
	NotAllowed  Reason = "not_allowed"  // a topic of the right form that is not for this client to write or read
	BadQoS      Reason = "bad_qos"      // quality of service 2, which would cost two more packets and prove nothing
	Retained    Reason = "retained"     // an up message marked retained
	TooLarge    Reason = "too_large"    // a packet beyond the limit, refused unread
	TooMany     Reason = "too_many"     // connections, or state topics, beyond the limit
	NoConnect   Reason = "no_connect"   // a client that did not say CONNECT, or not in time
	BadTLS      Reason = "bad_tls"      // a handshake that failed, a missing or unknown certificate among the causes
	Malformed   Reason = "malformed"    // bytes that are not MQTT
	AuthFailed  Reason = "auth_failed"  // a wrong user or password
	Violation   Reason = "violation"    // the receiver refused a message
	Silent      Reason = "silent"       // nothing came for one and a half times the keep-alive, or a packet stopped in its middle
	Behind      Reason = "behind"       // a node, or a reader of states, that does not take its messages
	TakenOver   Reason = "taken_over"   // a connection replaced by a newer one of the same client id
)

// Counters counts offences and says which of them to log, so that a flood of them cannot fill a disk. The zero value is ready;
// it is safe for concurrent use.
type Counters struct {
	mu sync.Mutex
	n  map[Reason]*counter
}

type counter struct {
	total  uint64
	lines  int       // logged since window
	window time.Time // when the current minute of logging began
}

// linesPerMinute bounds the log of one reason: enough to see who it is, too few to hurt.
const linesPerMinute = 10

// Count adds one offence. It returns how many of its reason there have been, and whether this one is worth a line in the log:
// the first ten in each minute are.
func (c *Counters) Count(r Reason) (total uint64, log bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n == nil {
		c.n = make(map[Reason]*counter)
	}
	k := c.n[r]
	if k == nil {
		k = new(counter)
		c.n[r] = k
	}
	k.total++
	if now := time.Now(); now.Sub(k.window) >= time.Minute {
		k.window, k.lines = now, 0
	}
	k.lines++
	return k.total, k.lines <= linesPerMinute
}

// Counts returns how many offences of each reason there have been.
func (c *Counters) Counts() map[Reason]uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := make(map[Reason]uint64, len(c.n))
	for r, k := range c.n {
		m[r] = k.total
	}
	return m
}
