package mqttbroker

import (
	"crypto/tls"
	"net"
	"sync/atomic"
	"time"

	"fieldpost/gateway/source/internal/packetguard"
)

// writePiece is how much is written under one deadline, so that a big message over a slow link is slow, not late.
const writePiece = 16 << 10

// smallPacket is the size in bytes up to which packets are not counted against Limits.ReadBytes.
const smallPacket = 64 << 10

// socket is a connection with the deadlines that mochi does not set. mochi reads and writes it, each from one goroutine at a time.
type socket struct {
	packetguard.Conn          // over TLS, if there is TLS
	raw              net.Conn // the TCP connection below
	session          *session

	writeWait, maxIdle time.Duration
	borrowed           int64       // of the broker's room, for the packet being read
	admitted           atomic.Bool // CONNECT was accepted: read deadlines are the keep-alive's
}

func newSocket(s *session, raw net.Conn, secure *tls.Config) *socket {
	k := &socket{raw: raw, session: s, writeWait: s.b.Limits.WriteWait, maxIdle: s.b.Limits.MaxIdle}
	k.Conn.Conn = raw
	if secure != nil {
		k.Conn.Conn = tls.Server(raw, secure)
	}
	k.Guard.First, k.Guard.Rest = maxConnect, maxPacket
	return k
}

// Read is net.Conn's. Before the header of a big packet is given to mochi, which then makes room for all of it, there must be
// room among all such packets. mochi comes for the next bytes when it has done with those before, so then the room is free again.
func (k *socket) Read(p []byte) (int, error) {
	if k.borrowed > 0 && k.Guard.Open() == 0 {
		k.giveBack()
	}
	n, err := k.Conn.Read(p)
	if size := k.Guard.Open(); size > smallPacket && k.borrowed == 0 && err == nil {
		need := min(2*size, k.session.b.Limits.ReadBytes) // mochi copies it once
		if err := k.session.b.room.Acquire(k.session.ctx, need); err != nil {
			return 0, net.ErrClosed
		}
		k.borrowed = need
	}
	return n, err
}

// giveBack is for the reading goroutine, after its last Read too.
func (k *socket) giveBack() {
	k.session.b.room.Release(k.borrowed)
	k.borrowed = 0
}

// Write is net.Conn's, with a deadline for each piece. After an error the stream is torn, so it closes the connection: mochi would go on.
func (k *socket) Write(p []byte) (n int, err error) {
	for {
		piece := p[n:min(len(p), n+writePiece)]
		if err = k.Conn.SetWriteDeadline(time.Now().Add(k.writeWait)); err != nil {
			return n, err
		}
		m, err := k.Conn.Write(piece)
		n += m
		if err != nil {
			k.session.writeFailed(err)
			return n, err
		}
		if n == len(p) {
			return n, nil
		}
	}
}

// SetDeadline is what mochi calls before each packet it reads, with one and a half keep-alives, or zero for none. Until CONNECT
// is accepted the deadline set at the beginning stands; afterwards it moves only the read deadline, and never beyond maxIdle.
func (k *socket) SetDeadline(t time.Time) error {
	if !k.admitted.Load() {
		return nil
	}
	if last := time.Now().Add(k.maxIdle); t.IsZero() || t.After(last) {
		t = last
	}
	return k.SetReadDeadline(t)
}

// Close closes the TCP connection without TLS's farewell, which could block for seconds behind a write; MQTT frames its messages itself.
func (k *socket) Close() error { return k.raw.Close() }
