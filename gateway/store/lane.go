package store

import (
	"fieldpost/telemetry"
	"fieldpost/telemetry/ranges"
	"fieldpost/telemetry/wire"
)

// lane is what the store knows of one lane of one epoch.
type lane struct {
	stored  ranges.Set // received and on disk, or dropped by retention since
	dropped ranges.Set // the part of stored that retention has unlinked
	lost    losses

	first   uint64 // the epoch's first sequence, if known
	started bool   // first is known
	end     uint64 // a child epoch's first sequence, if closed
	closed  bool

	// What the node's last hello said. Below told its word decides what is lost; what was issued later may still come.
	told uint64
	kept ranges.Set
	held ranges.Set
}

// acked is what the node need not send any more: what is on disk, and what came in unreadable twice and is in quarantine.
// The set may share what l holds: it is to be read, not changed.
func (l *lane) acked() ranges.Set {
	bad := l.lost.set(wire.Corrupt)
	if bad.Empty() {
		return l.stored
	}
	bad.AddAll(l.stored)
	return bad
}

// start notes the epoch's first sequence. The lowest word counts.
func (l *lane) start(first uint64) {
	if !l.started || first < l.first {
		l.first, l.started = first, true
	}
}

// raise takes over where the epoch begins from a node that has told of it before: it may have found since that more belongs to the parent, never
// that less does. It returns h without what an overtaken hello says below that.
func (l *lane) raise(h wire.Lane) wire.Lane {
	if l.started {
		l.first = max(l.first, h.First)
		h.First, h.Next = l.first, max(l.first, h.Next)
	}
	return h
}

// close notes that a child epoch begins at end, and reports whether that is news. The same child only ever corrects itself upwards, as in
// raise; of several children the lowest word counts.
func (l *lane) close(end uint64, same bool) bool {
	if l.closed && (end == l.end || same != (end > l.end)) {
		return false
	}
	l.end, l.closed = end, true
	return true
}

// beyond reports whether there is more of this lane than its child epoch knew of: the node was rolled back to an older state, or there are two of it.
func (l *lane) beyond() bool {
	if !l.closed {
		return false
	}
	highest, ok := l.stored.Max()
	return ok && highest >= l.end || l.told > l.end
}

// next is one past the last sequence that is known to have been issued.
func (l *lane) next() uint64 {
	n := l.told
	if l.closed {
		n = max(n, l.end)
	}
	if highest, ok := l.stored.Max(); ok {
		n = max(n, highest+1)
	}
	if all := l.lost.all(); !all.Empty() {
		highest, _ := all.Max()
		n = max(n, highest+1)
	}
	return n
}

// gap is what was issued and is not stored (delivery rule 13).
func (l *lane) gap() ranges.Set {
	first, known := l.first, l.started
	if lowest, ok := l.stored.Min(); ok && (!known || lowest < first) {
		first, known = lowest, true
	}
	next := l.next()
	if !known || next <= first {
		return ranges.Set{}
	}
	return ranges.Make(ranges.Range{From: first, To: next - 1}).Minus(l.stored)
}

// account divides the gap: missing may still come, held comes when the node is asked or may, lost does not come.
func (l *lane) account() (missing, held ranges.Set, lost losses) {
	gap := l.gap()
	if gap.Empty() {
		return gap, held, nil
	}
	lost = l.lost.within(gap)
	rest := gap.Minus(lost.all())
	if l.told > 0 {
		// The node has spoken about all below told: what it does not keep is gone.
		gone := rest.Intersect(ranges.Make(ranges.Range{From: 0, To: l.told - 1})).Minus(l.kept)
		rest.RemoveAll(gone)
		lost = lost.with(gone)
	}
	held = rest.Intersect(l.held)
	return rest.Minus(held), held, lost
}

// tell takes over what a hello says of the lane.
func (l *lane) tell(h wire.Lane) {
	l.start(h.First)
	l.told = max(h.Next, h.First)
	l.kept, l.held = ranges.Set{}, ranges.Set{}
	if h.Next <= h.First {
		return
	}
	issued := ranges.Make(ranges.Range{From: h.First, To: h.Next - 1})
	l.kept = h.Kept.Intersect(issued)
	l.held = h.Held.Intersect(l.kept)
	// A node that is back from the dead may still send what an operator gave up; what is in quarantine it need not.
	l.lost.forget(l.kept, wire.Corrupt)
	gone := issued.Minus(l.kept) // what could not be dropped after all is not lost
	for _, loss := range h.Lost[:min(len(h.Lost), maxLosses)] {
		for r := range gone.Intersect(ranges.Make(loss.Range)).All() {
			l.lost.add(r, loss.Reason, loss.Time)
		}
	}
}

// silence takes over that a hello says nothing of the lane: nothing is kept of what was issued so far.
func (l *lane) silence() {
	l.told = l.next()
	l.kept, l.held = ranges.Set{}, ranges.Set{}
}

// abandon makes lost all that has not come and returns how many records that are.
func (l *lane) abandon(at telemetry.Time) uint64 {
	missing, held, _ := l.account()
	missing.AddAll(held)
	for r := range missing.All() {
		l.lost.add(r, wire.Abandoned, at)
	}
	return missing.Len()
}

func (l *lane) empty() bool {
	return l.stored.Empty() && l.gap().Empty() && len(l.lost) == 0
}
