// Package index finds the entries of a journal that hold a series in a span of time. It stands beside the journal and
// is disposable: what it holds can be worked out again from the entries, and Open says of which segments it must be.
//
// A posting says that a series occurs among the positions First … Last, with times Min … Max. Of the open segment the postings are in
// memory; Seal writes those of a sealed one into a side file <segment>.idx, which goes with its segment and is read block
// by block, so that memory does not grow with what is stored. Arrival order is no time order: late data lands where it arrives, and
// Select brings it into order.
//
// # Side file
//
// Integers are big endian; uv and sv are Go's unsigned and signed varints.
//
//	header   u32 magic F1 E1 D9 1D | u8 version 1 | 3 bytes 0
//	         u64 first, u64 next       the segment's positions
//	         u32 series                entries of the directory
//	         u32 CRC-32C of the directory
//	         u64 offset of the directory, which reaches to the end of the file
//	         i64 min, i64 max          of all postings with certain times; min > max: none
//	         u32 flags                 1: there are postings with uncertain times
//	         u32 CRC-32C of the 60 bytes before
//	blocks   of one series after the other, by Min, then First; at most 128 postings each
//	         u32 CRC-32C of all that follows in the block
//	         u16 postings | u16 bytes of payload | u16 bytes of the block before, 0 for the series' first | u16 0
//	         i64 min | i64 max         of this block
//	         i64 before                the highest Max in the series' blocks before; the lowest int64 for the first
//	         payload: per posting
//	           uv Min - Min of the one before (of the first: - min)
//	           uv Max - Min
//	           sv First - First of the one before (of the first: - first of the segment)
//	           uv Last - First
//	directory, ascending by series
//	         u64 series | u64 offset of the first block | u64 offset of the last | u32 blocks | u32 flags as above | i64 min | i64 max as above
package index

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"fieldpost/journal"
)

// Posting says that records of Series lie among the entries from position First to Last, with times from Min to Max (both
// included). Where the times are not certain, Min is math.MinInt64 and Max math.MaxInt64: such a posting matches any time.
type Posting struct {
	Series      uint64
	First, Last uint64
	Min, Max    int64
}

func (p Posting) uncertain() bool { return p.Min == math.MinInt64 && p.Max == math.MaxInt64 }

// Postings of a series that follow each other closely become one, for with many series in small entries the index would outgrow the
// journal. Who looks one up reads at most so many positions, some tens of KB, beyond what he came for.
const (
	grain = 8192  // positions
	pause = 600e9 // nanoseconds without a record
)

// extend makes p one with q, which came after it, if that costs little precision.
func (p *Posting) extend(q Posting) bool {
	if q.First < p.First || q.Last-p.First >= grain || p.uncertain() != q.uncertain() {
		return false
	}
	// Late data between live data would stretch the times.
	if !p.uncertain() && (q.Min < p.Min || q.Min > p.Max && uint64(q.Min)-uint64(p.Max) > pause) {
		return false
	}
	p.Last, p.Max = max(p.Last, q.Last), max(p.Max, q.Max)
	return true
}

// Index is the postings of one journal. Safe for concurrent use.
type Index struct {
	dir string
	log *slog.Logger

	mu     sync.Mutex
	parts  []*part              // of sealed segments, by first position
	memory map[uint64][]Posting // by series, as they came
}

const suffix = ".idx"

// Open opens the index of the journal in dir, whose segments are segs. The postings of the missing segments have to be
// added again: of the open one (the last) always, of sealed ones whose side file is absent, damaged or of another state of the segment; these
// are then to be sealed again, best one after the other. Side files that belong to no segment are removed.
func Open(dir string, segs []journal.Segment, log *slog.Logger) (x *Index, missing []journal.Segment, err error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	x = &Index{dir: dir, log: log, memory: map[uint64][]Posting{}}
	known := map[string]bool{}
	for _, s := range segs {
		path := x.path(s.First)
		known[path] = s.Sealed
		if !s.Sealed {
			missing = append(missing, s)
			continue
		}
		p, err := openPart(path)
		switch {
		case err == nil && p.first == s.First && p.next == s.Next:
			x.parts = append(x.parts, p)
			continue
		case err == nil:
			log.Info("index is of another state of its segment", "path", path)
		case errors.Is(err, ErrDamaged):
			log.Warn("index damaged", "path", path, "err", err)
		case !errors.Is(err, os.ErrNotExist):
			return nil, nil, fmt.Errorf("open index: %w", err)
		}
		known[path] = false
		missing = append(missing, s)
	}
	if err := x.sweep(known); err != nil {
		return nil, nil, fmt.Errorf("open index: %w", err)
	}
	return x, missing, nil
}

