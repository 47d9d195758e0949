package journal

import (
	"errors"
	"os"

	bolt "go.etcd.io/bbolt"

	"fieldpost/telemetry/ranges"
)

// noBound stands for the first position of the segment after the last.
const noBound = 1<<64 - 1

// repaired is what repair made of a damaged segment.
type repaired struct {
	kept   ranges.Set
	damage Damage
}

// repair sets the damaged segment at path aside and puts in its place a new one of what could be read. sealed: another
// segment follows, at bound. known is what it held, nil if that is not known. opening is used where the file does not tell its own.
func repair(path, binding string, first, bound uint64, known *ranges.Set, opening uint64, cause error) (*repaired, error) {
	s := &salvage{}
	f, err := openRead(path)
	switch {
	case err == nil:
		defer f.Close()
		if s, err = readSalvage(f, first, bound); err != nil {
			return nil, err
		}
	case !isDamage(err) && !errors.Is(err, os.ErrNotExist):
		return nil, err
	}
	if s.facts.bound && s.facts.binding != binding {
		return nil, bindingError(path, s.facts.binding, binding)
	}
	var saved ranges.Set
	temp, err := createTemp(path, s.newFacts(binding, first, opening, bound == noBound), func(d *database) error {
		var err error
		if saved, err = s.writeTo(d, f); err != nil {
			return err
		}
		if bound == noBound {
			return nil
		}
		return d.update(func(tx *bolt.Tx) error {
			return putMeta(tx, cell{key: itemKept}, appendRanges(nil, saved))
		})
	})
	if err != nil {
		return nil, err
	}
	// Before the new file stands: an index of the old one must not be taken for its own.
	if err := removeSiblings(path, temp); err != nil {
		return nil, err
	}
	aside, err := setAside(path)
	if errors.Is(err, os.ErrNotExist) {
		aside, err = "", nil
	}
	if err == nil {
		err = place(temp, path)
	}
	if err != nil {
		return nil, err
	}
	lost := s.lostOf(saved, known, first, bound)
	return &repaired{saved, Damage{Path: aside, Salvaged: saved.Clone(), Lost: lost, Cause: cause}}, nil
}
