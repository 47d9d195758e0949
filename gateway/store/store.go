package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"fieldpost/history"
	"fieldpost/journal"
	"fieldpost/journal/dirlock"
	"fieldpost/journal/durable"
	"fieldpost/telemetry/wire"
)

const (
	segmentSize     = 32 << 20 // four segments fit into the smallest max_size
	checkpointEvery = time.Minute
)

// Store keeps what the nodes sent. Safe for concurrent use.
type Store struct {
	dir       string
	retention RetentionSettings
	log       *slog.Logger
	id        wire.StoreID

	now         func() time.Time
	uptime      func() time.Duration // by a clock that nobody sets
	free        func() (int64, error)
	reserve     int64
	segmentSize int64

	damaged     chan struct{} // holds one token when the journal lost something while it was open
	setbacks    chan struct{} // holds one token when acknowledged records were lost
	full        atomic.Pointer[error]
	quarantined atomic.Uint64
	rolledBack  atomic.Uint64
	dropped     atomic.Uint64

	series *history.Catalogue

	commit       sync.Mutex    // held over every change of what is on disk
	lock         *dirlock.Lock // nil once closed
	calendar     calendar
	checkpointed uint64 // journal position that the last checkpoint covers
	sinceCheck   int64  // bytes appended since

	mu      sync.RWMutex
	disk    *disk // nil while closed
	broken  error // why disk takes no more, until Reopen
	ledger  *ledger
	changed chan struct{}

	generation uint64
}

// Open opens or creates the store in dir, and takes the folder for this process.
func Open(dir string, r RetentionSettings, log *slog.Logger) (*Store, error) {
	s := newStore(dir, r, log)
	if err := s.start(); err != nil {
		return nil, err
	}
	return s, nil
}

func newStore(dir string, r RetentionSettings, log *slog.Logger) *Store {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	began := time.Now()
	return &Store{
		uptime: func() time.Duration { return time.Since(began) },
		dir:    dir, retention: r, log: log, now: time.Now, reserve: reserve, segmentSize: segmentSize,
		free:    func() (int64, error) { return freeSpace(dir) },
		changed: make(chan struct{}), damaged: make(chan struct{}, 1), setbacks: make(chan struct{}, 1),
	}
}

// start opens what newStore describes.
func (s *Store) start() (err error) {
	if err := durable.MkdirAll(s.dir); err != nil {
		return fmt.Errorf("open store: %w; name another folder in data, or give the service's user the right to make this one", err)
	}
	if s.lock, err = dirlock.Take(s.dir); err != nil {
		return fmt.Errorf("open store: %w", err)
	}
	_, drawn := os.Stat(filepath.Join(s.dir, idFile))
	if s.id, err = readID(s.dir); err == nil {
		err = s.Reopen()
	}
	if err == nil && errors.Is(drawn, fs.ErrNotExist) {
		s.log.Info("new store created", "dir", s.dir, "store", s.id.String())
	}
	if err == nil {
		s.calendar, err = s.readCalendar()
	}
	if err != nil {
		return errors.Join(err, s.lock.Release())
	}
	return nil
}

// ID returns the store's id, the same for the life of the folder.
func (s *Store) ID() wire.StoreID { return s.id }

// Generation returns the number drawn when the store was last opened or reopened. It is never 0.
func (s *Store) Generation() uint64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.generation
}

// Reopen closes all files and reads back what is on disk, as a failed commit demands (delivery rule 9): only the disk knows what of it
// came to pass. What nodes have said is kept. The generation is a new one. After an error the store can be reopened again.
func (s *Store) Reopen() error {
	s.commit.Lock()
	defer s.commit.Unlock()
	if s.lock == nil {
		return journal.ErrClosed
	}
	s.mu.Lock()
	old := s.disk
	s.disk = nil
	s.mu.Unlock()
	if old != nil {
		if err := old.close(); err != nil {
			s.log.Warn("store closed with an error before it is opened again", "err", err)
		}
	}
	d, g, err := s.openDisk(old == nil)
	if err != nil {
		err = fmt.Errorf("open store %s: %w", s.dir, err)
		s.mu.Lock()
		s.broken = err
		s.mu.Unlock()
		return err
	}
	s.mu.Lock()
	setback := false
	if s.ledger != nil && s.ledger != g {
		setback = g.lacks(s.ledger)
		g.adopt(s.ledger)
	}
	s.disk, s.ledger, s.broken, s.generation = d, g, nil, drawGeneration()
	s.wake()
	s.mu.Unlock()
	if setback {
		s.log.Error("the store has less than it had: nodes are asked again for what they still keep")
		select {
		case s.setbacks <- struct{}{}:
		default:
		}
	}
	if err := s.save(true); err != nil {
		// A full disk, most likely, which is no reason not to answer queries.
		s.log.Warn("no checkpoint could be written; it is tried again within a minute", "err", err)
	}
	return nil
}

// Setbacks gives one token after the store was opened again and lacked what it had before. The nodes were told that they may forget that: they
// have to say hello again, soon, to learn better.
func (s *Store) Setbacks() <-chan struct{} { return s.setbacks }

// wake tells those who wait on Changed. s.mu must be held.
func (s *Store) wake() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// Run writes checkpoints, applies retention and makes blocks until ctx ends.
func (s *Store) Run(ctx context.Context) error {
	if s.retention.BySeries {
		var making sync.WaitGroup
		defer making.Wait()
		making.Go(func() { s.makeBlocks(ctx) })
	}
	tick := time.NewTicker(checkpointEvery)
	defer tick.Stop()
	ailing := false
	for {
		var err error
		select {
		case <-ctx.Done():
			return nil
		case <-s.damaged:
			// What was lost is to be asked for again, under another generation.
			err = s.Reopen()
		case <-tick.C:
			if err = s.Checkpoint(); err == nil {
				err = s.Retain()
			}
		}
		if err != nil && !ailing {
			s.log.Error("upkeep of the store is failing; it is tried again every minute", "err", err)
		}
		if err == nil && ailing {
			s.log.Info("upkeep of the store works again")
		}
		ailing = err != nil
	}
}

// Health returns nil, or what keeps the store from taking in more.
func (s *Store) Health() error {
	if e := s.full.Load(); e != nil {
		return *e
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.broken != nil {
		return s.broken
	}
	if s.disk == nil {
		return fmt.Errorf("store %s: %w", s.dir, journal.ErrClosed)
	}
	return nil
}

// Close writes a checkpoint and closes all files.
func (s *Store) Close() error {
	s.commit.Lock()
	defer s.commit.Unlock()
	if s.disk == nil && s.lock == nil {
		return nil
	}
	var errs []error
	if s.disk != nil {
		errs = append(errs, s.save(true), s.disk.close())
	}
	s.mu.Lock()
	s.disk = nil
	s.wake()
	s.mu.Unlock()
	if s.lock != nil {
		errs = append(errs, s.lock.Release())
		s.lock = nil
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("close store %s: %w", filepath.Clean(s.dir), err)
	}
	return nil
}
