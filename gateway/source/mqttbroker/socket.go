package mqttbroker

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"sync/atomic"
	"time"

	"fieldpost/mqttguard"
)

// writePiece and readPiece are how much is written, and how much of a packet's body is read, under one deadline, so that a big message
// over a slow link is slow, not late.
const (
	writePiece = 16 << 10
	readPiece  = 16 << 10
)

// smallPacket is the size in bytes up to which packets are not counted against Limits.ReadBytes.
const smallPacket = 64 << 10

// socket is a connection with the deadlines that mochi does not set. mochi reads and writes it, each from one goroutine at a time.
type socket struct {
	mqttguard.Conn          // over TLS, if there is TLS
	raw            net.Conn // the TCP connection below
	session        *session

	writeWait, readWait, maxIdle time.Duration
	admitted                     atomic.Bool // CONNECT was accepted: read deadlines are the keep-alive's and the pace's

	// Of the packet whose body is being read.
	loan  loan                      // of the broker's room
	piece int                       // bytes read of the current piece
	spent time.Duration             // in reading them; what the receiver takes is not the client's fault
	waits atomic.Pointer[time.Time] // since when a Read waits for bytes of a packet that has room; nil outside of one
}

func newSocket(s *session, raw net.Conn, secure *tls.Config) *socket {
	k := &socket{raw: raw, session: s, writeWait: s.b.Limits.WriteWait, readWait: s.b.Limits.ReadWait, maxIdle: s.b.Limits.MaxIdle}
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
	if k.loan.bytes > 0 && k.Guard.Open() == 0 {
		k.giveBack()
	}
	n, err := k.paced(p)
	if size := k.Guard.Open(); size > smallPacket && k.loan.bytes == 0 && err == nil {
		// mochi copies it once.
		if k.loan, err = k.session.b.room.borrow(k.session.ctx, k, k.session.owner(), 2*size); err != nil {
			return 0, net.ErrClosed
		}
	}
	return n, err
}

// paced reads. In the middle of a packet's body the deadline is not the keep-alive's, which is for silence between packets and would end a
// big one on a slow link, but readWait for each piece of it.
func (k *socket) paced(p []byte) (int, error) {
	open := k.Guard.Open()
	if open == 0 || !k.admitted.Load() {
		k.piece, k.spent = 0, 0
		return k.Conn.Read(p)
	}
	begin := time.Now()
	if err := k.SetReadDeadline(begin.Add(k.readWait - k.spent)); err != nil {
		return 0, err
	}
	if k.loan.bytes > 0 {
		since := begin
		k.waits.Store(&since)
	}
	n, err := k.Conn.Read(p)
	k.waits.Store(nil)
	k.piece += n
	k.spent += time.Since(begin)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = fmt.Errorf("%d bytes came in %v, in the middle of a packet of %d: %w", k.piece, k.readWait, open, err)
	}
	if k.piece >= readPiece || k.Guard.Open() == 0 {
		k.piece, k.spent = 0, 0
	}
	return n, err
}

// giveBack is for the reading goroutine, after its last Read too.
func (k *socket) giveBack() {
	if k.loan.bytes > 0 {
		k.session.b.room.giveBack(k, k.loan)
	}
	k.loan = loan{}
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
// is accepted the deadline set at the beginning stands; afterwards it moves only the read deadline, and never beyond maxIdle. It holds
// until the packet's header is read.
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
