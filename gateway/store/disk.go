package store

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"

	"fieldpost/history"
	"fieldpost/journal"
	"fieldpost/journal/front"
	"fieldpost/telemetry/frame"
)

// disk is the open files of a store, and what reads them.
type disk struct {
	journal *journal.Journal
	front   *front.Front
	state   *journal.State
	reader  *history.Reader
	merged  *history.Merged
}

func (d *disk) close() error {
	var errs []error
	if d.journal != nil {
		errs = append(errs, d.journal.Close())
	}
	if d.front != nil {
		errs = append(errs, d.front.Close())
	}
	if d.state != nil {
		errs = append(errs, d.state.Close())
	}
	return errors.Join(errs...)
}

// openDisk opens all files and works out what is stored. first: the catalogue is to be read too. It is called with s.commit held.
func (s *Store) openDisk(first bool) (_ *disk, _ *ledger, err error) {
	d := &disk{}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.close())
		}
	}()
	binding, dir := s.id.String(), filepath.Join(s.dir, "journal")
	var damage []journal.Damage
	if d.front, err = front.Open(s.dir, binding, front.Options{Log: s.log}); err != nil {
		return nil, nil, err
	}
	if d.journal, damage, err = journal.Open(dir, journal.Options{
		Binding: binding, SegmentSize: s.segmentSize, Log: s.log, OnDamage: s.lateDamage, Front: d.front, Name: "journal",
	}); err != nil {
		return nil, nil, err
	}
	if err := settle(d.journal); err != nil {
		return nil, nil, err
	}
	for _, dmg := range damage {
		s.tellDamage(dmg)
	}
	var stateDamage *journal.Damage
	if d.state, stateDamage, err = journal.OpenState(filepath.Join(s.dir, "state.db"), binding); err != nil {
		return nil, nil, err
	}
	if stateDamage != nil {
		s.log.Error("the gateway's state file was damaged and set aside; what is stored is worked out anew from the journal",
			"file", stateDamage.Path, "err", stateDamage.Cause)
	}

	g := newLedger()
	if err := g.load(d.state); err != nil {
		s.log.Error("the gateway's state file cannot be read; what is stored is worked out anew from the journal", "err", err)
		g = newLedger()
	}
	if g.covered > d.journal.Next() {
		// The journal is shorter than it was. Its positions are not given out twice: sinks count by them.
		if err := d.journal.SkipTo(g.covered); err != nil {
			return nil, nil, err
		}
	}
	if gone := g.kept.Minus(d.journal.Kept()); !gone.Empty() {
		s.log.Warn("the journal lost what the checkpoint covers: what is stored is worked out anew from what it holds", "count", gone.Len())
		g.forgetStored()
	}
	if err := s.replay(d.journal, g); err != nil {
		return nil, nil, err
	}

	if first {
		s.series = history.NewCatalogue()
		if err := s.series.Load(d.state); err != nil {
			s.log.Warn("the catalogue of series cannot be read; it is worked out anew from the journal", "err", err)
		}
	}
	if len(damage) > 0 {
		s.series.Forget(readerID, 1<<64-1)
	}
	// The reader asks s.clock, which asks the ledger.
	s.mu.Lock()
	if s.ledger == nil {
		s.ledger = g
	}
	s.mu.Unlock()
	if d.reader, err = history.Open(history.Options{
		ID: readerID, Dir: dir, Journal: d.journal, Catalogue: s.series, Clock: s.clock, Marked: true, Blocks: s.retention.BySeries, Log: s.log,
	}); err != nil {
		return nil, nil, err
	}
	d.merged = history.Merge(s.series, d.reader)
	return d, g, nil
}

// settle makes durable whatever was found in the journal, before anything of it is acknowledged. After a sync that failed, the kernel may
// show a commit that is not on disk, and never write it: the page counts as clean. In a segment only the meta page of its last commit can be
// such a one, because a commit's other pages are synced before it; one more commit writes the other meta page, which needs that one no more.
// (SkipTo to where the journal is anyway is an empty commit.) The journal's own at opening may have found no room, which does not do here.
func settle(j *journal.Journal) error { return j.SkipTo(j.Next()) }

func (s *Store) tellDamage(d journal.Damage) {
	s.log.Error("a segment of the gateway's journal was damaged and set aside; what could not be saved is asked for again",
		"file", d.Path, "saved", d.Salvaged.Len(), "lost", d.Lost.Len(), "err", d.Cause)
}

// lateDamage is told of damage that was found while the journal was open. Run deals with it.
func (s *Store) lateDamage(d journal.Damage) {
	s.tellDamage(d)
	select {
	case s.damaged <- struct{}{}:
	default:
	}
}

// readerID names the one reader to the catalogue.
const readerID = 0

// replay completes g by the headers of what came after its checkpoint.
func (s *Store) replay(j *journal.Journal, g *ledger) error {
	var long []uint64
	take := func(pos uint64, b []byte) {
		h, err := frame.ParseHeader(b)
		switch {
		case errors.Is(err, frame.ErrShort) && len(b) == frame.HeadSize:
			long = append(long, pos)
		case err != nil:
			s.log.Warn("header of a stored frame cannot be read; its records are asked for again", "pos", pos, "err", err)
		default:
			if e := g.receive(h); e != nil {
				s.alarmRollback(h.Node, e)
			}
		}
	}
	err := j.Heads(g.covered, frame.HeadSize, func(e journal.Entry) error {
		take(e.Pos, e.Data)
		g.covered = e.Pos + uint64(e.Count)
		return nil
	})
	if err != nil {
		return fmt.Errorf("read headers from %s on: %w", strconv.FormatUint(g.covered, 10), err)
	}
	whole := long
	long = nil
	for _, pos := range whole {
		entries, err := j.Read(pos, 1)
		if err != nil {
			return fmt.Errorf("read frame at %d: %w", pos, err)
		}
		if len(entries) > 0 && entries[0].Pos == pos {
			take(pos, entries[0].Data)
		}
	}
	return nil
}
