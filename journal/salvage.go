package journal

import (
	"bytes"
	"cmp"
	"hash/crc32"
	"io"
	"os"
	"slices"

	bolt "go.etcd.io/bbolt"

	"fieldpost/telemetry/ranges"
)

const (
	scanWindow  = 256 << 10 // bytes searched at a time
	scanBlock   = 4 << 10   // bytes given up for one that cannot be read
	scanLimit   = 4 << 30   // bytes of a file that are searched: bbolt's largest is 2 GiB
	commitLimit = 4 << 20   // bytes put into one transaction
)

// found is a cell at its place in a damaged file.
type found struct {
	cell
	off   int64
	whole bool // the data is sound, not the head alone
}

// scanCells searches f for cells by their magic number and calls each for those whose head is sound. A value lies in one piece on neighbouring pages, so nothing of bbolt's tree is needed, and whatever the tree
// leads to is found too, as are older copies of pages, which bbolt leaves behind.
func scanCells(f io.ReaderAt, size int64, each func(found)) {
	size = min(size, scanLimit)
	buf := make([]byte, scanWindow)
	for off := int64(0); off+cellHead <= size; {
		w := buf[:min(scanWindow, size-off)]
		readThrough(f, w, off)
		var i int
		for i = 0; i+cellHead <= len(w); {
			at := bytes.Index(w[i:], magicBytes)
			if at < 0 {
				i = len(w) - len(magicBytes) + 1
				break
			}
			if i += at; i+cellHead > len(w) {
				break
			}
			c, err := parseHead(w[i:])
			if err != nil {
				i++
				continue
			}
			whole := off+int64(i)+cellHead+int64(c.length) <= size && sumHolds(f, off+int64(i)+cellHead, c)
			each(found{c, off + int64(i), whole})
			if i += cellHead; whole {
				i += int(c.length)
			}
		}
		off += int64(max(i, 1))
	}
}

// readThrough fills b from off on, with zeros where the disk does not give its blocks.
func readThrough(f io.ReaderAt, b []byte, off int64) {
	if n, err := f.ReadAt(b, off); n == len(b) || err == io.EOF {
		clear(b[n:])
		return
	}
	for len(b) > 0 {
		part := b[:min(len(b), scanBlock)]
		if n, err := f.ReadAt(part, off); err != nil {
			clear(part[n:])
		}
		b, off = b[len(part):], off+int64(len(part))
	}
}

func sumHolds(f io.ReaderAt, off int64, c cell) bool {
	h := crc32.New(castagnoli)
	_, err := io.Copy(h, io.NewSectionReader(f, off, int64(c.length)))
	return err == nil && h.Sum32() == c.sum
}

// salvage is what could be read of a damaged segment.
type salvage struct {
	facts   facts
	entries []found // ascending, without overlap
	blobs   []found
	upper   uint64 // positions below are known to have been issued
}

// readSalvage collects the cells of f that belong to the positions from first up to, not including, bound.
func readSalvage(f *os.File, first, bound uint64) (*salvage, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	s := &salvage{}
	var entries []found
	began := map[uint64]uint64{} // opening to the position at which it began
	blobs := map[uint64]struct{}{}
	scanCells(f, info.Size(), func(c found) {
		switch c.kind {
		case entryCell:
			if c.key < first || c.last() >= bound {
				return
			}
			s.upper = max(s.upper, c.last()+1)
			if c.whole {
				entries = append(entries, c)
			}
		case blobCell:
			if _, ok := blobs[c.key]; !ok && c.whole {
				blobs[c.key] = struct{}{}
				s.blobs = append(s.blobs, c)
			}
		case metaCell:
			if c.whole {
				s.noteMeta(f, c)
			}
			if c.key == itemOpening {
				began[c.opening] = c.mark
			}
		}
	})
	s.resolve(entries, began)
	for _, p := range began {
		s.upper = max(s.upper, p)
	}
	s.upper = max(s.upper, s.facts.next)
	return s, nil
}

