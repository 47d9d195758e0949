package store

import (
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
	fresh := ranges.Make(r)
	for _, old := range *l {
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
