package torture

import (
	"fmt"
	"slices"
)

// ledger is what is known of what the edges had on their disks.
type ledger struct {
	committed map[identity]record
	present   map[int]map[identity]bool // by unit: on its disk as it is now, or forgotten since because it was safe
	gone      map[identity]bool         // with a folder that was put back
	rest      map[run]uint64            // of a run that went with a folder, the last that was left of it
}

// run is one epoch of one lane.
type run struct{ lane, epoch string }

func newLedger() *ledger {
	return &ledger{committed: map[identity]record{}, present: map[int]map[identity]bool{}, gone: map[identity]bool{}, rest: map[run]uint64{}}
}

// seen notes what is on a unit's disk.
func (l *ledger) seen(unit int, rs []record) {
	if l.present[unit] == nil {
		l.present[unit] = map[identity]bool{}
	}
	for _, r := range rs {
		l.committed[r.identity()] = r
		l.present[unit][r.identity()] = true
	}
}

// wentBack reports whether a record went with a folder that was put back. Of those that nobody saw, ballast and what was dropped at once for want of
// room, all that came after what was left of their run did; and with them the word that they had been dropped.
func (l *ledger) wentBack(id identity) bool {
	if _, counted := l.committed[id]; counted {
		return l.gone[id]
	}
	last, ok := l.rest[run{id.lane, id.epoch}]
	return ok && id.seq > last
}

// owed counts what the gateway rightly waits for in a range that it misses. What went with a folder never comes, and the gateway cannot tell that
// from a card that is away: it waits until an operator abandons it.
func (l *ledger) owed(x lane, missing [2]uint64) (n int) {
	for seq := missing[0]; seq <= missing[1]; seq++ {
		if !l.wentBack(identity{x.Lane, x.Epoch, seq}) {
			n++
		}
	}
	return n
}

// waits reports whether the gateway rightly waits for anything.
func (l *ledger) waits(lanes []lane) bool {
	for _, x := range lanes {
		for _, m := range x.Missing {
			if l.owed(x, m) > 0 {
				return true
			}
		}
	}
	return false
}

// rolledBack notes that a unit's disk holds only rs from now on.
func (l *ledger) rolledBack(unit int, rs []record) {
	for id := range l.present[unit] {
		l.rest[run{id.lane, id.epoch}] = 0
	}
	for _, r := range rs {
		at := run{r.Lane, r.Epoch}
		l.rest[at] = max(l.rest[at], r.Seq)
	}
	l.present[unit] = nil
	l.seen(unit, rs)
	for id := range l.committed {
		held := false
		for _, p := range l.present {
			held = held || p[id]
		}
		if !held {
			l.gone[id] = true
		}
	}
}

// verdict compares what was committed with what the gateway has.
type verdict struct {
	ledger    *ledger
	delivered []record
	lanes     []lane      // as the gateway gives account of them
	told      map[int]int // by unit: how many numbers each of its instruments told
	byTime    bool        // the readings are in the order of times that can be relied on

	faults []string
}

func (v *verdict) fault(format string, args ...any) {
	const most = 40
	if len(v.faults) < most {
		v.faults = append(v.faults, fmt.Sprintf(format, args...))
	}
}

func (v *verdict) accounts() (all []Account) {
	for _, name := range []string{"alarm", "live", "bulk"} {
		all = append(all, v.account(name))
	}
	slices.Sort(v.faults)
	return all
}

func (v *verdict) account(name string) Account {
	a := Account{Lane: name}
	ever := map[int]bool{}
	for id, r := range v.ledger.committed {
		if r.Lane == name && whole(r.Value) {
			ever[r.Value] = true
			a.Committed++
			if v.ledger.gone[id] {
				a.RolledBack++
			}
		}
	}
	at := v.deliveredOf(name, &a, ever)
	if name != "alarm" { // an event follows from readings: nobody tells it
		for _, n := range v.told {
			a.Produced += n
		}
		a.Unseen = a.Produced - len(ever)
	}
	for id, r := range v.ledger.committed {
		if r.Lane != name || !whole(r.Value) || v.ledger.gone[id] || at[id] {
			continue
		}
		if why := lossOf(v.lanes, id); why == "full" {
			a.GivenUp++
			continue
		}
		a.Lost++
		v.fault("%s: %v, number %d, was committed and is not at the gateway", name, id, r.Value)
	}
	v.gaps(name, &a)
	return a
}

// deliveredOf goes through what the gateway has of a lane.
func (v *verdict) deliveredOf(name string, a *Account, ever map[int]bool) (at map[identity]bool) {
	at = map[identity]bool{}
	type number struct {
		value int
		state string // of events
	}
	numbers := map[number]identity{}
	byTime := map[int]int{} // by unit, the last number
	var counted []record
	for _, r := range v.delivered {
		if r.Lane != name || !whole(r.Value) {
			continue
		}
		id := r.identity()
		a.Delivered++
		ever[r.Value] = true
		if at[id] {
			a.Doubled++
			v.fault("%s: identity %v twice", name, id)
		}
		at[id] = true
		if other, ok := numbers[number{r.Value, r.State}]; ok && other != id {
			a.Doubled++
			v.fault("%s: %d is there as %v and as %v", name, r.Value, other, id)
		}
		numbers[number{r.Value, r.State}] = id
		if unit := r.Value / base(0); v.byTime && r.State == "" {
			if r.Value < byTime[unit] {
				a.Disorder++
				v.fault("%s: %d comes after %d", name, r.Value, byTime[unit])
			}
			byTime[unit] = max(byTime[unit], r.Value)
		}
		if c, ok := v.ledger.committed[id]; ok && c != r {
			a.Altered++
			v.fault("%s: %v is %d %s at the gateway and was committed as %d %s", name, id, r.Value, r.State, c.Value, c.State)
		}
		counted = append(counted, r)
	}
	v.order(name, a, counted)
	return at
}

// order checks that within an epoch later sequences have later numbers, whatever the clock said.
func (v *verdict) order(name string, a *Account, rs []record) {
	slices.SortFunc(rs, func(x, y record) int {
		if x.Epoch != y.Epoch {
			if x.Epoch < y.Epoch {
				return -1
			}
			return 1
		}
		return int(x.Seq) - int(y.Seq)
	})
	for i := 1; i < len(rs); i++ {
		if x, y := rs[i-1], rs[i]; x.Epoch == y.Epoch && y.Value/base(0) == x.Value/base(0) && y.Value < x.Value {
			a.Disorder++
			v.fault("%s: %v is %d, and before it %v is %d", name, y.identity(), y.Value, x.identity(), x.Value)
		}
	}
}

// gaps counts the sequences for whose absence the gateway has no reason that holds.
func (v *verdict) gaps(name string, a *Account) {
	for _, x := range v.lanes {
		if x.Lane != name {
			continue
		}
		for _, m := range x.Missing {
			if n := v.ledger.owed(x, m); n > 0 {
				a.Gaps += n
				v.fault("%s: the gateway misses %d of %d to %d of %s", name, n, m[0], m[1], x.Epoch)
			}
		}
		for _, g := range x.Lost {
			for seq := g.From; seq <= g.To; seq++ {
				if g.Reason == "full" || v.ledger.wentBack(identity{name, x.Epoch, seq}) {
					continue
				}
				a.Gaps++
				v.fault("%s: the gateway calls %d of %s lost (%s), and nothing took it", name, seq, x.Epoch, g.Reason)
			}
		}
	}
}
