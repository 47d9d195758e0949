// Package source is the contract between the ways into a gateway and what takes what they bring.
//
// It stands at the left end of the gateway: nodes → source → ingest → store. A kind of source lives in a package below
// this one, knows its transport and nothing of what a message says; the receiver knows messages and nothing of transports.
// Whatever a transport calls proof (a PUBACK, a read receipt), here it is none: the one ack is a message that the receiver
// sends down the very connection by which the frame came (delivery rules 7 to 9).
package source

import (
	"context"
	"errors"

	"fieldpost/telemetry/wire"
)

// MaxPayload is the largest message in bytes, in either direction, that a source carries: a series table of the largest size
// (frame.MaxTable; a test compares) and what goes around it. More is a violation of the protocol, refused before it is in memory.
const MaxPayload = 4<<20 + 64<<10

// ErrBehind says that a node does not take what is sent to it: its bounded queue is full, and its connection is being ended.
var ErrBehind = errors.New("node does not take its messages: the queue is full")

// ErrGone says that a connection has ended.
var ErrGone = errors.New("connection has ended")

// Source is one way by which nodes reach the gateway.
//
// Run serves until ctx ends, then ends all its connections and returns nil; it heals whatever can heal by itself, and
// returns an error only for what needs a person (an address in use, a file that cannot be read). It touches nothing outside
// before it is called, and is called once. Status may be called at any time.
type Source interface {
	Run(ctx context.Context, r Receiver) error
	Status() Status
}

// Receiver takes what nodes send. It is implemented by gateway/ingest and safe for concurrent use.
//
// The calls for one Conn come one after another: Connected, any number of Receive, Gone. Presence is beside them, and in
// order for one link of one node. Different Conns, also of one node, come at once.
type Receiver interface {
	// Connected says that c may speak for c.Node(), and is about to. It must not block.
	Connected(c Conn)
	// Receive takes one message from the node. The payload is the receiver's to keep and change. Receive may block, which
	// pushes back on this connection alone (on an outside broker: on all nodes behind it), but never once the receiver has
	// been told to stop. An error is a violation of the protocol: the source ends the connection with it.
	Receive(c Conn, payload []byte) error
	// Gone says that nothing more comes by c and nothing can be sent by it. Every Connected is followed by one Gone.
	Gone(c Conn)
	// Presence tells what the retained state topic of a node's link says. It can be old: an offline counts only if its nonce is
	// the latest of its link (delivery rule 5), which the receiver judges. state.Link is the topic's. It must not block.
	Presence(node string, state wire.LinkState)
}

// Conn is one node's connection through a source. Its methods are safe for concurrent use.
type Conn interface {
	Peer() Peer
	// Send queues a message for the node and never blocks. The payload is the source's from then on. ErrBehind ends the
	// connection; ErrGone says that it has ended. That Send returns nil proves nothing about arrival.
	Send(payload []byte) error
	// Close ends the connection and returns at once; what is queued is dropped. The receiver's Gone follows. Where the node
	// is behind an outside broker, only the gateway's idea of a connection ends; the node's next message begins another.
	Close(reason error)
}

// Peer says who is at the other end of a Conn. It does not change while the Conn lives.
type Peer struct {
	Node   string // proven by certificate or user, or, where anyone may connect, the one claimed
	Link   string // the node's name for its way here, as its client id claims it; "" if unknown
	Source string // the source's name in gateway.yaml
	Remote string // address of the other end of the socket: of the node, or of an outside broker
	Direct bool   // the socket reaches the node itself: TCP carries every message or breaks
}
