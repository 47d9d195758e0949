package lane

import (
	"cmp"
	"slices"

	"fieldpost/forwarder"
	"fieldpost/telemetry"
	"fieldpost/telemetry/ranges"
	"fieldpost/telemetry/wire"
)

// epoch is one epoch of this node: which sequences of each lane were issued under it follows from its First and its child's.
type epoch struct {
	ID     telemetry.Epoch          `json:"epoch"`
	Parent telemetry.Epoch          `json:"parent"`
	Boot   uint32                   `json:"boot"`
	First  [len(laneFolders)]uint64 `json:"first"`
}

var laneFolders = [...]telemetry.Lane{telemetry.Alarm, telemetry.Live, telemetry.Bulk, telemetry.Archive}

// ledger knows the epochs, what was lost, and what each gateway's store has. It is plain data; Book guards it.
type ledger struct {
	epochs []epoch // oldest first, the last is open
	lost   [len(laneFolders)][]wire.Loss
	acked  map[wire.StoreID]*acked
}

// acked is what one gateway's store has, by its own word.
type acked struct {
	sets       [len(laneFolders)]ranges.Set
	generation uint64   // that said so; 0: it was read from the disk
	past       []uint64 // that said so before it, the latest last
}

// bounds returns the sequences issued under epoch i: up to its child's first, or next for the open one. ok is false if there are none.
func (l *ledger) bounds(i int, lane telemetry.Lane, next uint64) (r ranges.Range, ok bool) {
	first := l.epochs[i].First[lane]
	if i+1 < len(l.epochs) {
		next = l.epochs[i+1].First[lane]
	}
	if next <= first {
		return ranges.Range{}, false
	}
	return ranges.Range{From: first, To: next - 1}, true
}

// find returns the place of an epoch, or -1.
func (l *ledger) find(id telemetry.Epoch) int {
	return slices.IndexFunc(l.epochs, func(e epoch) bool { return e.ID == id })
}

// beginAfter makes the epochs after id begin, in a lane, no earlier than next: what is before it is known to be of id.
func (l *ledger) beginAfter(lane telemetry.Lane, id telemetry.Epoch, next uint64) {
	at := l.find(id)
	if at < 0 {
		return
	}
	for i := at + 1; i < len(l.epochs); i++ {
		l.epochs[i].First[lane] = max(l.epochs[i].First[lane], next)
	}
}

// lose notes that rs of a lane are gone. Neighbours with the same reason become one; more than maxLosses and the oldest become one as well.
func (l *ledger) lose(lane telemetry.Lane, reason wire.Reason, at telemetry.Time, rs ranges.Set) {
	const maxLosses = 1024
	list := l.lost[lane]
	for r := range rs.All() {
		list = append(list, wire.Loss{Range: r, Reason: reason, Time: at})
	}
	slices.SortStableFunc(list, func(a, b wire.Loss) int { return cmp.Compare(a.From, b.From) })
	joined := list[:0]
	for _, x := range list {
		if n := len(joined); n > 0 {
			last := &joined[n-1]
			if x.To <= last.To { // known already
				continue
			}
			if x.From <= last.To+1 && (x.Reason == last.Reason || len(list) > maxLosses && n == 1) {
				last.To, last.Time = x.To, max(last.Time, x.Time)
				continue
			}
			x.From = max(x.From, last.To+1)
		}
		joined = append(joined, x)
	}
	if len(joined) > maxLosses {
		// Too many holes to tell one by one: what is not listed and not kept is lost anyhow, only without its reason.
		joined = slices.Delete(joined, 0, len(joined)-maxLosses)
	}
	l.lost[lane] = joined
}

// acknowledge notes what a store has. Only sequences that this disk issued under that epoch count: a store may know more of
// an epoch than a card that was put back to an older state.
//
// One link may hear late what a generation said that is over, when another has met the next one, whose disk may be older: a backup. Such a word is
// ignored, or what the gateway has not got might be dropped here.
func (l *ledger) acknowledge(said forwarder.Said, next func(telemetry.Lane) uint64) {
	a := l.acked[said.Store]
	if a == nil {
		a = &acked{}
		l.acked[said.Store] = a
	}
	switch {
	case said.Generation == a.generation:
	case !said.All || slices.Contains(a.past, said.Generation):
		return
	case a.generation != 0:
		const most = 64
		a.past = append(a.past, a.generation)
		a.past = a.past[max(0, len(a.past)-most):]
	}
	if said.All {
		a.generation, a.sets = said.Generation, [len(laneFolders)]ranges.Set{}
	}
	for _, s := range said.Stored {
		i := l.find(s.Epoch)
		if i < 0 || !s.Lane.Valid() {
			continue
		}
		if issued, ok := l.bounds(i, s.Lane, next(s.Lane)); ok {
			a.sets[s.Lane].AddAll(s.Ranges.Intersect(ranges.Make(issued)))
		}
	}
}

