package lane

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"fieldpost/journal"
	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
	"fieldpost/telemetry/ranges"
	"fieldpost/telemetry/wire"
)

// Keys of state.db.
const (
	keyEpochs   = "epochs"
	keyBoots    = "boots"
	keyLost     = "losses"
	keyReach    = "reach"
	keyAcked    = "acked/"   // + store id
	keyStore    = "store/"   // + link: the store it met first
	keyRaised   = "raised"   // events raised and not cleared: standing
	keyPatterns = "patterns" // fingerprint by device/pattern
)

// load reads what state.db knows.
func (b *Book) load() error {
	var lost savedLosses
	for key, into := range map[string]any{keyEpochs: &b.ledger.epochs, keyBoots: &b.boots, keyLost: &lost} {
		if err := b.get(key, into); err != nil {
			return err
		}
	}
	b.ledger.loadLost(lost)
	return b.state.Each(keyAcked, func(key string, value []byte) error {
		var lists [len(laneFolders)][]ranges.Range
		var id wire.StoreID
		if n, err := hex.Decode(id[:], []byte(strings.TrimPrefix(key, keyAcked))); err != nil || n != len(id) {
			return nil // not ours: a later version's
		}
		if err := json.Unmarshal(value, &lists); err != nil {
			return fmt.Errorf("read %s of the state file: %w", key, err)
		}
		a := &acked{}
		for i, l := range lists {
			a.sets[i] = ranges.Make(l...)
		}
		b.ledger.acked[id] = a
		return nil
	})
}

func (b *Book) get(key string, into any) error {
	raw, err := b.state.Get(key)
	if err != nil || raw == nil {
		return err
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("read %s of the state file: %w", key, err)
	}
	return nil
}

// save writes epochs, boots, losses, how far the lanes go, and the clock's floor, so that a boot has its place from its start on. The caller holds mu.
func (b *Book) save() error {
	return errors.Join(b.floor.Write(b.clock.Floor()),
		b.put(map[string]any{keyEpochs: b.ledger.epochs, keyBoots: b.boots, keyLost: b.ledger.saveLost(), keyReach: b.reached()}))
}

func (b *Book) put(values map[string]any) error {
	raw := make(map[string][]byte, len(values))
	for key, v := range values {
		j, err := json.Marshal(v)
		if err != nil {
			return fmt.Errorf("write %s of the state file: %w", key, err)
		}
		raw[key] = j
	}
	return b.state.Update(raw)
}

// saveLazily writes what a restart can do without: the acknowledged ranges, which the next welcome tells again, and the catalogue of
// series, which the frames tell. The caller holds mu.
func (b *Book) saveLazily() error {
	puts := map[string][]byte{}
	undo, err := b.past.Save(puts)
	if err != nil {
		return err
	}
	if b.dirty {
		for id, a := range b.ledger.acked {
			var lists [len(laneFolders)][]ranges.Range
			for i, s := range a.sets {
				lists[i] = s.Ranges()
			}
			raw, err := json.Marshal(lists)
			if err != nil {
				return fmt.Errorf("write the acknowledged ranges: %w", err)
			}
			puts[keyAcked+id.String()] = raw
		}
	}
	if len(puts) > 0 { // not worth a commit of its own
		raw, err := json.Marshal(b.reached())
		if err != nil {
			return fmt.Errorf("write how far the lanes go: %w", err)
		}
		puts[keyReach] = raw
	}
	if err := b.state.Update(puts); err != nil {
		undo()
		return err
	}
	b.dirty = false
	return nil
}

// boot returns the boot of the given id, as known or as the next one, and sees to it that the boot table has it.
func (b *Book) boot(id uint64) telemetry.Boot {
	const most = 256 // boots remembered; those of frames that left long ago go
	var ordinal uint32
	for _, x := range b.boots {
		if x.ID == id {
			return x.Boot
		}
		ordinal = max(ordinal, x.Ordinal)
	}
	boot := telemetry.Boot{Ordinal: ordinal + 1, ID: id}
	b.boots = append(b.boots, wire.Boot{Boot: boot})
	if len(b.boots) > most {
		b.boots = slices.Delete(b.boots, 0, len(b.boots)-most)
	}
	return boot
}

// noteClock writes into the boot table what the clock knows now, if that is better than what stands there. The caller holds mu.
func (b *Book) noteClock() (changed bool) {
	r := b.clock.Regime()
	for i := range b.boots {
		row := &b.boots[i]
		if row.Boot == r.Boot && (r.State > row.Clock || r.State == row.Clock && r.Offset != row.Offset) {
			row.Clock, row.Offset = r.State, r.Offset
			return true
		}
	}
	return false
}

// saveFloor writes the clock's floor down where it has moved (delivery rule 21), and how far this boot has come.
func (b *Book) saveFloor() error { return b.floor.Write(b.clock.Floor()) }

// head reads the header of the frame that holds seq.
func (b *Book) head(j *journal.Journal, seq uint64) (h frame.Header, err error) {
	found := false
	err = j.Heads(seq, frame.MaxSize, func(e journal.Entry) error {
		h, err = frame.ParseHeader(e.Data)
		found = true
		return errors.Join(err, journal.ErrStop)
	})
	if err == nil && !found {
		err = journal.ErrNotFound
	}
	return h, err
}

// Store returns the gateway store that a link met first; zero if none yet.
func (b *Book) Store(link string) (id wire.StoreID, err error) {
	raw, err := b.state.Get(keyStore + link)
	copy(id[:], raw)
	return id, err
}

// Remember writes down the store that a link met first.
func (b *Book) Remember(link string, id wire.StoreID) error {
	return b.state.Update(map[string][]byte{keyStore + link: id[:]})
}
