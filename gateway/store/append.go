package store

import (
	"fmt"
	"maps"

	"fieldpost/history"
	"fieldpost/journal"
	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
	"fieldpost/telemetry/ranges"
)

// Frame is a frame to be stored: checked, and without a record that is on disk already.
type Frame struct {
	Header  frame.Header
	Data    []byte
	Table   *history.Table // nil for events
	Encoded []byte         // the table's bytes
	Spans   []history.Span
}

// perEntry is about what a frame costs on disk beside its bytes.
const perEntry = 128

// Append stores frames as one commit and returns when they are on disk: then, and only then, their records count as stored. An error that wraps
// ErrFull leaves everything as it was. After any other one nobody knows what is on disk: the store takes no more until it was
// reopened.
func (s *Store) Append(frames []Frame) error {
	s.commit.Lock()
	defer s.commit.Unlock()
	if err := s.usable(); err != nil {
		return err
	}
	now := telemetry.TimeOf(s.now())
	entries := make([]journal.Entry, len(frames))
	var size int64
	for i := range frames {
		f := &frames[i]
		entries[i] = journal.Entry{Count: f.Header.Count, Mark: uint64(now), Data: f.Data}
		if f.Table != nil {
			entries[i].Blobs = []journal.Blob{{Key: f.Table.Hash, Data: f.Encoded}}
		}
		size += int64(len(f.Data)) + perEntry
	}
	if err := s.roomFor(size); err != nil {
		return err
	}
	if err := s.disk.journal.Append(entries...); err != nil {
		s.mu.Lock()
		s.broken = fmt.Errorf("append to the gateway's journal: %w", err)
		err = s.broken
		s.mu.Unlock()
		return err
	}
	s.received(frames, entries, now)
	s.sinceCheck += size
	if s.sinceCheck >= s.segmentSize {
		if err := s.save(true); err != nil {
			// The frames are stored all the same: opening reads their headers.
			s.log.Warn("no checkpoint could be written; it is tried again within a minute", "err", err)
		}
	}
	return nil
}

// usable reports why nothing can be stored, or nil. s.commit must be held.
func (s *Store) usable() error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	switch {
	case s.broken != nil:
		return s.broken
	case s.disk == nil:
		return journal.ErrClosed
	}
	return nil
}

// received takes frames that are on disk as entries into ledger, index and catalogue.
func (s *Store) received(frames []Frame, entries []journal.Entry, now telemetry.Time) {
	s.mu.Lock()
	for i := range frames {
		h := &frames[i].Header
		if e := s.ledger.receive(*h); e != nil {
			s.alarmRollback(h.Node, e)
		}
		n := s.ledger.node(h.Node)
		n.seen(now)
		if t := frames[i].Table; t != nil && !maps.Equal(n.labels, t.Labels) {
			n.labels, n.dirty = t.Labels, true
		}
		s.ledger.covered = max(s.ledger.covered, entries[i].Pos+uint64(entries[i].Count))
	}
	s.mu.Unlock()
	for i := range frames {
		s.disk.reader.AddEntry(entries[i], frames[i].Header, frames[i].Table, frames[i].Spans)
	}
	s.mu.Lock()
	s.wake()
	s.mu.Unlock()
}

func (s *Store) alarmRollback(node string, e *epoch) {
	s.rolledBack.Add(1)
	s.log.Error("node was rolled back or cloned: there is more of one of its epochs than the next one knew of; all is kept, compare the nodes of this name",
		"node", node, "epoch", e.id.String(), "child", e.child.String())
}

// Lacks returns what of r is not on disk.
func (s *Store) Lacks(node string, id telemetry.Epoch, which telemetry.Lane, r ranges.Range) ranges.Set {
	s.mu.RLock()
	defer s.mu.RUnlock()
	l := s.ledger.lane(node, id, which)
	if l == nil {
		return ranges.Make(r)
	}
	highest, any := l.stored.Max()
	switch {
	case !any || r.From > highest: // what is new comes here
		return ranges.Make(r)
	case l.stored.HasAll(r):
		return ranges.Set{}
	}
	return ranges.Make(r).Minus(l.stored.Intersect(ranges.Make(r)))
}

// Received returns what a node may forget around r, as whole runs: what of the lane is on disk, or in quarantine.
func (s *Store) Received(node string, id telemetry.Epoch, which telemetry.Lane, r ranges.Range) ranges.Set {
	var out ranges.Set
	s.mu.RLock()
	defer s.mu.RUnlock()
	l := s.ledger.lane(node, id, which)
	if l == nil {
		return out
	}
	all := l.acked()
	if run, ok := all.Around(r.From); ok && run.To >= r.To {
		return ranges.Make(run)
	}
	for part := range all.Intersect(ranges.Make(r)).All() {
		if run, ok := all.Around(part.From); ok {
			out.Add(run)
		}
	}
	return out
}

// Admits reports whether frames of this epoch can be told from repeats. The store remembers a bounded number of epochs of a node, and of nodes.
// Once it has forgotten any, only what a hello has introduced or what is stored already is known to be new.
func (s *Store) Admits(node string, id telemetry.Epoch) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	n := s.ledger.nodes[node]
	if n == nil {
		return len(s.ledger.nodes) < maxNodes
	}
	return !n.forgot || n.known(id)
}
