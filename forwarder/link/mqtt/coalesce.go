package mqtt

import (
	"net"
	"os"
	"sync"
	"time"
)

const (
	gather     = time.Millisecond // how long a small write waits for company
	enough     = 4 << 10          // with so much it waits no longer
	bufferSize = 16 << 10         // with so much writers wait: one TLS record
	closeWait  = time.Second      // what is left may take so long at Close
)

// coalesced gathers writes: paho writes each packet by itself, and each would be a segment and a TLS record of its own. A write
// returns when it lies in the buffer; the error of sending it comes with a later Write, and ends Read, so that whoever waits
// for input hears of it. Writers wait while the buffer is full, up to the write deadline that was set when they began.
type coalesced struct {
	net.Conn
	raw net.Conn // the socket beneath, to be closed without manners

	mu       sync.Mutex
	buf      []byte
	err      error
	closing  time.Time // when to be gone; zero: not closing
	deadline time.Time
	room     chan struct{} // closed and replaced when the buffer was taken

	wake  chan struct{} // something is in the buffer; holds one
	hurry chan struct{} // it waits no longer; holds one
	done  chan struct{} // the flusher has ended
}

func coalesce(c, raw net.Conn) *coalesced {
	f := &coalesced{Conn: c, raw: raw, room: make(chan struct{}), wake: make(chan struct{}, 1), hurry: make(chan struct{}, 1), done: make(chan struct{})}
	go f.flush()
	return f
}

// Write is net.Conn.
func (f *coalesced) Write(b []byte) (int, error) {
	var expired <-chan time.Time
	for {
		f.mu.Lock()
		switch {
		case f.err != nil:
			defer f.mu.Unlock()
			return 0, f.err
		case !f.closing.IsZero():
			f.mu.Unlock()
			return 0, net.ErrClosed
		case len(f.buf) == 0 || len(f.buf)+len(b) <= bufferSize:
			f.buf = append(f.buf, b...)
			if len(f.buf) >= enough {
				signal(f.hurry)
			}
			signal(f.wake)
			f.mu.Unlock()
			return len(b), nil
		}
		room, deadline := f.room, f.deadline
		f.mu.Unlock()
		if expired == nil && !deadline.IsZero() {
			t := time.NewTimer(time.Until(deadline))
			defer t.Stop()
			expired = t.C
		}
		select {
		case <-room:
		case <-f.done:
		case <-expired:
			return 0, os.ErrDeadlineExceeded
		}
	}
}

// Read is net.Conn. If sending failed it says why.
func (f *coalesced) Read(b []byte) (int, error) {
	n, err := f.Conn.Read(b)
	if err != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.err != nil {
			return n, f.err
		}
	}
	return n, err
}

// SetWriteDeadline is net.Conn for the wait for room in the buffer; the flusher has deadlines of its own.
func (f *coalesced) SetWriteDeadline(t time.Time) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.deadline = t
	return nil
}

// SetDeadline is net.Conn.
func (f *coalesced) SetDeadline(t time.Time) error {
	_ = f.SetWriteDeadline(t)
	return f.SetReadDeadline(t)
}

// Close sends what is in the buffer, for at most a second, and closes the connection. It can be called twice.
func (f *coalesced) Close() error {
	f.mu.Lock()
	if f.closing.IsZero() {
		f.closing = time.Now().Add(closeWait)
	}
	wait := time.NewTimer(time.Until(f.closing))
	signal(f.hurry)
	signal(f.wake)
	f.mu.Unlock()
	defer wait.Stop()
	select {
	case <-f.done:
	case <-wait.C:
		f.raw.Close() // ends a write under way, whatever stands between
		<-f.done
	}
	f.mu.Lock()
	failed := f.err != nil
	f.mu.Unlock()
	if failed {
		f.raw.Close() // TLS would try to say goodbye for five seconds more
	}
	return f.Conn.Close()
}

// flush sends what writers gather until sending fails or Close is called and nothing is left.
func (f *coalesced) flush() {
	defer close(f.done)
	timer := time.NewTimer(gather)
	defer timer.Stop()
	var spare []byte
	for range f.wake {
		timer.Reset(gather)
		select {
		case <-timer.C:
		case <-f.hurry:
		}
		f.mu.Lock()
		out := f.buf
		f.buf = spare[:0]
		close(f.room)
		f.room = make(chan struct{})
		f.mu.Unlock()
		err := f.send(out)
		if spare = out[:0]; cap(spare) > 4*bufferSize {
			spare = nil
		}
		f.mu.Lock()
		if err != nil {
			f.err = err
			_ = f.SetReadDeadline(time.Unix(1, 0))
		}
		end := err != nil || !f.closing.IsZero() && len(f.buf) == 0
		f.mu.Unlock()
		if end {
			return
		}
	}
}

// send writes piece by piece, each with a deadline of its own, so that a slow link has time as long as it takes something. Nobody else
// sets write deadlines on the connection below: a WebSocket's must not be set while it writes.
func (f *coalesced) send(b []byte) error {
	for len(b) > 0 {
		n := min(len(b), bufferSize)
		f.mu.Lock()
		deadline := time.Now().Add(writeTimeout)
		if !f.closing.IsZero() {
			deadline = f.closing
		}
		err := f.Conn.SetWriteDeadline(deadline)
		f.mu.Unlock()
		if err != nil {
			return err
		}
		if _, err := f.Conn.Write(b[:n]); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
