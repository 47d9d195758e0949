package faultproxy

import "time"

// piece is what was read at once, and when it may go on.
type piece struct {
	data []byte
	due  time.Time
}

// copy moves bytes of one direction until either end fails or gone is closed. Reading, at its rate, and writing are apart, so that a delay
// makes bytes late without making them few.
func (p *Proxy) copy(pr *pair, d Direction, gone <-chan struct{}) {
	const size = 16 << 10
	to, from := pr.server, pr.client
	if d == Down {
		to, from = from, to
	}
	pieces := make(chan piece, 64)
	go func() {
		defer close(pieces)
		for {
			f, ok := p.wait(pr, d, gone)
			if !ok {
				return
			}
			n := size
			if f.rate > 0 {
				n = max(1, min(size, f.rate/20)) // so that a change of rate is felt soon
			}
			b := make([]byte, n)
			n, err := from.Read(b)
			if n > 0 {
				p.bytes[d].Add(int64(n))
				if f, ok = p.wait(pr, d, gone); !ok { // it may have changed while nothing came
					return
				}
				if f.rate > 0 && !sleep(time.Duration(float64(n)/float64(f.rate)*float64(time.Second)), gone) {
					return
				}
				select {
				case pieces <- piece{b[:n], time.Now().Add(f.delay)}:
				case <-gone:
					return
				}
			}
			if err != nil {
				return
			}
		}
	}()
	for pc := range pieces {
		if !sleep(time.Until(pc.due), gone) {
			return
		}
		f, ok := p.wait(pr, d, gone)
		if !ok {
			return
		}
		if f.swallowed {
			continue
		}
		if _, err := to.Write(pc.data); err != nil {
			return
		}
	}
}

// wait returns the present fault once the direction is not stalled.
func (p *Proxy) wait(pr *pair, d Direction, gone <-chan struct{}) (fault, bool) {
	for {
		f, changed, closed := p.look(pr, d)
		if closed {
			return f, false
		}
		if !f.stalled {
			return f, true
		}
		select {
		case <-changed:
		case <-gone:
			return f, false
		}
	}
}

func sleep(d time.Duration, gone <-chan struct{}) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-gone:
		return false
	}
}
