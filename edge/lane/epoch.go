package lane

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"slices"

	"fieldpost/telemetry"
)

// drawEpoch begins a new epoch at where each lane stands, durably. The caller holds epochMu or is alone.
func (b *Book) drawEpoch() error {
	var bits [8]byte
	rand.Read(bits[:]) // never fails (crypto/rand)
	e := epoch{ID: telemetry.Epoch(binary.BigEndian.Uint64(bits[:]) | 1), Boot: b.clock.Regime().Boot.Ordinal}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, w := range b.writers {
		_, e.First[w.lane] = w.snapshot()
	}
	before := b.ledger.epochs
	if n := len(before); n > 0 {
		e.Parent = before[n-1].ID
		if before[n-1].First == e.First {
			// Nothing of it is here: a process that took no reading, or a card that lost them all. The gateway learns of it as
			// the parent; to list it in every hello from now on would say no more.
			before = before[:n-1]
		}
	}
	after := append(slices.Clone(before), e)
	before, b.ledger.epochs = b.ledger.epochs, after
	if kept, all := b.kept(); all {
		b.ledger.prune(kept)
	}
	if err := b.save(); err != nil {
		b.ledger.epochs = before
		return fmt.Errorf("write down the new epoch: %w", err)
	}
	return nil
}

// epoch returns the open epoch.
func (b *Book) epoch() telemetry.Epoch {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ledger.epochs[len(b.ledger.epochs)-1].ID
}
