package store

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"fieldpost/journal"
	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
	"fieldpost/telemetry/ranges"
)

// ledger holds all nodes. It is not safe for concurrent use.
type ledger struct {
	nodes   map[string]*node
	covered uint64     // journal position: all entries before it are in the ledger
	kept    ranges.Set // positions that were on disk at the last checkpoint, without what retention dropped since
}

func newLedger() *ledger { return &ledger{nodes: map[string]*node{}} }

func (g *ledger) node(name string) *node {
	n := g.nodes[name]
	if n == nil {
		n = newNode(name)
		g.nodes[name] = n
	}
	return n
}

// lane returns the lane if the ledger has it.
func (g *ledger) lane(node string, id telemetry.Epoch, which telemetry.Lane) *lane {
	n := g.nodes[node]
	if n == nil || !which.Valid() {
		return nil
	}
	e := n.epochs[id]
	if e == nil {
		return nil
	}
	return &e.lanes[which]
}

func (g *ledger) ordered() []*node {
	return slices.SortedFunc(maps.Values(g.nodes), func(a, b *node) int {
		if a.name < b.name {
			return -1
		}
		return 1
	})
}

// receive notes that the frame with header h is on disk. It returns the epoch if that shows it to have been rolled back.
func (g *ledger) receive(h frame.Header) (rolledBack *epoch) {
	n := g.node(h.Node)
	e := n.epoch(h.Epoch)
	if e == nil || !h.Lane.Valid() || h.Count == 0 {
		return nil
	}
	e.lanes[h.Lane].stored.Add(ranges.Range{From: h.First, To: h.Last()})
	e.dirty = true
	if e.check() {
		return e
	}
	return nil
}

// forgetStored leaves of all ranges only what retention dropped.
func (g *ledger) forgetStored() {
	g.covered, g.kept = 0, ranges.Set{}
	for _, n := range g.nodes {
		for _, e := range n.epochs {
			for i := range e.lanes {
				e.lanes[i].stored = e.lanes[i].dropped.Clone()
			}
			e.dirty = true
		}
	}
}

// adopt takes over from old what nodes have said: it is not on disk before the next checkpoint, but does not hang on what is stored.
func (g *ledger) adopt(old *ledger) {
	for name, on := range old.nodes {
		n := g.node(name)
		n.lastSeen, n.software, n.labels, n.boots, n.links = on.lastSeen, on.software, on.labels, on.boots, on.links
		n.dirty, n.bootsDirty = true, true
		for _, oe := range on.ordered() {
			e := n.epoch(oe.id)
			if e == nil {
				continue
			}
			e.parent, e.child, e.rolledBack, e.dirty = oe.parent, oe.child, oe.rolledBack, true
			for i := range e.lanes {
				l, ol := &e.lanes[i], oe.lanes[i]
				stored, dropped := l.stored, l.dropped
				*l = ol
				l.stored, l.dropped = stored, dropped
			}
		}
	}
}

// load reads what save wrote.
func (g *ledger) load(st *journal.State) error {
	at, err := st.Get(keyCheckpoint)
	if err != nil {
		return err
	}
	if at != nil {
		var c checkpointRecord
		if err := json.Unmarshal(at, &c); err != nil {
			return fmt.Errorf("read checkpoint: %w", err)
		}
		g.covered, g.kept = c.Covered, ranges.Make(c.Kept...)
	}
	if err := st.Each(keyNode, func(key string, v []byte) error {
		return g.node(key[len(keyNode):]).unmarshal(v)
	}); err != nil {
		return err
	}
	if err := st.Each(keyBoots, func(key string, v []byte) error {
		return g.node(key[len(keyBoots):]).unmarshalBoots(v)
	}); err != nil {
		return err
	}
	return st.Each(keyEpoch, func(key string, v []byte) error {
		name, id, err := parseEpochKey(key)
		if err != nil {
			return err
		}
		n := g.node(name)
		e := &epoch{id: id}
		n.epochs[id] = e
		return e.unmarshal(v)
	})
}

// save returns what has changed since the last call as one update of the state file, and a function that takes that back if the update fails.
func (g *ledger) save() (puts map[string][]byte, undo func(), err error) {
	at, err := json.Marshal(checkpointRecord{g.covered, g.kept.Ranges()})
	if err != nil {
		return nil, nil, fmt.Errorf("write checkpoint: %w", err)
	}
	puts = map[string][]byte{keyCheckpoint: at}
	var again []*bool
	put := func(dirty *bool, key string, marshal func() ([]byte, error)) {
		if !*dirty || err != nil {
			return
		}
		b, e := marshal()
		if e != nil {
			err = fmt.Errorf("write %s: %w", key, e)
			return
		}
		puts[key] = b
		*dirty = false
		again = append(again, dirty)
	}
	for name, n := range g.nodes {
		put(&n.dirty, keyNode+name, n.marshal)
		put(&n.bootsDirty, keyBoots+name, n.marshalBoots)
		for id, e := range n.epochs {
			put(&e.dirty, epochKey(name, id), e.marshal)
		}
	}
	undo = func() {
		for _, d := range again {
			*d = true
		}
	}
	return puts, undo, err
}
