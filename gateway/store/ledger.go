package store

import (
	"encoding/json"
	"fmt"
	"iter"
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
	return n.lane(id, which)
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
	r := ranges.Range{From: h.First, To: h.Last()}
	if h.Epoch == 0 || !h.Lane.Valid() || h.Count == 0 {
		return nil
	}
	if l := n.lane(h.Epoch, h.Lane); l != nil && l.stored.HasAll(r) {
		return nil
	}
	e := n.epoch(h.Epoch)
	e.lanes[h.Lane].stored.Add(r)
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
		for id, p := range n.past {
			for i := range p.lanes {
				p.lanes[i].stored = p.lanes[i].dropped.Clone()
			}
			n.moved[id] = true
		}
	}
}

// adopt takes over from old what nodes have said: it is not on disk before the next checkpoint, but does not hang on what is stored.
func (g *ledger) adopt(old *ledger) {
	for name, on := range old.nodes {
		n := g.node(name)
		n.lastSeen, n.software, n.labels, n.boots, n.links = on.lastSeen, on.software, on.labels, on.boots, on.links
		n.forgot, n.begun = on.forgot, max(n.begun, on.begun)
		n.dirty, n.bootsDirty = true, true
		for _, oe := range on.ordered() {
			e := n.epoch(oe.id)
			e.order, e.parent, e.child, e.rolledBack, e.dirty = oe.order, oe.parent, oe.child, oe.rolledBack, true
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
	if err := st.Each(keyEpoch, func(key string, v []byte) error {
		name, id, err := parseEpochKey(key)
		if err != nil {
			return err
		}
		n := g.node(name)
		e := &epoch{id: id}
		over, err := e.unmarshal(v)
		if err != nil {
			return err
		}
		if n.begun = max(n.begun, e.order+1); over {
			n.past[id] = e.condense()
		} else {
			n.epochs[id] = e
		}
		return nil
	}); err != nil {
		return err
	}
	for _, n := range g.nodes {
		n.tidy()
	}
	return nil
}

// lacks reports whether old has something stored that g has not.
func (g *ledger) lacks(old *ledger) bool {
	for name, on := range old.nodes {
		for _, ids := range []iter.Seq[telemetry.Epoch]{maps.Keys(on.epochs), maps.Keys(on.past)} {
			for id := range ids {
				for which := range telemetry.Lane(len(epoch{}.lanes)) {
					was, is := on.lane(id, which), g.lane(name, id, which)
					if was != nil && !was.stored.Empty() && (is == nil || !was.stored.Minus(is.stored).Empty()) {
						return true
					}
				}
			}
		}
	}
	return false
}

// save returns what has changed since the last call as one update of the state file, and a function that takes that back if the update fails.
func (g *ledger) save() (puts map[string][]byte, undo func(), err error) {
	at, err := json.Marshal(checkpointRecord{g.covered, g.kept.Ranges()})
	if err != nil {
		return nil, nil, fmt.Errorf("write checkpoint: %w", err)
	}
	puts = map[string][]byte{keyCheckpoint: at}
	var again []*bool
	moved := map[*node]map[telemetry.Epoch]bool{}
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
		if err == nil {
			err = n.saveMoved(puts)
			moved[n], n.moved = n.moved, map[telemetry.Epoch]bool{}
		}
	}
	undo = func() {
		for n, ids := range moved {
			maps.Copy(n.moved, ids)
		}
		for _, d := range again {
			*d = true
		}
	}
	return puts, undo, err
}

// saveMoved puts the epochs that became past, and deletes those that were forgotten.
func (n *node) saveMoved(puts map[string][]byte) error {
	for id := range n.moved {
		key := epochKey(n.name, id)
		if p, ok := n.past[id]; ok {
			b, err := p.marshal(id)
			if err != nil {
				return fmt.Errorf("write %s: %w", key, err)
			}
			puts[key] = b
		} else if n.epochs[id] == nil {
			puts[key] = nil
		}
	}
	return nil
}
