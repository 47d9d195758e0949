// Package faultproxy is a TCP proxy that misbehaves on demand: it cuts connections, lets them go silent without closing
// them, makes them slow or late, and swallows one direction. Tests and the bench put it between a node and its gateway. The failure
// that counts is not the refused connection but the silent one, which only a timer can notice.
package faultproxy

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Direction is one of the two ways through the proxy.
type Direction int

// The directions. Up is from the client that connected to the target.
const (
	Up Direction = iota
	Down
)

// Proxy forwards connections from a port of its own on 127.0.0.1 to a target. All methods are safe for concurrent use; changes
// hold for the connections that are open and for those to come.
type Proxy struct {
	listener net.Listener
	wg       sync.WaitGroup

	mu      sync.Mutex
	target  string
	pairs   map[*pair]struct{}
	faults  [2]fault
	refuse  bool
	closed  bool
	changed chan struct{} // closed and replaced when a fault changes

	accepted atomic.Int64
	bytes    [2]atomic.Int64
}

// fault is what one direction suffers.
type fault struct {
	stalled   bool
	swallowed bool
	rate      int
	delay     time.Duration
}

// pair is one connection through the proxy.
type pair struct {
	client, server net.Conn
	frozen         bool // under Proxy.mu: a path that died; nothing comes through any more
}

// size fits the buffer that a direction is read from to its rate.
func (p *pair) size(d Direction, rate int) {
	from := p.client
	if d == Down {
		from = p.server
	}
	if rate == 0 {
		rate = 1 << 20
	}
	// Below 4 KiB a kernel does what it likes.
	_ = from.(*net.TCPConn).SetReadBuffer(min(max(rate/4, 4<<10), 256<<10))
}

func (p *pair) close() {
	p.client.Close()
	p.server.Close()
}

// Listen starts a proxy to target (host:port) that does no harm yet.
func Listen(target string) (*Proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{listener: l, target: target, pairs: make(map[*pair]struct{}), changed: make(chan struct{})}
	p.wg.Go(p.accept)
	return p, nil
}

// Addr is where to connect to, as host:port.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Accepted returns how many connections came, refused ones included.
func (p *Proxy) Accepted() int { return int(p.accepted.Load()) }

// Bytes returns how many bytes came in for a direction, swallowed ones included.
func (p *Proxy) Bytes(d Direction) int64 { return p.bytes[d].Load() }

// Retarget sends connections to come to another target.
func (p *Proxy) Retarget(target string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.target = target
}

// Refuse closes connections to come at once (on), or lets them in.
func (p *Proxy) Refuse(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse = on
}

// Cut resets all open connections, so that both ends see an error.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for pr := range p.pairs {
		for _, c := range []net.Conn{pr.client, pr.server} {
			if t, ok := c.(*net.TCPConn); ok {
				_ = t.SetLinger(0)
			}
		}
		pr.close()
	}
}

// Stall makes a direction go silent (on): nothing is read or written, nothing is closed, and what was under way waits. Off, it
// goes on where it stood.
func (p *Proxy) Stall(d Direction, on bool) { p.change(func() { p.faults[d].stalled = on }) }

// StallAll is Stall for both directions: a half-open connection.
func (p *Proxy) StallAll(on bool) {
	p.change(func() { p.faults[Up].stalled, p.faults[Down].stalled = on, on })
}

// Freeze makes the connections that are open now go silent for good, both ways, without closing them: a path that died, as a
// router's that has forgotten them. Those to come are well.
func (p *Proxy) Freeze() {
	p.change(func() {
		for pr := range p.pairs {
			pr.frozen = true
		}
	})
}

// Swallow makes a direction read and throw away (on). The bytes never come back, so the connection is of no more use to a
// protocol that counts on order once it is switched off; cut it then.
func (p *Proxy) Swallow(d Direction, on bool) { p.change(func() { p.faults[d].swallowed = on }) }

// Throttle limits a direction to bytesPerSecond for each connection; 0: no limit. It also makes the kernel hold no more than about a
// quarter of a second of it, so that the sender feels the limit.
func (p *Proxy) Throttle(d Direction, bytesPerSecond int) {
	p.change(func() {
		p.faults[d].rate = bytesPerSecond
		for pr := range p.pairs {
			pr.size(d, bytesPerSecond)
		}
	})
}

// Delay makes each byte of a direction come later by delay.
func (p *Proxy) Delay(d Direction, delay time.Duration) {
	p.change(func() { p.faults[d].delay = delay })
}

// Close ends the proxy and all connections and waits until they are gone.
func (p *Proxy) Close() error {
	err := p.listener.Close()
	p.change(func() {
		p.closed = true
		for pr := range p.pairs {
			pr.close()
		}
	})
	p.wg.Wait()
	return err
}

func (p *Proxy) change(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
	close(p.changed)
	p.changed = make(chan struct{})
}

// look returns the present fault of a direction of a connection and a channel that is closed at the next change.
func (p *Proxy) look(pr *pair, d Direction) (f fault, changed <-chan struct{}, closed bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f = p.faults[d]
	f.stalled = f.stalled || pr.frozen
	return f, p.changed, p.closed
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		p.accepted.Add(1)
		p.wg.Go(func() { p.serve(client) })
	}
}

func (p *Proxy) serve(client net.Conn) {
	defer client.Close()
	p.mu.Lock()
	target, refuse := p.target, p.refuse
	p.mu.Unlock()
	if refuse {
		return
	}
	server, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	pr := &pair{client: client, server: server}
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		pr.close()
		return
	}
	p.pairs[pr] = struct{}{}
	for d, f := range p.faults {
		if f.rate > 0 {
			pr.size(Direction(d), f.rate)
		}
	}
	p.mu.Unlock()
	gone := make(chan struct{})
	var once sync.Once
	end := func() { once.Do(func() { pr.close(); close(gone) }) }
	var wg sync.WaitGroup
	wg.Go(func() { defer end(); p.copy(pr, Up, gone) })
	wg.Go(func() { defer end(); p.copy(pr, Down, gone) })
	wg.Wait()
	p.mu.Lock()
	delete(p.pairs, pr)
	p.mu.Unlock()
}
