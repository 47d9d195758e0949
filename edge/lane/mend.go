package lane

import (
	"context"
	"errors"
	"fmt"
	"syscall"

	"fieldpost/telemetry"
	"fieldpost/telemetry/ranges"
)

// fail notes that a lane cannot be written and says so once.
func (b *Book) fail(w *writer, err error) {
	b.mu.Lock()
	known := b.trouble != nil
	b.trouble = err
	b.mu.Unlock()
	if !known {
		b.log.Error("the disk cannot be written; readings wait in memory, the oldest go when it is full", "lane", w.lane.String(), "err", err)
	}
}

// recovered notes that a lane was written and, after a failure, tells what found neither disk nor memory meanwhile: it has no number, so
// that nobody could miss it otherwise.
func (b *Book) recovered() {
	b.mu.Lock()
	was := b.trouble
	b.trouble = nil
	var dropped uint64
	if was != nil {
		for _, w := range b.writers {
			w.mu.Lock()
			dropped += w.dropped
			w.mu.Unlock()
		}
		dropped, b.told = dropped-b.told, dropped
	}
	b.mu.Unlock()
	if was == nil {
		return
	}
	b.log.Info("the disk can be written again", "count", dropped)
	if dropped == 0 {
		return
	}
	now, regime := b.clock.Now()
	e := telemetry.Event{
		Device: NodeDevice, Pattern: "readings_dropped", State: telemetry.Raised, Severity: telemetry.Critical, Time: now,
		Message: fmt.Sprintf("%d readings found no room in memory while the disk could not be written: %v", dropped, was),
	}
	// Not here: this may be the alarm lane's own goroutine.
	b.background.Go(func() {
		if err := b.AddEvent(context.Background(), regime, e); err != nil {
			b.log.Warn("report dropped readings", "err", err)
		}
	})
}

// mend opens a lane anew after a failed commit, under a new epoch (delivery rule 2): nobody can say which of the failed commit is on the disk.
func (b *Book) mend(w *writer) error {
	b.epochMu.Lock()
	defer b.epochMu.Unlock()
	old, durable := w.snapshot()
	if !w.unmended {
		w.unmended, w.durable = true, durable
	}
	if old != nil {
		w.leave()
		if err := old.Close(); err != nil {
			b.log.Warn("close the failed journal", "lane", w.lane.String(), "err", err)
		}
	}
	damages, err := w.open(b.o.Node, b.front, b.onDamage(w.lane), b.historyOptions())
	if err != nil {
		return err
	}
	for _, d := range damages {
		b.onDamage(w.lane)(d) // not here: its event may have to wait for a commit
	}
	if err := b.reconcile(w); err != nil {
		return err
	}
	if !b.unused() {
		if err := b.drawEpoch(); err != nil {
			return err
		}
	}
	w.unmended = false
	b.log.Info("journal opened again", "lane", w.lane.String(), "epoch", b.epoch().String())
	return nil
}

// full reports whether a disk said that it has no room.
func full(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }

// reconcile deals with what of a failed commit did reach the disk: it has its identity and must not be written a second time,
// and later epochs begin after it.
func (b *Book) reconcile(w *writer) error {
	j, now := w.snapshot()
	if now <= w.durable {
		return nil
	}
	kept := j.Kept().Intersect(ranges.Make(ranges.Range{From: w.durable, To: now - 1}))
	if kept.Empty() { // numbers used up, and nothing behind them: what they stood for is still in memory
		w.durable = now
		return nil
	}
	h, err := b.head(j, w.durable)
	if err != nil {
		return fmt.Errorf("read what the failed commit left in the %s lane: %w", w.lane, err)
	}
	w.landed(w.durable, kept) // where only a part could be saved, the rest is still in memory, and gets other numbers
	w.durable = now
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ledger.beginAfter(w.lane, h.Epoch, now)
	return nil
}

// unused reports whether nothing was issued under the open epoch. Then it can stay: it is this process's own, and nobody was
// ever sent a record of it. So a disk that fails for a day costs no more epochs than one that fails for a second.
func (b *Book) unused() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.ledger.epochs[len(b.ledger.epochs)-1]
	for _, w := range b.writers {
		if _, next := w.snapshot(); next != e.First[w.lane] {
			return false
		}
	}
	return true
}
