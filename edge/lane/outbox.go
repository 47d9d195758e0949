package lane

import (
	"errors"
	"fmt"

	"fieldpost/forwarder"
	"fieldpost/journal"
	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
	"fieldpost/telemetry/ranges"
	"fieldpost/telemetry/wire"
)

// Book is what the forwarder sends from.
var _ forwarder.Outbox = (*Book)(nil)

// Hello tells the epochs and what is kept, held and lost of each, and the boot table.
func (b *Book) Hello() wire.Hello {
	b.mu.Lock()
	defer b.mu.Unlock()
	var next [len(laneFolders)]uint64
	for _, w := range b.writers {
		_, next[w.lane] = w.snapshot()
	}
	kept, _ := b.kept()
	return wire.Hello{Epochs: b.ledger.hello(kept, next), Boots: append([]wire.Boot(nil), b.boots...)}
}

// Frames returns committed frames of a lane from the one that holds seq (or the first after it) on.
func (b *Book) Frames(l telemetry.Lane, seq uint64, maxBytes int) ([]forwarder.Stored, error) {
	j, next := b.writers[l].snapshot()
	if j == nil {
		return nil, fmt.Errorf("read the %s lane: %w: %w", l, errClosed, forwarder.ErrAway)
	}
	entries, err := j.Read(seq, maxBytes)
	if err != nil {
		return nil, fmt.Errorf("read the %s lane from sequence %d on: %w", l, seq, err)
	}
	out := make([]forwarder.Stored, 0, len(entries))
	for _, e := range entries {
		if e.Pos >= next {
			break // on disk, but its append has not returned yet
		}
		h, err := frame.ParseHeader(e.Data)
		if err != nil {
			return out, fmt.Errorf("read the frame at sequence %d of the %s lane: %w", e.Pos, l, err)
		}
		b.seen(h, l, e.Pos)
		out = append(out, forwarder.Stored{Header: h, Data: e.Data})
	}
	return out, nil
}

// seen remembers where the table of a frame can be had.
func (b *Book) seen(h frame.Header, l telemetry.Lane, pos uint64) {
	const most = 4096
	if h.Table == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.places) >= most {
		clear(b.places)
	}
	b.places[h.Table] = place{l, pos}
}

// Table returns the encoded series table that a frame returned by Frames names. Every segment that uses a table has a copy of its own, so
// that where one is damaged another will do. If none is left, the frames that name it cannot be read by anybody: they count as damaged.
func (b *Book) Table(hash uint64) ([]byte, error) {
	if tab, err := b.series.current(); err == nil && tab.hash == hash {
		return tab.encoded, nil
	}
	b.mu.Lock()
	p, ok := b.places[hash]
	b.mu.Unlock()
	if ok {
		if t, err := b.tableAt(p, hash); err == nil {
			return t, nil
		}
	}
	gone := true
	for _, w := range b.writers {
		j, _ := w.snapshot()
		if j == nil {
			gone = false
			continue
		}
		for _, seg := range j.Segments() {
			t, err := b.tableAt(place{w.lane, seg.First}, hash)
			if err == nil {
				return t, nil
			}
			gone = gone && errors.Is(err, journal.ErrNotFound)
		}
	}
	if gone {
		b.tableLost(hash)
	}
	return nil, fmt.Errorf("table %016x: %w", hash, journal.ErrNotFound)
}

func (b *Book) tableAt(p place, hash uint64) ([]byte, error) {
	j, _ := b.writers[p.lane].snapshot()
	if j == nil {
		return nil, errClosed
	}
	return j.Blob(p.pos, hash)
}

// tableLost writes down that the frames that name a table are lost.
func (b *Book) tableLost(hash uint64) {
	now, _ := b.clock.Now()
	for _, w := range b.writers {
		j, _ := w.snapshot()
		if j == nil {
			continue
		}
		var lost ranges.Set
		err := j.Heads(0, frame.MaxSize, func(e journal.Entry) error {
			if h, err := frame.ParseHeader(e.Data); err == nil && h.Table == hash {
				lost.Add(ranges.Of(e.Pos, uint64(e.Count)))
			}
			return nil
		})
		if err != nil || lost.Empty() {
			continue
		}
		b.mu.Lock()
		b.ledger.lose(w.lane, wire.Damaged, now, lost)
		err = b.save()
		b.mu.Unlock()
		b.log.Error("the names of some series are lost with a damaged segment; what was stored under them cannot be read",
			"lane", w.lane.String(), "lost", lost.String(), "err", err)
		b.changed.send()
	}
}

// Changed returns a channel that is closed at the next commit or drop. Take it before looking.
func (b *Book) Changed() <-chan struct{} { return b.changed.wait() }

// Acked notes what a gateway's store has on its disk.
func (b *Book) Acked(said forwarder.Said) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ledger.acknowledge(said, b.next)
	b.dirty = true
}

// Stored is forwarder.Progress.
func (b *Book) Stored(store wire.StoreID) []wire.Stored {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ledger.stored(store, b.next)
}

// next returns the durable end of a lane.
func (b *Book) next(l telemetry.Lane) uint64 {
	_, next := b.writers[l].snapshot()
	return next
}
