package lane

import (
	"fmt"
	"slices"

	"fieldpost/journal"
	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
)

// recoverEpochs makes state.db and the journals agree: epochs of which frames are on disk but which state.db does not know are
// read back from the frames (it was damaged, or is older than they are), and a journal that ends before its last epoch began
// (its end was damaged, or it is older than state.db) goes on where that epoch began, for sequences never run backwards.
func (b *Book) recoverEpochs() error {
	for _, w := range b.writers {
		j, next := w.snapshot()
		last, ok := j.Kept().Max()
		if !ok {
			continue
		}
		h, err := b.head(j, last)
		i := b.ledger.find(h.Epoch)
		if err == nil && i >= 0 && b.ledger.epochs[i].First[w.lane] < next {
			// A commit that failed may have reached the disk after all, and another lane may have begun an epoch since.
			b.ledger.beginAfter(w.lane, h.Epoch, last+1)
			continue
		}
		b.log.Warn("the state file does not know the newest frames; reading all frame headers", "lane", w.lane.String(), "err", err)
		if b.ledger.epochs, err = b.readEpochs(); err != nil {
			return err
		}
		break
	}
	n := len(b.ledger.epochs)
	if n == 0 {
		return nil
	}
	for _, w := range b.writers {
		began := b.ledger.epochs[n-1].First[w.lane]
		j, next := w.snapshot()
		if next >= began {
			continue
		}
		b.log.Warn("the journal ends before its last epoch began; going on from there", "lane", w.lane.String(), "first", began)
		if err := j.SkipTo(began); err != nil {
			return fmt.Errorf("go on in the %s lane at sequence %d: %w", w.lane, began, err)
		}
		w.next = began
	}
	return nil
}

// readEpochs works the epochs out from all frame headers on disk, oldest first.
func (b *Book) readEpochs() ([]epoch, error) {
	type start struct {
		epoch telemetry.Epoch
		pos   uint64
		boot  uint32
	}
	var lists [len(laneFolders)][]start
	for _, w := range b.writers {
		j, _ := w.snapshot()
		err := j.Heads(0, frame.MaxSize, func(e journal.Entry) error {
			h, err := frame.ParseHeader(e.Data)
			if err != nil {
				return nil // its sequences belong to a neighbour's epoch, as good as any
			}
			if n := len(lists[w.lane]); n == 0 || lists[w.lane][n-1].epoch != h.Epoch {
				lists[w.lane] = append(lists[w.lane], start{h.Epoch, e.Pos, h.Boot.Ordinal})
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("read the frame headers of the %s lane: %w", w.lane, err)
		}
	}
	// Each lane has the epochs in order but may lack some: take, again and again, one that no lane has another before.
	var out []epoch
	rest := lists
	for {
		var picked *start
		for _, l := range rest {
			if len(l) == 0 {
				continue
			}
			later := slices.ContainsFunc(rest[:], func(o []start) bool {
				return slices.IndexFunc(o, func(s start) bool { return s.epoch == l[0].epoch }) > 0
			})
			if picked == nil || !later {
				picked = &l[0]
			}
			if !later {
				break
			}
		}
		if picked == nil {
			break
		}
		e := epoch{ID: picked.epoch, Boot: picked.boot}
		if n := len(out); n > 0 {
			e.Parent = out[n-1].ID
		}
		for i, l := range rest {
			e.First[i] = noFirst
			if len(l) > 0 && l[0].epoch == e.ID {
				e.First[i], rest[i] = l[0].pos, l[1:]
			}
		}
		out = append(out, e)
	}
	// An epoch without frames in a lane begins there where the next one does.
	for lane, w := range b.writers {
		_, first := w.snapshot()
		for i := len(out) - 1; i >= 0; i-- {
			if out[i].First[lane] == noFirst {
				out[i].First[lane] = first
			}
			first = out[i].First[lane]
		}
	}
	return out, nil
}

const noFirst = ^uint64(0)
