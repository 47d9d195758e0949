package store

import (
	"maps"
	"slices"

	"fieldpost/telemetry"
	"fieldpost/telemetry/ranges"
	"fieldpost/telemetry/wire"
)

// Bounds on what nodes can make the store remember.
const (
	maxEpochs    = 1 << 12 // of one node that are not past
	maxNamed     = 1 << 11 // that one hello tells news of; less than makeRoom leaves
	maxPast      = 1 << 16
	recentEpochs = 64      // of one node that are not made past; an edge names at least its last 16
	maxPieces    = 1 << 18 // ranges and losses that a node has told of all its epochs that are not past
	maxBoots     = 4096
	maxNodes     = 1 << 17
	maxRanges    = 1 << 14 // that a node keeps of one lane and epoch: damage and room that ran short make holes, on a bad card some hundreds
)

// epoch is what the store knows of one epoch of a node.
type epoch struct {
	id, parent telemetry.Epoch
	child      telemetry.Epoch // the first epoch seen that names this one as its parent
	order      int             // in which the node's epochs were met
	rolledBack bool            // there is more of it than its child knew of, or it has two children
	lanes      [4]lane
	dirty      bool // changed since it was last written to the state file
}

// node is what the store knows of one node.
type node struct {
	name     string
	epochs   map[telemetry.Epoch]*epoch // a bounded number; what is over and complete goes to past
	past     map[telemetry.Epoch]past
	moved    map[telemetry.Epoch]bool // into past, or out of the ledger, since the last checkpoint
	begun    int                      // order of the next epoch
	forgot   bool                     // past epochs were forgotten for good
	lastSeen telemetry.Time
	software string
	labels   map[string]string
	boots    map[telemetry.Boot]wire.Boot
	links    map[string]presence // by link

	dirty      bool // lastSeen, software or labels
	bootsDirty bool
}

// presence is what is known of a node on one link. It lives as long as the process.
type presence struct {
	nonce  uint64
	online bool
}

func newNode(name string) *node {
	return &node{
		name:   name,
		epochs: map[telemetry.Epoch]*epoch{},
		past:   map[telemetry.Epoch]past{},
		moved:  map[telemetry.Epoch]bool{},
		boots:  map[telemetry.Boot]wire.Boot{},
		links:  map[string]presence{},
	}
}

func (n *node) online() bool {
	for _, p := range n.links {
		if p.online {
			return true
		}
	}
	return false
}

// epoch returns the epoch id, to be changed. It is made if it is new, and brought back if it is past.
func (n *node) epoch(id telemetry.Epoch) *epoch {
	if e := n.epochs[id]; e != nil {
		return e
	}
	n.makeRoom()
	e := &epoch{id: id, order: n.begun, dirty: true}
	if p, ok := n.past[id]; ok {
		e = p.open(id)
		delete(n.past, id)
	} else {
		n.begun++
	}
	n.epochs[id] = e
	return e
}

// ordered lists the epochs in the order they were met.
func (n *node) ordered() []*epoch {
	return slices.SortedFunc(maps.Values(n.epochs), func(a, b *epoch) int { return a.order - b.order })
}

// seen notes a sign of life.
func (n *node) seen(at telemetry.Time) {
	if at > n.lastSeen {
		n.lastSeen, n.dirty = at, true
	}
}

// hello takes over what h says, and returns the epochs that it shows to have been rolled back.
func (n *node) hello(h *wire.Hello) (rolledBack []*epoch) {
	if n.software != h.Software {
		n.software, n.dirty = h.Software, true
	}
	newest := -1
	tell, named := n.relevant(h)
	again := len(tell) > 0 && n.toldOf(tell[len(tell)-1].Epoch) // the epoch of the running node was in a hello before
	for _, he := range tell {
		e := n.epoch(he.Epoch)
		newest = max(newest, e.order)
		e.dirty = true
		told := [4]bool{}
		for _, hl := range he.Lanes {
			if hl.Lane.Valid() && !told[hl.Lane] {
				told[hl.Lane] = true
				if again {
					hl = e.lanes[hl.Lane].raise(hl)
				}
				e.lanes[hl.Lane].tell(coarse(hl))
			}
		}
		for i := range e.lanes {
			if !told[i] {
				e.lanes[i].silence()
			}
		}
		if p := n.adopt(e, he); p != nil {
			rolledBack = append(rolledBack, p)
		}
	}
	for id, e := range n.epochs {
		// Of an epoch that was met after those it names, a hello that another link's has overtaken knows nothing.
		if !named[id] && e.order < newest && !e.settled() {
			e.dirty = true
			for i := range e.lanes {
				e.lanes[i].silence()
			}
		}
	}
	n.tidy()
	return rolledBack
}

