package journal

import (
	"log/slog"

	"fieldpost/telemetry/ranges"
)

// SKELETON: signatures are fixed (fields and methods may be added), bodies to be written.

// Options of a journal. The zero value of each field but Binding means its default.
type Options struct {
	Binding     string // whose journal it is (a node id, a store id); another one at Open is ErrBinding
	SegmentSize int64  // bytes at which the open segment is sealed and the next begun; default 8 MiB
	Log         *slog.Logger
}

// Entry is an opaque frame with its small key. It takes the positions Pos … Pos+Count-1.
type Entry struct {
	Pos   uint64
	Count uint32 // items in it, at least 1
	Mark  uint64 // opaque to the journal, kept with the entry (a gateway keeps its commit time here)
	Data  []byte
	Blobs []Blob // what Data refers to; kept once per segment
}

// Blob is content that several entries of a segment refer to by key.
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
	Path     string     // where the damaged file is now
	Salvaged ranges.Set // positions saved
	Lost     ranges.Set // positions that were issued and could not be saved, as far as known
	Cause    error
}

// Journal is an append-only log of entries in segments. Safe for concurrent use.
type Journal struct{}

// Open opens or creates the journal in dir, setting damaged segments aside. It fails only where nothing can be written or dir belongs to another binding.
func Open(dir string, o Options) (*Journal, []Damage, error) { panic("skeleton") }

// Append stores entries as one commit and returns when they are durable; concurrent calls share a commit. It
// assigns positions: the first entry gets Next(), each further one follows; Pos is set in entries. After an error the journal accepts
// no more: close it and open it again.
func (j *Journal) Append(entries ...Entry) error { panic("skeleton") }

// Next returns the position that the next entry will get (one past all appended, also those not yet durable).
func (j *Journal) Next() uint64 { panic("skeleton") }

// SkipTo makes the next position at least pos, leaving a hole.
func (j *Journal) SkipTo(pos uint64) error { panic("skeleton") }

// Kept returns the positions on disk.
func (j *Journal) Kept() ranges.Set { panic("skeleton") }

// Read returns copies of the entries from the one that holds pos (or the first after it) on, in order, up to about maxBytes of data but
// at least one if there is any. Only durable entries are seen. Blobs are not filled in. An empty result: nothing there yet.
func (j *Journal) Read(pos uint64, maxBytes int) ([]Entry, error) { panic("skeleton") }

// Heads calls f for each entry from pos on with Data cut to at most n bytes, in order, until f returns an error (returned as is; ErrStop ends quietly).
// Data is valid during the call only; f must not call the journal.
func (j *Journal) Heads(pos uint64, n int, f func(Entry) error) error { panic("skeleton") }

// Blob returns a copy of the blob that the entry at pos refers to by key, or ErrNotFound.
func (j *Journal) Blob(pos, key uint64) ([]byte, error) { panic("skeleton") }

// Segments lists the segments, oldest first; the last one is open.
func (j *Journal) Segments() []Segment { panic("skeleton") }

// Rotate seals the open segment and begins another, if it holds anything.
func (j *Journal) Rotate() error { panic("skeleton") }

// Drop unlinks the sealed segment that begins at first. Record the intent elsewhere before.
func (j *Journal) Drop(first uint64) error { panic("skeleton") }

// Changed returns a channel that is closed at the next commit, rotation or drop. Take it before looking.
func (j *Journal) Changed() <-chan struct{} { panic("skeleton") }

// Size returns the bytes on disk of all segments.
func (j *Journal) Size() int64 { panic("skeleton") }

// Written returns the bytes of data appended since Open and the number of commits.
func (j *Journal) Written() (bytes, commits uint64) { panic("skeleton") }

// Close waits for appends under way and closes all files.
func (j *Journal) Close() error { panic("skeleton") }
