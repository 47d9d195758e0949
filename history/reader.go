package history

import (
	"cmp"
	"fmt"
	"log/slog"
	"sync"

	"fieldpost/history/blocks"
	"fieldpost/history/recent"
	"fieldpost/journal"
	"fieldpost/journal/index"
	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
	"fieldpost/telemetry/ranges"
)

// Options of a Reader. Clock and Log may be left out.
type Options struct {
	ID        uint8  // tells the readers of one catalogue apart: the lane on an edge, 0 on a gateway
	Dir       string // the journal's, where its index lies
	Journal   *journal.Journal
	Catalogue *Catalogue
	Clock     Clock // nil: frames are taken at their word
	Marked    bool  // an entry's Mark is its commit time in Unix nanoseconds
	Blocks    bool  // keep the readings by series too; see Transpose
	Stretch   int64 // bytes of the open segment of which blocks are made together; default 8 MiB
	Log       *slog.Logger
}

// Reader reads one journal of frames. Safe for concurrent use. It holds no files open.
type Reader struct {
	id      uint8
	journal *journal.Journal
	index   *index.Index
	blocks  *blocks.Set // nil: none are kept
	stretch int64
	looked  uint64 // where the journal ended when Transpose was last called
	series  *Catalogue
	clock   Clock
	marked  bool
	tables  *recent.Cache[uint64, *Table]
	log     *slog.Logger

	mu       sync.Mutex // one change of the index at a time
	unsealed uint64     // segments from here on are not in side files yet
	added    int        // bytes of entries since seal was last tried
}

// Open opens the index of a journal, completes it and the catalogue by what the journal holds beyond them, and returns the Reader.
// What it reads is what was written since the last segment was sealed, unless files are missing.
func Open(o Options) (*Reader, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	r := &Reader{
		id: o.ID, journal: o.Journal, series: o.Catalogue, clock: o.Clock, marked: o.Marked, tables: newTables(), log: o.Log,
	}
	r.looked = r.journal.Next()
	r.stretch = cmp.Or(o.Stretch, stretchBytes)
	var missing []journal.Segment
	var err error
	if r.index, missing, err = index.Open(o.Dir, o.Journal.Segments(), o.Log); err != nil {
		return nil, err
	}
	for _, seg := range missing {
		if err := r.post(seg); err != nil {
			return nil, err
		}
	}
	r.unsealed = r.journal.Next()
	if n := len(missing); n > 0 {
		r.unsealed = missing[n-1].First // the open one
	}
	if o.Blocks {
		if r.blocks, err = blocks.Open(o.Dir, r.holds, o.Log); err != nil {
			return nil, err
		}
	}
	return r, r.catalogue()
}

// entry is an entry of the journal with its header.
type entry struct {
	journal.Entry
	header frame.Header
}

func look(in journal.Entry) (entry, error) {
	h, err := frame.ParseHeader(in.Data)
	return entry{in, h}, err
}

const (
	readBytes   = 256 << 10 // how much of the journal is read at a time
	recordBytes = 16        // what a record takes on disk, generously
)

// each calls f for every entry that lies among the positions at. What cannot be read any more is left out: a damaged frame costs what is in it.
func (r *Reader) each(at ranges.Range, f func(entry)) error {
	for pos := at.From; pos <= at.To; {
		// A posting of a few records is not worth a long read.
		budget := int(min(at.To-pos, readBytes/recordBytes-1)+1) * recordBytes
		entries, err := r.journal.Read(pos, budget)
		if err != nil {
			return fmt.Errorf("read journal at %d: %w", pos, err)
		}
		if len(entries) == 0 {
			return nil
		}
		for _, in := range entries {
			if in.Pos > at.To {
				return nil
			}
			pos = in.Pos + uint64(in.Count)
			if in.Pos < at.From {
				continue // belongs to who asks for its beginning
			}
			e, err := look(in)
			if err != nil {
				r.unreadable(in.Pos, err)
				continue
			}
			f(e)
		}
	}
	return nil
}

func (r *Reader) unreadable(pos uint64, err error) {
	r.log.Warn("leaving out a stored frame that cannot be read", "pos", pos, "err", err)
}

// table returns the table of the frame of readings at pos, of header h, which it fits.
func (r *Reader) table(pos uint64, h frame.Header) (*Table, error) {
	if t := r.tables.Get(h.Table); t != nil {
		return t, t.Check(h)
	}
	b, err := r.journal.Blob(pos, h.Table)
	if err != nil {
		return nil, fmt.Errorf("table %016x: %w", h.Table, err)
	}
	t, err := ParseTable(b)
	if err != nil {
		return nil, fmt.Errorf("table %016x: %w", h.Table, err)
	}
	if err := t.Check(h); err != nil {
		return nil, err
	}
	r.tables.Put(t.Hash, t)
	return t, nil
}

// storedAt is when an entry with this mark was committed, if the journal says.
func (r *Reader) storedAt(mark uint64) telemetry.Time {
	if !r.marked {
		return 0
	}
	return telemetry.Time(mark)
}
