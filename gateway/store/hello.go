package store

import (
	"errors"
	"fmt"

	"fieldpost/history"
	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
	"fieldpost/telemetry/wire"
)

// ErrTooMany says that the store will not remember more of something.
var ErrTooMany = errors.New("too many to remember")

// Hello takes over what a node says of itself, and returns what it may forget of the epochs that it names (delivery rule 6).
func (s *Store) Hello(name string, h *wire.Hello) ([]wire.Stored, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ledger.nodes[name] == nil && len(s.ledger.nodes) >= maxNodes {
		return nil, fmt.Errorf("node %s: %w", name, ErrTooMany)
	}
	n := s.ledger.node(name)
	n.seen(telemetry.TimeOf(s.now()))
	n.setLink(h.Link, presence{h.Nonce, true})
	if n.tellBoots(h.Boots) {
		s.series.ForgetTimes(name)
	}
	for _, e := range n.hello(h) {
		s.alarmRollback(name, e)
	}
	var out []wire.Stored
	answered := map[telemetry.Epoch]bool{} // a short hello must not be worth a long answer
	for _, he := range h.Epochs {
		if answered[he.Epoch] {
			continue
		}
		answered[he.Epoch] = true
		for which := range telemetry.Lane(len(epoch{}.lanes)) {
			l := n.lane(he.Epoch, which)
			if l == nil {
				continue
			}
			if acked := l.acked(); !acked.Empty() {
				out = append(out, wire.Stored{Epoch: he.Epoch, Lane: which, Ranges: acked.Clone()})
			}
		}
	}
	return out, nil
}

// maxLinks bounds the links of a node whose presence is remembered.
const maxLinks = 32

func (n *node) setLink(link string, p presence) {
	if _, ok := n.links[link]; ok || len(n.links) < maxLinks {
		n.links[link] = p
	}
}

// Presence notes that a node went online or offline on a link. An offline that does not carry the nonce of the link's latest connection is old and
// passed over (delivery rule 5), and so is a node that was never heard.
func (s *Store) Presence(name, link string, nonce uint64, online bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.ledger.nodes[name]
	if n == nil {
		return
	}
	if online {
		n.setLink(link, presence{nonce, true})
		return
	}
	if p, ok := n.links[link]; ok && p.nonce == nonce {
		n.links[link] = presence{nonce, false}
	}
}

// clock is what is known of the clock under which a frame was taken, from the node's boot table.
func (s *Store) clock(h frame.Header) (delta int64, unset bool) {
	if !h.Clock.Doubtful() {
		return 0, false
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.ledger == nil || s.ledger.nodes[h.Node] == nil {
		return 0, true
	}
	b, known := s.ledger.nodes[h.Node].boots[h.Boot]
	return history.Resolve(h, b, known)
}
