package journal

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"fieldpost/journal/dirlock"
	"fieldpost/journal/durable"
	"fieldpost/journal/front"
	"fieldpost/telemetry/ranges"
)

// DefaultSegmentSize is used for Options.SegmentSize 0. A salvage reads one segment, a Drop gives one back, and 32-bit machines
// map one: small is better, as long as a segment's own 50 KB or so are small beside it.
const DefaultSegmentSize = 8 << 20

// Options of a journal. The zero value of each field but Binding means its default.
type Options struct {
	Binding     string // whose journal it is (a node id, a store id); another one at Open is ErrBinding
	SegmentSize int64  // bytes at which the open segment is sealed and the next begun; default 8 MiB
	Log         *slog.Logger
	OnDamage    func(Damage) // told of damage found after Open, from the goroutine that met it; it must not call the journal

	// Front takes small commits before they go to the segments many at a time; nil: each is one of bbolt's. It is opened before
	// the journal and closed after it.
	Front *front.Front
	Name  string // the journal's in Front; not empty where there is one
}

// Entry is an opaque frame with its small key. It takes the positions Pos … Pos+Count-1.
type Entry struct {
	Pos   uint64
	Count uint32 // items in it, at least 1
	Mark  uint64 // opaque to the journal, kept with the entry (a gateway keeps its commit time here)
	Data  []byte
	Blobs []Blob // what Data refers to; kept once per segment
}

// Blob is content that several entries of a segment refer to by key. Equal keys mean equal content.
type Blob struct {
	Key  uint64
	Data []byte
}

// Segment is one file of a journal.
type Segment struct {
	First, Next uint64 // positions; Next is one past the last
	Size        int64  // bytes on disk
	Sealed      bool
	Path        string
}

// Damage tells of a segment that was set aside and what became of it.
type Damage struct {
	Path     string     // where the damaged file is now; "" if it was gone
	Salvaged ranges.Set // positions saved
	Lost     ranges.Set // positions that were issued and could not be saved, as far as known
	Cause    error
}

// Journal is an append-only log of entries in segments. Safe for concurrent use.
type Journal struct {
	dir  string
	o    Options
	log  *slog.Logger
	lock *dirlock.Lock

	// mending is held while a sealed segment's file is replaced or unlinked. Lock order: mending, mu.
	mending sync.Mutex

	mu       sync.Mutex
	work     sync.Cond // something for the writer
	segments []*segment
	kept     ranges.Set // of all segments, durable
	next     uint64     // next position to be assigned
	durable  uint64     // positions below are on disk or will never be
	queue    []*request
	changed  chan struct{}
	damages  []Damage
	written  uint64
	commits  uint64
	failed   error // set once: no more appends
	closed   bool
	stopped  chan struct{} // closed when the writer has ended

	member *front.Member // nil: without a front
	ahead  ahead         // what is in front
	joined [][]byte      // what was handed over at opening, until it is in the segment

	w writer // the writer goroutine's own
}

// segment is one file. All fields but first and path change under Journal.mu; a kept set is replaced, never changed, once sealed.
type segment struct {
	first    uint64
	path     string
	kept     ranges.Set
	size     int64
	salvaged bool
	version  int       // counts replacements of the file
	db       *database // nil once sealed
}

func (s *segment) next() uint64 {
	if last, any := s.kept.Max(); any {
		return last + 1
	}
	return s.first
}

// Open opens or creates the journal in dir, setting damaged segments aside. It fails only where nothing can be written or dir belongs to another binding
// (or to a running process: ErrHeld). A new journal's first position is 1.
func Open(dir string, o Options) (*Journal, []Damage, error) {
	if o.SegmentSize <= 0 {
		o.SegmentSize = DefaultSegmentSize
	}
	j := &Journal{dir: dir, o: o, log: o.Log, changed: make(chan struct{}), stopped: make(chan struct{})}
	if j.log == nil {
		j.log = slog.New(slog.DiscardHandler)
	}
	j.work.L = &j.mu
	if err := durable.MkdirAll(dir); err != nil {
		return nil, nil, fmt.Errorf("create journal: %w", err)
	}
	var err error
	if j.lock, err = dirlock.TakeFile(filepath.Join(dir, "lock")); err != nil {
		return nil, nil, fmt.Errorf("open journal: %w", err)
	}
	damages, err := j.load()
	if err != nil {
		j.leave()
		err = fmt.Errorf("open journal %s: %w", dir, err)
		if j.w.db != nil { // or its lock stays, and no later opening gets it
			err = errors.Join(err, j.w.db.close())
		}
		return nil, nil, errors.Join(err, j.lock.Release())
	}
	go j.write()
	return j, damages, nil
}

func bindingError(path, has, wanted string) error {
	return fmt.Errorf("%w: %s is of %q, not of %q: correct the name in the config, or move the folder away to begin anew", ErrBinding, path, has, wanted)
}

