package store

import (
	"cmp"
	"maps"
	"slices"

	"fieldpost/telemetry"
	"fieldpost/telemetry/ranges"
	"fieldpost/telemetry/wire"
)

// past is what stays of an epoch that is over and complete (delivery rule 2): enough that a repeat is known as one, and that it can be an
// epoch again. Where a node has more open epochs than maxEpochs, the oldest become past too, and lose the reasons of their losses.
type past struct {
	order int
	lanes []pastLane // those of which something is stored
}

type pastLane struct {
	lane            telemetry.Lane
	stored, dropped ranges.Set
	first, told     uint64 // as in lane; told 0: the node has not said what became of the rest
}

// has reports whether all that he says was issued is stored.
func (p past) has(he wire.Epoch) bool {
	for _, hl := range he.Lanes {
		if hl.Next <= hl.First {
			continue
		}
		i := p.find(hl.Lane)
		if i < 0 || !p.lanes[i].stored.HasAll(ranges.Range{From: hl.First, To: hl.Next - 1}) {
			return false
		}
	}
	return true
}

// reachesInto reports whether there is more of p than its child he knew of.
func (p past) reachesInto(he wire.Epoch) bool {
	return slices.ContainsFunc(he.Lanes, func(hl wire.Lane) bool {
		i := p.find(hl.Lane)
		if i < 0 {
			return false
		}
		highest, _ := p.lanes[i].stored.Max()
		return highest >= hl.First
	})
}

func (p past) find(which telemetry.Lane) int {
	return slices.IndexFunc(p.lanes, func(l pastLane) bool { return l.lane == which })
}

func (l *pastLane) open() lane {
	return lane{stored: l.stored, dropped: l.dropped, first: l.first, started: true, told: l.told}
}

// open is the inverse of epoch.condense.
func (p past) open(id telemetry.Epoch) *epoch {
	e := &epoch{id: id, order: p.order, dirty: true}
	for i := range p.lanes {
		e.lanes[p.lanes[i].lane] = p.lanes[i].open()
	}
	return e
}

func (e *epoch) condense() past {
	p := past{order: e.order}
	for i := range e.lanes {
		l := &e.lanes[i]
		if l.stored.Empty() {
			continue
		}
		pl := pastLane{lane: telemetry.Lane(i), stored: l.stored, dropped: l.dropped, first: l.first}
		if lowest, _ := l.stored.Min(); !l.started || lowest < pl.first {
			pl.first = lowest
		}
		if l.told > 0 && l.kept.Empty() || l.gap().Empty() {
			pl.told = l.next()
		}
		p.lanes = append(p.lanes, pl)
	}
	return p
}

// complete reports whether nothing is missing of e, and nothing there to tell of it.
func (e *epoch) complete() bool {
	for i := range e.lanes {
		if l := &e.lanes[i]; len(l.lost) > 0 || !l.gap().Empty() {
			return false
		}
	}
	return !e.rolledBack
}

// retire makes e past. An epoch of which nothing is stored is forgotten.
func (n *node) retire(e *epoch) {
	delete(n.epochs, e.id)
	if p := e.condense(); len(p.lanes) > 0 {
		n.past[e.id] = p
	}
	n.moved[e.id] = true
}

// tidy retires the epochs that are complete, all but the newest, and keeps to the bounds.
func (n *node) tidy() {
	if len(n.epochs) > recentEpochs {
		list := n.ordered()
		for _, e := range list[:len(list)-recentEpochs] {
			if e.complete() {
				n.retire(e)
			}
		}
	}
	n.makeRoom()
	n.lighten()
	if len(n.past) <= maxPast {
		return
	}
	oldest := slices.SortedFunc(maps.Keys(n.past), func(a, b telemetry.Epoch) int { return cmp.Compare(n.past[a].order, n.past[b].order) })
	for _, id := range oldest[:len(oldest)-maxPast/8*7] {
		delete(n.past, id)
		n.moved[id] = true
	}
	n.forgot, n.dirty = true, true
}

// lighten retires the oldest epochs while the node has told more of all together than should be in memory.
func (n *node) lighten() {
	pieces := func(e *epoch) (sum int) {
		for i := range e.lanes {
			l := &e.lanes[i]
			sum += len(l.kept.Ranges()) + len(l.held.Ranges()) + len(l.lost)
		}
		return sum
	}
	sum := 0
	for _, e := range n.epochs {
		sum += pieces(e)
	}
	if sum <= maxPieces {
		return
	}
	for _, e := range n.ordered() {
		if sum <= maxPieces {
			return
		}
		if own := pieces(e); own > 0 {
			sum -= own
			n.retire(e)
		}
	}
}

// makeRoom retires the oldest epochs where there are too many: a quarter at once, for it has to sort them.
func (n *node) makeRoom() {
	if len(n.epochs) < maxEpochs {
		return
	}
	list := n.ordered()
	for _, e := range list[:len(list)-maxEpochs/4*3] {
		n.retire(e)
	}
}

// nothingIssued reports whether he says that the epoch passed without a record.
func nothingIssued(he wire.Epoch) bool {
	return !slices.ContainsFunc(he.Lanes, func(l wire.Lane) bool { return l.Next > l.First })
}

// known reports whether the store remembers the epoch.
func (n *node) known(id telemetry.Epoch) bool {
	if n.epochs[id] != nil {
		return true
	}
	_, ok := n.past[id]
	return ok
}

// lane returns a lane to be read, or nil if nothing is known of it.
func (n *node) lane(id telemetry.Epoch, which telemetry.Lane) *lane {
	if e := n.epochs[id]; e != nil {
		return &e.lanes[which]
	}
	p := n.past[id]
	if i := p.find(which); i >= 0 {
		l := p.lanes[i].open()
		return &l
	}
	return nil
}

// drop notes that retention unlinks r. It does not bring a past epoch back.
func (n *node) drop(id telemetry.Epoch, which telemetry.Lane, r ranges.Range) {
	p := n.past[id]
	if i := p.find(which); i >= 0 {
		p.lanes[i].stored.Add(r)
		p.lanes[i].dropped.Add(r)
		n.moved[id] = true
		return
	}
	e := n.epoch(id)
	e.lanes[which].stored.Add(r)
	e.lanes[which].dropped.Add(r)
	e.dirty = true
}

// relevant returns the epochs of h that it can tell something new of, oldest first, and the names of all. A node that began an epoch every few
// seconds for weeks names more than the store remembers: the newest maxNamed count, and what is said of older ones stands as it is.
func (n *node) relevant(h *wire.Hello) (tell []wire.Epoch, named map[telemetry.Epoch]bool) {
	named = make(map[telemetry.Epoch]bool, len(h.Epochs))
	older := false // than one that is known
	for _, he := range slices.Backward(h.Epochs) {
		if he.Epoch == 0 || named[he.Epoch] {
			continue
		}
		named[he.Epoch] = true
		if n.known(he.Epoch) {
			older = true
			if p, over := n.past[he.Epoch]; over && p.has(he) {
				continue
			}
		} else if len(named) > 1 && nothingIssued(he) || older && n.forgot {
			continue
		}
		if len(tell) < maxNamed {
			tell = append(tell, he)
		}
	}
	slices.Reverse(tell)
	return tell, named
}
