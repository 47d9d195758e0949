package store

import "fmt"

// Checkpoint writes down what has changed since the last one, and the journal position that it covers.
func (s *Store) Checkpoint() error {
	s.commit.Lock()
	defer s.commit.Unlock()
	if err := s.usable(); err != nil {
		return err
	}
	return s.save(false)
}

// save is Checkpoint with s.commit held. whole: the catalogue too, whose bulk is not worth a write every minute.
func (s *Store) save(whole bool) error {
	kept := s.disk.journal.Kept()
	s.mu.Lock()
	// What the journal lost since it was opened stays in the set, so that opening notices.
	s.ledger.kept.AddAll(kept)
	puts, undo, err := s.ledger.save()
	covered := s.ledger.covered
	s.mu.Unlock()
	undoSeries := func() {}
	if err == nil && whole {
		undoSeries, err = s.series.Save(puts)
	}
	if err == nil {
		err = s.disk.state.Update(puts)
	}
	if err != nil {
		s.mu.Lock()
		undo()
		s.mu.Unlock()
		if undoSeries != nil {
			undoSeries()
		}
		return fmt.Errorf("write checkpoint: %w", err)
	}
	s.checkpointed = covered
	if whole {
		s.sinceCheck = 0
	}
	return nil
}
