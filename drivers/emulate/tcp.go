package emulate

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// TCP is an instrument behind a converter that listens. What it says goes to all who are connected; while nobody is, it is lost.
// Safe for concurrent use.
type TCP struct {
	mu        sync.Mutex
	address   string
	listener  net.Listener // nil: switched off
	conns     map[net.Conn]struct{}
	connected chan struct{} // closed at the next connection
	accepting sync.WaitGroup
}

// ListenTCP switches an instrument on at host:port; port 0 lets the system choose.
func ListenTCP(address string) (*TCP, error) {
	t := &TCP{address: address, conns: map[net.Conn]struct{}{}, connected: make(chan struct{})}
	if err := t.Plug(); err != nil {
		return nil, err
	}
	return t, nil
}

// Address returns the host:port it listens on, also while switched off.
func (t *TCP) Address() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.address
}

// Plug switches the instrument on again after Unplug, at the same address.
func (t *TCP) Plug() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.listener != nil {
		return fmt.Errorf("switch on %s: it is on", t.address)
	}
	l, err := net.Listen("tcp", t.address)
	if err != nil {
		return err
	}
	t.listener, t.address = l, l.Addr().String()
	t.accepting.Go(func() { t.accept(l) })
	return nil
}

func (t *TCP) accept(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return // closed: Unplug
		}
		t.mu.Lock()
		if t.listener != l {
			_ = c.Close()
		} else {
			t.conns[c] = struct{}{}
			close(t.connected)
			t.connected = make(chan struct{})
		}
		t.mu.Unlock()
	}
}

// Connected returns a channel that is closed once somebody is connected; it is closed already if so.
func (t *TCP) Connected() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.conns) > 0 {
		done := make(chan struct{})
		close(done)
		return done
	}
	return t.connected
}

// Write says b on all connections, and closes those that take nothing for a second.
func (t *TCP) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for c := range t.conns {
		_ = c.SetWriteDeadline(time.Now().Add(patience)) // fails on a closed connection only, and so does Write
		if _, err := c.Write(b); err != nil {
			_ = c.Close()
			delete(t.conns, c)
		}
	}
	return len(b), nil
}

// HangUp closes all connections and goes on listening.
func (t *TCP) HangUp() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for c := range t.conns {
		_ = c.Close()
		delete(t.conns, c)
	}
}

// Unplug switches the instrument off: connections are reset, as when a converter that lost its power is asked again, and new ones refused.
func (t *TCP) Unplug() error {
	t.mu.Lock()
	if t.listener == nil {
		t.mu.Unlock()
		return nil
	}
	err := t.listener.Close()
	t.listener = nil
	for c := range t.conns {
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		err = errors.Join(err, c.Close())
		delete(t.conns, c)
	}
	t.mu.Unlock()
	t.accepting.Wait()
	return err
}

// Close switches the instrument off for good.
func (t *TCP) Close() error { return t.Unplug() }