// sweep removes side files that are not in use.
func (x *Index) sweep(known map[string]bool) error {
	names, err := os.ReadDir(x.dir)
	if err != nil {
		return err
	}
	var errs []error
	for _, n := range names {
		path := filepath.Join(x.dir, n.Name())
		if name := strings.TrimSuffix(n.Name(), ".tmp"); filepath.Ext(name) == suffix && !known[path] {
			errs = append(errs, os.RemoveAll(path))
		}
	}
	return errors.Join(errs...)
}

func (x *Index) path(first uint64) string {
	return filepath.Join(x.dir, fmt.Sprintf("%020d%s", first, suffix))
}

// Add adds postings of entries that are in the journal, in the order of their positions within each series.
func (x *Index) Add(postings ...Posting) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, p := range postings {
		run := x.memory[p.Series]
		if n := len(run); n > 0 && run[n-1].extend(p) {
			continue
		}
		x.memory[p.Series] = append(run, p)
	}
}

// Seal writes the postings of the sealed segment seg, all of which must have been added, to its side file and forgets them in
// memory. It may be called again after an error.
func (x *Index) Seal(seg journal.Segment) error {
	x.mu.Lock()
	runs := map[uint64][]Posting{}
	for series, run := range x.memory {
		if in, _ := split(run, seg.First, seg.Next); len(in) > 0 {
			runs[series] = in
		}
	}
	x.mu.Unlock()
	path := x.path(seg.First)
	if err := writePart(path, seg.First, seg.Next, runs); err != nil {
		return fmt.Errorf("write index: %w", err)
	}
	p, err := openPart(path)
	if err != nil {
		return fmt.Errorf("write index: %w", err)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.remove(seg.First)
	x.forget(seg.First, seg.Next)
	i, _ := slices.BinarySearchFunc(x.parts, seg.First, func(p *part, first uint64) int {
		if p.first < first {
			return -1
		}
		return 1
	})
	x.parts = slices.Insert(x.parts, i, p)
	return nil
}

// split divides postings into those of the positions first … next-1 and the others. One that reaches across a border is cut there;
// its times hold for both parts.
func split(run []Posting, first, next uint64) (in, out []Posting) {
	for _, p := range run {
		if p.First < first && p.Last >= first {
			before := p
			before.Last, p.First = first-1, first
			out = append(out, before)
		}
		if p.First < next && p.Last >= next {
			after := p
			p.Last, after.First = next-1, next
			out = append(out, after)
		}
		if p.First >= first && p.First < next {
			in = append(in, p)
		} else {
			out = append(out, p)
		}
	}
	return in, out
}

// forget takes the postings of some positions out of memory. x.mu is held.
func (x *Index) forget(first, next uint64) {
	for series, run := range x.memory {
		if _, out := split(run, first, next); len(out) > 0 {
			x.memory[series] = out
		} else {
			delete(x.memory, series)
		}
	}
}

// remove takes a part out of the list. x.mu is held.
func (x *Index) remove(first uint64) *part {
	i := slices.IndexFunc(x.parts, func(p *part) bool { return p.first == first })
	if i < 0 {
		return nil
	}
	p := x.parts[i]
	p.gone.Store(true)
	x.parts = slices.Delete(x.parts, i, i+1)
	return p
}

// Drop forgets the postings of the sealed segment that began at first: because it was dropped, or because it was damaged and its
// entries are to be added and sealed again.
func (x *Index) Drop(first uint64) error {
	x.mu.Lock()
	p := x.remove(first)
	if p != nil {
		x.forget(p.first, p.next)
	}
	x.mu.Unlock()
	if err := os.Remove(x.path(first)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("drop index: %w", err)
	}
	return nil
}
