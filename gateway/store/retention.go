package store

import (
	"errors"
	"fmt"
	"time"

	"fieldpost/journal"
	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
	"fieldpost/telemetry/ranges"
)

// Retain unlinks the oldest sealed segments that max_age or max_size do not keep. What was in them stays stored, for acks and gaps. It never
// passes the checkpoint (delivery rule 16).
func (s *Store) Retain() error {
	s.commit.Lock()
	defer s.commit.Unlock()
	if err := s.usable(); err != nil {
		return err
	}
	maxAge, maxSize := s.retention.MaxAge.Go(), int64(s.retention.MaxSize)
	if maxAge == 0 && maxSize == 0 {
		return nil
	}
	if err := s.sealOld(maxAge); err != nil {
		return err
	}
	for limit := maxSize / blocksShare; limit > 0 && blockSize(s.disk) > limit && s.disk.reader.DropOldestBlock(); {
	}
	size := s.disk.journal.Size() + blockSize(s.disk)
	for _, seg := range s.disk.journal.Segments() {
		if !seg.Sealed || seg.Next > s.checkpointed {
			break
		}
		tooBig := maxSize > 0 && size > maxSize
		if !tooBig {
			tooOld, err := s.olderThan(seg.Next-1, maxAge)
			if err != nil {
				return err
			}
			if !tooOld {
				break
			}
		}
		if err := s.drop(seg); err != nil {
			return fmt.Errorf("drop the oldest segment %s: %w", seg.Path, err)
		}
		size -= seg.Size
	}
	return nil
}

// sealOld seals the open segment once it has been open for a tenth of maxAge, so that a quiet gateway keeps its word to within that.
func (s *Store) sealOld(maxAge time.Duration) error {
	segments := s.disk.journal.Segments()
	if maxAge == 0 || len(segments) == 0 {
		return nil
	}
	open := segments[len(segments)-1]
	if open.Next == open.First {
		return nil
	}
	old, err := s.olderThan(open.First, maxAge/10)
	if err != nil || !old {
		return err
	}
	if err := s.disk.journal.Rotate(); err != nil {
		return fmt.Errorf("seal the open segment: %w", err)
	}
	return s.save(true)
}

// readCalendar begins the calendar at the newest entry.
func (s *Store) readCalendar() (calendar, error) {
	var newest time.Time
	if last, any := s.disk.journal.Kept().Max(); any {
		entries, err := s.disk.journal.Read(last, 1)
		if err != nil {
			return calendar{}, fmt.Errorf("read journal at %d: %w", last, err)
		}
		if len(entries) > 0 {
			newest = telemetry.Time(entries[0].Mark).Go()
		}
	}
	return startCalendar(s.now(), newest, s.uptime()), nil
}

// olderThan reports whether the entry that holds pos was committed longer than age ago. Age 0 is for ever.
func (s *Store) olderThan(pos uint64, age time.Duration) (bool, error) {
	if age == 0 {
		return false, nil
	}
	entries, err := s.disk.journal.Read(pos, 1)
	if err != nil {
		return false, fmt.Errorf("read journal at %d: %w", pos, err)
	}
	if len(entries) == 0 {
		return false, nil
	}
	return telemetry.Time(entries[0].Mark).Go().Before(s.calendar.now(s.now(), s.uptime(), s.log).Add(-age)), nil
}

// drop notes durably what is in seg, then unlinks it.
func (s *Store) drop(seg journal.Segment) error {
	var heads []frame.Header
	var long []uint64
	err := s.disk.journal.Heads(seg.First, frame.HeadSize, func(e journal.Entry) error {
		if e.Pos >= seg.Next {
			return journal.ErrStop
		}
		h, err := frame.ParseHeader(e.Data)
		switch {
		case err == nil:
			heads = append(heads, h)
		case errors.Is(err, frame.ErrShort):
			long = append(long, e.Pos)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, pos := range long {
		entries, err := s.disk.journal.Read(pos, 1)
		if err != nil {
			return err
		}
		if len(entries) == 0 {
			continue
		}
		if h, err := frame.ParseHeader(entries[0].Data); err == nil {
			heads = append(heads, h)
		}
	}
	var records uint64
	s.mu.Lock()
	for _, h := range heads {
		if h.Epoch != 0 && h.Count > 0 && h.Lane.Valid() {
			s.ledger.node(h.Node).drop(h.Epoch, h.Lane, ranges.Range{From: h.First, To: h.Last()})
			records += uint64(h.Count)
		}
	}
	s.mu.Unlock()
	if err := s.save(false); err != nil { // what is dropped is known before it is
		return err
	}
	if err := s.disk.reader.Drop(seg); err != nil {
		return err
	}
	s.mu.Lock()
	s.ledger.kept.Remove(ranges.Range{From: 0, To: seg.Next - 1})
	s.mu.Unlock()
	s.dropped.Add(records)
	s.log.Info("dropped the oldest segment by retention", "file", seg.Path, "count", records, "size", seg.Size)
	return nil
}
