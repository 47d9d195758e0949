package lane

import (
	"errors"
	"fmt"

	"fieldpost/journal"
	"fieldpost/telemetry"
	"fieldpost/telemetry/ranges"
	"fieldpost/telemetry/wire"
)

// reach is how far a lane is known to go. What lies between its ends was issued, and so is on the disk or written down as lost; else
// a file is gone, of which nobody else would tell.
type reach struct {
	Dropped uint64 `json:"dropped"` // sequences below left, to make room or for their age
	Next    uint64 `json:"next"`    // one past the last committed, when this was written
}

// errGone is the cause of a damage that left no file behind.
var errGone = errors.New("segments are gone, or were put back to an older state")

// explain makes a damage of every sequence that was issued and that nobody accounts for: not the disk, not what was written down as
// lost, not found, which is the damage that opening the journals found. Sequences go on after what is known to have been issued.
func (b *Book) explain(found *[len(laneFolders)][]journal.Damage) error {
	known, err := b.loadReach()
	if err != nil {
		return err
	}
	for _, w := range b.writers {
		j, next := w.snapshot()
		if last := b.reach[w.lane].Next; next < last {
			if err := j.SkipTo(last); err != nil {
				return fmt.Errorf("go on in the %s lane at sequence %d: %w", w.lane, last, err)
			}
			w.next, next = last, last
		}
		kept := j.Kept()
		from := b.reach[w.lane].Dropped
		if !known {
			// Nobody knows how much had left by then.
			first := kept.Ranges()
			if len(first) == 0 {
				continue
			}
			from = first[0].From
		}
		if from = max(from, 1); from >= next { // sequences begin at 1
			continue
		}
		gone := ranges.Make(ranges.Range{From: from, To: next - 1}).Minus(kept)
		for _, x := range b.ledger.lost[w.lane] {
			gone.Remove(x.Range)
		}
		for _, d := range found[w.lane] {
			gone.RemoveAll(d.Lost)
		}
		if gone.Empty() {
			continue
		}
		if n := len(found[w.lane]); n > 0 { // a file of which not even that could be told
			found[w.lane][n-1].Lost.AddAll(gone)
			continue
		}
		found[w.lane] = append(found[w.lane], journal.Damage{Lost: gone, Cause: errGone})
	}
	return nil
}

// loadReach reads what state.db knows of it; known is false if that is nothing.
func (b *Book) loadReach() (known bool, err error) {
	raw, err := b.state.Get(keyReach)
	if err != nil || raw == nil {
		return false, err
	}
	return true, b.get(keyReach, &b.reach)
}

// reached returns how far the lanes go now. The caller holds mu.
func (b *Book) reached() [len(laneFolders)]reach {
	for _, w := range b.writers {
		if j, next := w.snapshot(); j != nil {
			b.reach[w.lane].Next = max(b.reach[w.lane].Next, next)
		}
	}
	return b.reach
}

// left writes down, before it is unlinked, that a segment leaves and what is lost with it (delivery rule 15).
func (b *Book) left(l telemetry.Lane, seg journal.Segment, reason wire.Reason, at telemetry.Time, unsent ranges.Set) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ledger.lose(l, reason, at, unsent)
	b.reach[l].Dropped = max(b.reach[l].Dropped, seg.Next)
	return b.save()
}
