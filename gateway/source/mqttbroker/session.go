package mqttbroker

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"fieldpost/gateway/source"
	"fieldpost/mqttguard"
	"fieldpost/telemetry/wire"
)

// session is one client's connection, from accept to end. If the client speaks for a node it is that node's source.Conn.
//
// The goroutine of run accepts, reads and ends it; all hooks of mochi that have its client as their subject run there, save
// those about delivering a state to it. Fields without a note belong to that goroutine.
type session struct {
	b      *Broker
	sock   *socket
	remote string

	clientID string // set before claim, then fixed
	who      who    // set before claim, then fixed
	client   *mqtt.Client
	node     string      // whose topics it has used; "" before
	speaks   bool        // Connected was called
	filters  int         // subscribed so far
	peer     source.Peer // set before Connected, then fixed

	queue  chan []byte  // made before Connected; any goroutine sends
	queued atomic.Int64 // bytes in queue

	ctx    context.Context // ends when the session is to end
	cancel context.CancelFunc
	once   sync.Once // ends ctx
	mu     sync.Mutex
	seen   map[source.Reason]bool // offences logged
}

func newSession(b *Broker, raw net.Conn, secure *tls.Config) *session {
	s := &session{b: b, remote: raw.RemoteAddr().String()}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.sock = newSocket(s, raw, secure)
	return s
}

// run serves the connection to its end.
func (s *session) run() {
	defer s.end("", source.ErrGone)
	deadline := time.Now().Add(s.b.Limits.ConnectWait)
	if err := s.sock.Conn.SetDeadline(deadline); err != nil {
		return // closed already
	}
	if t, ok := s.sock.Conn.Conn.(*tls.Conn); ok {
		if err := t.HandshakeContext(s.ctx); err != nil {
			if !errors.Is(err, io.EOF) { // a port scan, a load balancer's look
				s.end(source.BadTLS, err)
			}
			return
		}
	}
	err := s.b.server.EstablishConnection(listenerID, s.sock)
	s.end(s.reason(err), err)
	s.sock.giveBack()
	if s.client != nil {
		s.b.release(s)
	}
	if s.speaks {
		s.b.nodes.Add(-1)
		s.b.receiver.Gone(s)
	}
}

// reason finds the offence in what mochi says of a connection's end. Ends that are nobody's offence have none, and so have
// those that the hooks have counted already.
func (s *session) reason(err error) source.Reason {
	var code packets.Code
	var op *net.OpError
	switch {
	case err == nil, errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed), errors.Is(err, syscall.ECONNRESET):
		return ""
	case errors.Is(err, os.ErrDeadlineExceeded):
		if s.sock.admitted.Load() {
			return source.Silent
		}
		return source.NoConnect
	case errors.Is(err, mqttguard.ErrTooLarge), errors.Is(err, packets.ErrPacketTooLarge):
		return source.TooLarge
	case errors.Is(err, packets.ErrProtocolViolationRequireFirstConnect):
		return source.NoConnect
	case errors.As(err, &code) && (code.Code == packets.ErrNotAuthorized.Code || code.Code == packets.ErrBadUsernameOrPassword.Code):
		return ""
	case errors.As(err, &op): // the network's, not the client's
		return ""
	}
	return source.Malformed
}

// offend counts an offence and logs the first of its kind on this connection. Any goroutine may call it.
func (s *session) offend(r source.Reason, err error) {
	n, loud := s.b.offences.Count(r)
	s.mu.Lock()
	first := !s.seen[r]
	if s.seen == nil {
		s.seen = make(map[source.Reason]bool)
	}
	s.seen[r] = true
	s.mu.Unlock()
	if first && loud {
		level, message := slog.LevelWarn, "client refused"
		switch r {
		case source.TakenOver: // what a node does whose link went away and came back
			level, message = slog.LevelInfo, "connection replaced"
		case source.Silent, source.Behind:
			message = "client does not keep up"
		}
		s.b.log.Log(context.Background(), level, message, "reason", r, "remote", s.remote, "client", clip(s.clientID), "user", s.who.name, "count", n, "err", err)
	}
}

// end makes the session end; the first call counts, and its reason, if any, is an offence. Any goroutine may call it, and it does not block.
func (s *session) end(r source.Reason, err error) {
	s.once.Do(func() {
		if r != "" {
			s.offend(r, err)
		}
		s.cancel()
		_ = s.sock.Close()
	})
}

func (s *session) ended() bool { return s.ctx.Err() != nil }

func (s *session) writeFailed(err error) {
	if errors.Is(err, os.ErrDeadlineExceeded) && s.sock.admitted.Load() {
		s.end(source.Behind, fmt.Errorf("nothing was taken for %v: %w", s.sock.writeWait, err))
		return
	}
	s.end("", err)
}

// owner is whose share of the room for big packets this connection uses. A client without a name has none until it speaks for a node.
func (s *session) owner() string {
	if s.who.name != "" {
		return s.who.name
	}
	return s.node
}

// speak begins the node's conversation: from now on the session is a source.Conn.
func (s *session) speak() {
	s.speaks = true
	s.peer = source.Peer{Node: s.node, Link: s.link(), Source: s.b.name, Remote: s.remote, Direct: true}
	s.queue = make(chan []byte, s.b.Limits.Queue)
	s.b.nodes.Add(1)
	s.b.open.Go(s.write) // this session holds it open
	s.b.receiver.Connected(s)
}

// link is what follows the node's name in the client id, a claim that is shown and never relied on (delivery rule 5).
func (s *session) link() string {
	if n := len(s.node); len(s.clientID) > n && s.clientID[:n] == s.node && s.clientID[n] == '.' && wire.ValidLink(s.clientID[n+1:]) {
		return s.clientID[n+1:]
	}
	return ""
}

// write takes messages from the queue to the node until the session ends.
func (s *session) write() {
	topic := wire.Down(s.b.settings.Prefix, s.peer.Node)
	for {
		select {
		case <-s.ctx.Done():
			return
		case p := <-s.queue:
			err := s.client.WritePacket(packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Publish}, TopicName: topic, Payload: p})
			s.queued.Add(-int64(len(p)))
			if err != nil {
				s.end(source.Behind, fmt.Errorf("write to node: %w", err)) // without effect where the connection has ended
				return
			}
			s.b.sent.Add(1)
		}
	}
}

// Peer is source.Conn's.
func (s *session) Peer() source.Peer { return s.peer }

// Send is source.Conn's.
func (s *session) Send(p []byte) error {
	if len(p) > source.MaxPayload {
		return fmt.Errorf("message of %d bytes to node %s: at most %d", len(p), s.peer.Node, source.MaxPayload)
	}
	if s.ended() {
		return source.ErrGone
	}
	if bytes := s.queued.Add(int64(len(p))); bytes <= s.b.Limits.QueueBytes || bytes == int64(len(p)) {
		select {
		case s.queue <- p:
			return nil
		default:
		}
	}
	s.queued.Add(-int64(len(p)))
	s.end(source.Behind, source.ErrBehind)
	return source.ErrBehind
}

// Close is source.Conn's.
func (s *session) Close(reason error) { s.end("", reason) }

// clip keeps what a client made up from filling the log.
func clip(s string) string {
	const most = 80
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}