// Append stores entries as one commit and returns when they are durable; concurrent calls share a commit. It
// assigns positions: the first entry gets Next(), each further one follows; Pos is set in entries. After an error the journal accepts
// no more: close it and open it again. (A refused argument is an error too, and changes nothing.)
func (j *Journal) Append(entries ...Entry) error {
	if len(entries) == 0 {
		return nil
	}
	size, total := 0, uint64(0)
	for i := range entries {
		if err := entries[i].check(); err != nil {
			return fmt.Errorf("append entry %d of %d: %w", i+1, len(entries), err)
		}
		size += len(entries[i].Data)
		total += uint64(entries[i].Count)
	}
	return j.submit(&request{entries: entries, size: size}, func() error {
		if total > math.MaxUint64-1-j.next {
			return fmt.Errorf("append %d positions at %d: no more positions", total, j.next)
		}
		for i := range entries {
			entries[i].Pos = j.next
			j.next += uint64(entries[i].Count)
		}
		return nil
	})
}

func (e *Entry) check() error {
	if e.Count == 0 {
		return errors.New("count is 0")
	}
	if len(e.Data) > maxData {
		return fmt.Errorf("%d bytes are more than %d", len(e.Data), maxData)
	}
	for _, b := range e.Blobs {
		if len(b.Data) > maxData {
			return fmt.Errorf("blob of %d bytes is more than %d", len(b.Data), maxData)
		}
	}
	return nil
}

// Next returns the position that the next entry will get (one past all appended, also those not yet durable).
func (j *Journal) Next() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.next
}

// SkipTo makes the next position at least pos, leaving a hole, and returns when that is durable.
func (j *Journal) SkipTo(pos uint64) error {
	return j.submit(&request{skip: pos}, func() error {
		if pos == math.MaxUint64 {
			return fmt.Errorf("skip to position %d: no more positions", pos)
		}
		j.next = max(j.next, pos)
		return nil
	})
}

// Rotate seals the open segment and begins another, if it holds anything.
func (j *Journal) Rotate() error {
	return j.submit(&request{rotate: true}, func() error { return nil })
}

// Kept returns the positions on disk.
func (j *Journal) Kept() ranges.Set {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.kept.Clone()
}

// Segments lists the segments, oldest first; the last one is open.
func (j *Journal) Segments() []Segment {
	j.mu.Lock()
	defer j.mu.Unlock()
	out := make([]Segment, len(j.segments))
	for i, s := range j.segments {
		out[i] = Segment{First: s.first, Next: s.next(), Size: s.size, Sealed: s.db == nil, Path: s.path}
	}
	return out
}

// Drop unlinks the sealed segment that begins at first, with what others keep beside it under its name. Record the intent elsewhere before.
func (j *Journal) Drop(first uint64) error {
	j.mending.Lock()
	defer j.mending.Unlock()
	j.mu.Lock()
	i := slices.IndexFunc(j.segments, func(s *segment) bool { return s.first == first })
	var s *segment
	var err error
	switch {
	case j.closed:
		err = ErrClosed
	case i < 0:
		err = ErrNotFound
	case j.segments[i].db != nil:
		err = errors.New("it is open for append; rotate first")
	default:
		s = j.segments[i]
	}
	j.mu.Unlock()
	if err != nil {
		return fmt.Errorf("drop segment %d: %w", first, err)
	}
	// The siblings first: once the segment is gone, nobody would look for them again.
	if err = removeSiblings(s.path); err == nil {
		if err = os.Remove(s.path); errors.Is(err, os.ErrNotExist) {
			err = nil
		}
	}
	if err != nil {
		return fmt.Errorf("drop segment %d: %w", first, err)
	}
	// Meanwhile the writer may have added one at the end, but nobody removed any: that needs mending.
	j.mu.Lock()
	j.segments = slices.Delete(j.segments, i, i+1)
	j.kept.RemoveAll(s.kept)
	j.notify()
	j.mu.Unlock()
	if err := durable.Sync(j.dir); err != nil {
		return fmt.Errorf("drop segment %d: %w", first, err)
	}
	return nil
}

// Changed returns a channel that is closed at the next commit, rotation or drop. Take it before looking.
func (j *Journal) Changed() <-chan struct{} {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.changed
}

// notify wakes those who wait for a change. j.mu is held.
func (j *Journal) notify() {
	close(j.changed)
	j.changed = make(chan struct{})
}

// Size returns the bytes on disk of all segments.
func (j *Journal) Size() int64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	var n int64
	for _, s := range j.segments {
		n += s.size
	}
	return n
}

// Written returns the bytes of data appended since Open and the number of commits.
func (j *Journal) Written() (bytes, commits uint64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.written, j.commits
}

// Damages returns the damage found since Open, oldest first. What Open found is not among it.
func (j *Journal) Damages() []Damage {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.damages)
}

// Close waits for appends under way and closes all files. A second Close does nothing.
func (j *Journal) Close() error {
	j.mu.Lock()
	again := j.closed
	j.closed = true
	j.work.Broadcast()
	j.mu.Unlock()
	<-j.stopped
	if again {
		return nil
	}
	j.mending.Lock()
	defer j.mending.Unlock()
	j.mu.Lock()
	db := j.segments[len(j.segments)-1].db
	j.notify()
	j.mu.Unlock()
	var err error
	if !j.w.spoilt {
		err = j.fold() // the writer has ended: its own are ours
	}
	if err != nil {
		j.log.Warn("what is in the front file is left there until the next opening", "err", err)
		err = nil
	}
	j.leave()
	if db != nil {
		err = db.close() // waits for readers
	}
	if err = errors.Join(err, j.lock.Release()); err != nil {
		return fmt.Errorf("close journal %s: %w", j.dir, err)
	}
	return nil
}
