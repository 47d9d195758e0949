// Package forwarder carries a node's lanes over its links to the gateway: it says hello, sends what the gateway lacks, the urgent
// first, and takes acks and refusals. It stands between edge/lane, which keeps the frames (Outbox), and the kinds of links, which
// move bytes (Dialer). There is one Session per link; sessions share nothing but the Outbox.
//
// What it promises (delivery rules 6 to 11 and 22 in ARCHITECTURE.md):
//
//   - Outbox.Acked is told only what the gateway's store has said, in its present generation, to be on its disk. A link's own
//     confirmation (MQTT's PUBACK) is never proof.
//   - Nothing is sent before the gateway has answered the hello, and nothing that was not committed.
//   - What the gateway has not acknowledged is sent again, for as long as the outbox keeps it: after a lost connection, after
//     30 s of silence, after the gateway came back with an older store.
//   - Memory is bounded: one window of bytes in flight, one of alarms, and a few frames read ahead per lane.
//
// A Session blocks on nothing but its own channels: a link that takes no bytes never keeps it from hearing an ack.
package forwarder

import (
	"context"
	"errors"

	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
	"fieldpost/telemetry/wire"
)

// Outbox is where frames come from and where acks go. It is safe for concurrent use by several sessions, and none of its
// methods waits for a link.
type Outbox interface {
	// Hello returns what the node has, as one consistent snapshot: Epochs, with all their lanes, and Boots. The session
	// fills in the rest. It is called after every commit, so it must be cheap; the session does not change what it gets.
	Hello() wire.Hello

	// Frames returns committed frames of the lane from the one that holds seq (or the first after it) on, in order, up to
	// about maxBytes but at least one if there is any. The session may keep them. An empty result: nothing there. With
	// an error it returns the frames before the one that cannot be read. While nothing of the lane can be read, the error is ErrAway: the session asks
	// again, and leaves nothing out.
	Frames(lane telemetry.Lane, seq uint64, maxBytes int) ([]Stored, error)

	// Table returns the encoded series table that a frame returned by Frames names.
	Table(hash uint64) ([]byte, error)

	// Changed returns a channel that is closed at the next commit or drop. Take it before looking.
	Changed() <-chan struct{}

	// Acked passes on what a gateway says to have on its disk. Several sessions may speak of one store, and one of them may be late: what a
	// generation says after another session has met its successor is to be ignored.
	Acked(Said)
}

// Said is a gateway's word for what is on its disk.
type Said struct {
	Store      wire.StoreID
	Generation uint64
	Stored     []wire.Stored
	All        bool // from a Welcome: what is not listed it has not. Otherwise more of it, from an Ack
}

// ErrAway says that a lane cannot be read for now, by no fault of its records.
var ErrAway = errors.New("the lane cannot be read for now")

// Stored is one committed frame.
type Stored struct {
	Header frame.Header
	Data   []byte
}

// StoreMemory remembers, through restarts, the gateway's store that each link met first (delivery rule 6). Safe for concurrent use.
type StoreMemory interface {
	Store(link string) (wire.StoreID, error) // zero: none yet
	Remember(link string, store wire.StoreID) error
}

// Dialer is one kind of link with its settings. Safe for concurrent use.
type Dialer interface {
	// Dial makes one attempt at a connection on which messages go both ways. It returns when they can, when ctx ends, or with
	// the reason why not; retrying is the caller's. The Conn outlives ctx.
	Dial(ctx context.Context, info Info) (Conn, error)

	// Counters returns totals over all connections and attempts since the start.
	Counters() Counters
}

// Info is what a connection tells the other end about the node before the hello.
type Info struct {
	Node     string
	Link     string
	Software string
	Epoch    telemetry.Epoch
	Nonce    uint64 // of the connection, as in its Hello
}

// Counters are totals since the start.
type Counters struct {
	In, Out  Traffic
	Connects uint64 // connections made
}

// Traffic is the bytes of one direction. What is under way between two layers may be in the count of one of them already.
type Traffic struct {
	Socket  uint64 // as the socket saw them, encryption and all
	Connect uint64 // of Socket, the price of connecting: TLS handshake, the protocol's own greeting; failed attempts too
	Packets uint64 // after it, of the link's protocol before it was encrypted
	Payload uint64 // of Packets, messages of ours
}

// Wrapping returns what encryption and framing beneath the link's protocol took.
func (t Traffic) Wrapping() uint64 { return t.Socket - t.Connect - t.Packets }

// Conn is one connection. Messages that arrive do so whole and in the order sent; that they arrive at all is not promised.
type Conn interface {
	// Send hands over one message and returns when the connection can take the next: when it lies in the socket's buffer, not when
	// it arrived. It is called from one goroutine at a time and keeps payload. It returns early when ctx ends or the
	// connection does.
	Send(ctx context.Context, payload []byte, o SendOptions) error

	// Receive returns the channel of messages that came in. It is not closed; see Done.
	Receive() <-chan []byte

	// Done is closed when the connection has ended, whoever ended it; Err then says why.
	Done() <-chan struct{}
	Err() error

	// Close says goodbye where it still can, within about a second, and frees everything. It can be called at any time, also twice.
	Close() error
}

// SendOptions say what the link may assume of a message.
type SendOptions struct {
	// Direct: nothing but the link itself stands between here and the gateway, so TCP's care is enough (MQTT: QoS 0). Otherwise a
	// broker stands there that should confirm (QoS 1), which spares a wait for the watchdog when it drops.
	Direct bool
}