// toldOf reports whether a hello has told of the epoch.
func (n *node) toldOf(id telemetry.Epoch) bool {
	e := n.epochs[id]
	return e != nil && slices.ContainsFunc(e.lanes[:], func(l lane) bool { return l.started })
}

// coarse returns l with at most about maxRanges ranges: beyond them all is taken for kept, which makes nothing lost that may still come.
func coarse(l wire.Lane) wire.Lane {
	for _, set := range []*ranges.Set{&l.Kept, &l.Held} {
		if rs := set.Ranges(); len(rs) > maxRanges {
			few := ranges.Make(rs[:maxRanges]...)
			few.Add(ranges.Range{From: rs[maxRanges].From, To: max(l.Next, 1) - 1})
			*set = few
		}
	}
	return l
}

// adopt closes the parent that he names for e, and returns it if that shows it to have been rolled back.
func (n *node) adopt(e *epoch, he wire.Epoch) *epoch {
	if he.Parent == 0 || he.Parent == he.Epoch {
		return nil
	}
	e.parent = he.Parent
	p := n.epochs[he.Parent]
	if over, ok := n.past[he.Parent]; ok && over.reachesInto(he) {
		p = n.epoch(he.Parent)
	}
	if p == nil {
		return nil // nothing of it is stored that e could contradict
	}
	if p.child == 0 {
		p.child, p.dirty = e.id, true
	}
	for _, hl := range he.Lanes {
		if hl.Lane.Valid() && p.lanes[hl.Lane].close(hl.First, p.child == e.id) {
			p.dirty = true
		}
	}
	if p.child != e.id && !p.rolledBack {
		// Two lives went on from the same one: a card was copied or put back.
		p.rolledBack, p.dirty = true, true
		return p
	}
	if p.check() {
		return p
	}
	return nil
}

// check looks for more in e than its child knew of; it reports whether that is news.
func (e *epoch) check() bool {
	if e.rolledBack {
		return false
	}
	for i := range e.lanes {
		if e.lanes[i].beyond() {
			e.rolledBack, e.dirty = true, true
			return true
		}
	}
	return false
}

// settled reports whether a further hello that does not name e can change nothing about it.
func (e *epoch) settled() bool {
	for i := range e.lanes {
		l := &e.lanes[i]
		if !l.kept.Empty() || !l.held.Empty() || l.told != l.next() {
			return false
		}
	}
	return true
}

// tellBoots takes over rows of the boot table and reports whether they tell anything new.
func (n *node) tellBoots(boots []wire.Boot) (news bool) {
	for _, b := range boots[:min(len(boots), maxBoots)] {
		if old, ok := n.boots[b.Boot]; ok && old == b || !ok && len(n.boots) >= maxBoots && !n.forgetBoot(b.Ordinal) {
			continue
		}
		n.boots[b.Boot] = b
		n.bootsDirty, news = true, true
	}
	return news
}

// forgetBoot makes room for boot ordinal by forgetting the lowest one below it.
func (n *node) forgetBoot(ordinal uint32) bool {
	lowest := telemetry.Boot{Ordinal: ordinal}
	for b := range n.boots {
		if b.Ordinal < lowest.Ordinal {
			lowest = b
		}
	}
	if lowest.Ordinal == ordinal {
		return false
	}
	delete(n.boots, lowest)
	return true
}
