package torture

import (
	"fmt"
	"slices"
)

// ledger is what is known of what the edge had on its disk.
type ledger struct {
	committed map[identity]reading
	present   map[identity]bool // on the disk as it is now
	gone      map[identity]bool // with a folder that was put back
}

func newLedger() *ledger {
	return &ledger{committed: map[identity]reading{}, present: map[identity]bool{}, gone: map[identity]bool{}}
}

// seen notes what is on the edge's disk.
func (l *ledger) seen(rs []reading) {
	for _, r := range rs {
		if whole(r) {
			l.committed[r.identity()] = r
			l.present[r.identity()] = true
		}
	}
}

// rolledBack notes that the edge's disk holds only rs from now on.
func (l *ledger) rolledBack(rs []reading) {
	l.present = map[identity]bool{}
	l.seen(rs)
	for id := range l.committed {
		if !l.present[id] {
			l.gone[id] = true
		}
	}
}

// whole reports whether a line came with its beginning: the first after the port was opened may not have.
func whole(r reading) bool { return r.Value > base }

// judge compares what was committed with what the gateway has.
func (l *ledger) judge(told int, delivered []reading, lanesNow []lane) (accounts []Account, faults []string) {
	fault := func(format string, args ...any) {
		const most = 40
		if len(faults) < most {
			faults = append(faults, fmt.Sprintf(format, args...))
		}
	}
	for _, device := range []string{"d0", "d1"} {
		a := Account{Lane: lanes[device], Produced: told}
		ever := map[int]bool{}
		for id, r := range l.committed {
			if r.Device == device {
				ever[r.Value] = true
				a.Committed++
				if l.gone[id] {
					a.RolledBack++
				}
			}
		}
		at := map[identity]bool{}
		numbers := map[int]identity{}
		last := 0
		for _, r := range delivered {
			if r.Device != device || !whole(r) {
				continue
			}
			id := r.identity()
			a.Delivered++
			ever[r.Value] = true
			if at[id] {
				a.Doubled++
				fault("%s: identity %v twice", a.Lane, id)
			}
			at[id] = true
			if other, ok := numbers[r.Value]; ok && other != id {
				a.Doubled++
				fault("%s: %d is there as %v and as %v", a.Lane, r.Value, other, id)
			}
			numbers[r.Value] = id
			if r.Value < last {
				a.Disorder++
				fault("%s: %d comes after %d", a.Lane, r.Value, last)
			}
			last = max(last, r.Value)
			if c, ok := l.committed[id]; ok && c != r {
				a.Altered++
				fault("%s: %v is %d at the gateway and was committed as %d", a.Lane, id, r.Value, c.Value)
			}
		}
		for id, r := range l.committed {
			if r.Device == device && !l.gone[id] && !at[id] {
				a.Lost++
				fault("%s: %v, number %d, was committed and is not at the gateway", a.Lane, id, r.Value)
			}
		}
		a.Memory = told - len(ever)
		for _, x := range lanesNow {
			if x.Lane != a.Lane {
				continue
			}
			for _, m := range x.Missing {
				a.Gaps += int(m[1] - m[0] + 1)
				fault("%s: the gateway misses %d to %d of %s", a.Lane, m[0], m[1], x.Epoch)
			}
			for _, g := range x.Lost {
				for seq := g.From; seq <= g.To; seq++ {
					if !l.gone[identity{x.Lane, x.Epoch, seq}] {
						a.Gaps++
						fault("%s: the gateway calls %d of %s lost (%s), and nothing took it", a.Lane, seq, x.Epoch, g.Reason)
					}
				}
			}
		}
		accounts = append(accounts, a)
	}
	slices.Sort(faults)
	return accounts, slices.Compact(faults)
}