// serve makes brokers those, and no others, whose confirmation is waited for: unlike a gateway's store, which may come back, a broker is one of the config.
func (l *ledger) serve(brokers []wire.StoreID) {
	for id := range l.acked {
		if forwarder.IsBroker(id) && !slices.Contains(brokers, id) {
			delete(l.acked, id)
		}
	}
	for _, id := range brokers {
		if l.acked[id] == nil {
			l.acked[id] = &acked{}
		}
	}
}

// stored returns what a store is known to have, epoch by epoch.
func (l *ledger) stored(store wire.StoreID, next func(telemetry.Lane) uint64) (out []wire.Stored) {
	a := l.acked[store]
	if a == nil {
		return nil
	}
	for i, e := range l.epochs {
		for _, lane := range laneFolders {
			issued, ok := l.bounds(i, lane, next(lane))
			if !ok {
				continue
			}
			if set := a.sets[lane].Intersect(ranges.Make(issued)); !set.Empty() {
				out = append(out, wire.Stored{Epoch: e.ID, Lane: lane, Ranges: set})
			}
		}
	}
	return out
}

// safe returns the sequences of a lane that every store met so far has.
func (l *ledger) safe(lane telemetry.Lane) ranges.Set {
	var out ranges.Set
	first := true
	for _, a := range l.acked {
		if first {
			out, first = a.sets[lane].Clone(), false
			continue
		}
		out = out.Intersect(a.sets[lane])
	}
	return out
}

// hello tells the epochs with what is kept of each; kept and next are per lane.
func (l *ledger) hello(kept [len(laneFolders)]ranges.Set, next [len(laneFolders)]uint64) []wire.Epoch {
	out := make([]wire.Epoch, 0, len(l.epochs))
	for i, e := range l.epochs {
		w := wire.Epoch{Epoch: e.ID, Parent: e.Parent}
		for _, lane := range laneFolders {
			wl := wire.Lane{Lane: lane, First: e.First[lane], Next: e.First[lane]}
			if issued, ok := l.bounds(i, lane, next[lane]); ok {
				here := ranges.Make(issued)
				wl.Next = issued.To + 1
				wl.Kept = kept[lane].Intersect(here)
				for _, x := range l.lost[lane] {
					if x.Reason == wire.Damaged { // on disk perhaps, but of no use to anybody: see Book.Table
						wl.Kept.Remove(x.Range)
					}
				}
				if lane == telemetry.Archive {
					wl.Held = wl.Kept
				}
				for _, x := range l.lost[lane] {
					for r := range here.Intersect(ranges.Make(x.Range)).All() {
						wl.Lost = append(wl.Lost, wire.Loss{Range: r, Reason: x.Reason, Time: x.Time})
					}
				}
			}
			// An unused lane of a closed epoch says nothing; of the open one it says where the epoch begins.
			if wl.Next > wl.First || i == len(l.epochs)-1 {
				w.Lanes = append(w.Lanes, wl)
			}
		}
		out = append(out, w)
	}
	return out
}

// prune forgets the oldest epochs of which nothing is kept, all but the last few. Only from the front: the
// bounds of an epoch end where its child begins, so that one in the middle would leave its sequences to the one before.
func (l *ledger) prune(kept [len(laneFolders)]ranges.Set) {
	const recent = 16
	for len(l.epochs) > recent {
		for _, lane := range laneFolders {
			if issued, ok := l.bounds(0, lane, 0); ok && !kept[lane].Intersect(ranges.Make(issued)).Empty() {
				return
			}
		}
		for _, lane := range laneFolders {
			first := l.epochs[1].First[lane]
			l.lost[lane] = slices.DeleteFunc(l.lost[lane], func(x wire.Loss) bool { return x.To < first })
		}
		l.epochs = slices.Delete(l.epochs, 0, 1)
	}
}
