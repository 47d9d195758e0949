package store

import (
	"errors"
	"fmt"

	"fieldpost/telemetry"
)

// ErrUnknown says that there is no such node or epoch.
var ErrUnknown = errors.New("not known here")

// Abandon makes lost all that a node has not sent, of one epoch or, with 0, of all (delivery rule 13). It is on disk when Abandon
// returns the number of records given up. Should they come all the same, they are stored.
func (s *Store) Abandon(name string, id telemetry.Epoch) (records uint64, err error) {
	s.commit.Lock()
	defer s.commit.Unlock()
	if err := s.usable(); err != nil {
		return 0, err
	}
	s.mu.Lock()
	n := s.ledger.nodes[name]
	if n == nil {
		s.mu.Unlock()
		return 0, fmt.Errorf("abandon node %s: %w", name, ErrUnknown)
	}
	if id != 0 && !n.known(id) {
		s.mu.Unlock()
		return 0, fmt.Errorf("abandon epoch %s of node %s: %w", id, name, ErrUnknown)
	}
	at := telemetry.TimeOf(s.now())
	for _, e := range n.ordered() {
		if id != 0 && e.id != id {
			continue
		}
		for i := range e.lanes {
			if lost := e.lanes[i].abandon(at); lost > 0 {
				records += lost
				e.dirty = true
			}
		}
	}
	s.mu.Unlock()
	if err := s.save(false); err != nil {
		return 0, fmt.Errorf("abandon node %s: %w", name, err)
	}
	s.log.Warn("node abandoned: what is missing of it counts as lost", "node", name, "epoch", id.String(), "count", records)
	return records, nil
}
