package store

import (
	"cmp"
	"slices"

	"fieldpost/telemetry"
	"fieldpost/telemetry/ranges"
	"fieldpost/telemetry/wire"
)

// maxLosses bounds the losses kept of one lane. What is beyond it still counts as lost, unexplained.
const maxLosses = 4096

// losses are disjoint ranges with the reason why they will not come, in order.
type losses []wire.Loss

// add notes that r is lost. What was noted before stands.
func (l *losses) add(r ranges.Range, reason wire.Reason, at telemetry.Time) {
	if len(*l) >= maxLosses {
		return
	}
	fresh := ranges.Make(r)
	after, _ := slices.BinarySearchFunc(*l, r.From, func(a wire.Loss, from uint64) int { return cmp.Compare(a.To, from) })
	for _, old := range (*l)[after:] {
		if old.From > r.To {
			break
		}
		fresh.Remove(old.Range)
	}
	for n := range fresh.All() {
		if len(*l) >= maxLosses {
			return
		}
		i, _ := slices.BinarySearchFunc(*l, n.From, func(a wire.Loss, from uint64) int {
			if a.From < from {
				return -1
			}
			return 1
		})
		*l = slices.Insert(*l, i, wire.Loss{Range: n, Reason: reason, Time: at})
	}
}

// with returns l and what else is gone without an explanation; nothing of gone is in l. A node can name a million gaps in one hello, so
// they are not added one by one.
func (l losses) with(gone ranges.Set) losses {
	rs := gone.Ranges()
	for _, r := range rs[:min(len(rs), max(0, maxLosses-len(l)))] {
		l = append(l, wire.Loss{Range: r, Reason: wire.Unexplained})
	}
	slices.SortFunc(l, func(a, b wire.Loss) int { return cmp.Compare(a.From, b.From) })
	return l
}

// forget takes set out of all losses that are not for reason except.
func (l *losses) forget(set ranges.Set, except wire.Reason) {
	if set.Empty() || len(*l) == 0 {
		return
	}
	var out losses
	for _, old := range *l {
		if old.Reason == except {
			out = append(out, old)
			continue
		}
		for r := range ranges.Make(old.Range).Minus(set).All() {
			out = append(out, wire.Loss{Range: r, Reason: old.Reason, Time: old.Time})
		}
	}
	*l = out
}

// within returns the parts of l that lie in set.
func (l losses) within(set ranges.Set) losses {
	var out losses
	for _, old := range l {
		for r := range set.Intersect(ranges.Make(old.Range)).All() {
			out = append(out, wire.Loss{Range: r, Reason: old.Reason, Time: old.Time})
		}
	}
	return out
}

// set returns all that is lost for reason.
func (l losses) set(reason wire.Reason) ranges.Set {
	var out ranges.Set
	for _, old := range l {
		if old.Reason == reason {
			out.Add(old.Range)
		}
	}
	return out
}

// all returns all that is lost.
func (l losses) all() ranges.Set {
	var out ranges.Set
	for _, old := range l {
		out.Add(old.Range)
	}
	return out
}