// noteMeta takes in a meta cell, of which the file may hold older copies.
func (s *salvage) noteMeta(f io.ReaderAt, c found) {
	data := make([]byte, c.length)
	if _, err := f.ReadAt(data, c.off+cellHead); err != nil && err != io.EOF {
		return
	}
	old := s.facts
	if c.key == itemOpening && c.opening < old.opening || c.key == itemNext && c.mark < old.next || s.facts.note(c.cell, data) != nil {
		s.facts = old
	}
}

// resolve decides which of several contents at one position holds: that of the highest opening. An entry that an opening wrote
// at or after the position at which a later one began was never committed: it is what a crash left of a transaction.
func (s *salvage) resolve(entries []found, began map[uint64]uint64) {
	slices.SortStableFunc(entries, func(a, b found) int {
		return cmp.Or(cmp.Compare(b.opening, a.opening), cmp.Compare(a.key, b.key), cmp.Compare(b.count, a.count))
	})
	var taken ranges.Set
	for _, e := range entries {
		stale := false
		for opening, at := range began {
			stale = stale || opening > e.opening && e.last() >= at
		}
		r := ranges.Of(e.key, uint64(e.count))
		if stale || !ranges.Make(r).Intersect(taken).Empty() {
			continue
		}
		taken.Add(r)
		s.entries = append(s.entries, e)
	}
	slices.SortFunc(s.entries, func(a, b found) int { return cmp.Compare(a.key, b.key) })
}

// writeTo puts what was salvaged from f into d and returns the positions. What cannot be read a second time is left out.
func (s *salvage) writeTo(d *database, f io.ReaderAt) (ranges.Set, error) {
	var saved ranges.Set
	cells := slices.Concat(s.blobs, s.entries)
	for len(cells) > 0 {
		err := d.update(func(tx *bolt.Tx) error {
			for size := 0; len(cells) > 0 && size < commitLimit; cells = cells[1:] {
				c := cells[0]
				value := make([]byte, cellHead+int(c.length))
				if n, err := f.ReadAt(value, c.off); n < len(value) && err != nil {
					continue
				}
				if _, _, err := parseCell(value, c.kind); err != nil {
					continue
				}
				size += len(value)
				name, key := blobBucket, wordKey(c.key)
				if c.kind == entryCell {
					name, key = frameBucket, entryKey(c.last(), c.count)
					saved.Add(ranges.Of(c.key, uint64(c.count)))
				}
				b, err := bucket(tx, name)
				if err == nil {
					err = b.Put(key, value)
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return saved, err
		}
	}
	return saved, nil
}

// newFacts returns what the new segment shall say of itself. opening is used where the file does not tell its own.
func (s *salvage) newFacts(binding string, first, opening uint64, last bool) facts {
	f := facts{binding: binding, bound: true, first: first, opening: max(opening, 1), began: s.upper, salvaged: true}
	for _, e := range s.entries {
		f.opening = max(f.opening, e.opening)
	}
	if s.facts.opening >= f.opening {
		f.opening, f.began = s.facts.opening, s.facts.began
	}
	if last {
		f.next = s.upper
	}
	return f
}

// lostOf returns the positions that were issued and are not among saved, as far as known. known is what the segment held, if that is known.
func (s *salvage) lostOf(saved ranges.Set, known *ranges.Set, first, bound uint64) ranges.Set {
	var issued ranges.Set
	switch {
	case known != nil:
		issued = known.Clone()
	case s.facts.sealed:
		issued = s.facts.kept.Clone()
	case bound != noBound && bound > first: // up to the segment after it
		issued = ranges.Make(ranges.Range{From: first, To: bound - 1})
	case s.upper > first: // the tail of the last segment is unknown
		issued = ranges.Make(ranges.Range{From: first, To: s.upper - 1})
	}
	return issued.Minus(saved)
}
