package journal

import (
	"encoding/binary"
	"fmt"

	"fieldpost/journal/internal/pages"
	"fieldpost/telemetry/ranges"
)

// facts are what a segment's bucket meta says.
type facts struct {
	binding  string
	bound    bool // binding is set
	first    uint64
	opening  uint64 // the latest
	began    uint64 // the position at which it began
	next     uint64 // positions below are used up
	kept     ranges.Set
	sealed   bool // kept is set
	salvaged bool
}

// note takes in one cell of the bucket meta.
func (f *facts) note(c cell, data []byte) error {
	switch c.key {
	case itemBinding:
		f.binding, f.bound = string(data), true
	case itemFirst:
		f.first = c.mark
	case itemOpening:
		f.opening, f.began = c.opening, c.mark
	case itemNext:
		f.next = c.mark
	case itemKept:
		kept, err := parseRanges(data)
		f.kept, f.sealed = kept, err == nil
		return err
	case itemSalvaged:
		f.salvaged = true
	}
	return nil
}

func appendRanges(b []byte, s ranges.Set) []byte {
	for _, r := range s.Ranges() {
		b = binary.BigEndian.AppendUint64(b, r.From)
		b = binary.BigEndian.AppendUint64(b, r.To)
	}
	return b
}

func parseRanges(b []byte) (ranges.Set, error) {
	var s ranges.Set
	for ; len(b) >= 16; b = b[16:] {
		r := ranges.Range{From: binary.BigEndian.Uint64(b), To: binary.BigEndian.Uint64(b[8:])}
		if last, any := s.Max(); r.To < r.From || any && r.From <= last {
			return s, damaged("ranges out of order")
		}
		s.Add(r)
	}
	if len(b) != 0 {
		return s, damaged("ranges of odd length")
	}
	return s, nil
}

// content is what a segment was found to hold.
type content struct {
	facts
	blobs map[uint64]struct{} // keys; nil after a quick look
	bytes int64               // of cells
}

// inspect looks at the segment at path. Quick, it reads the bucket meta and believes it; a segment that does not tell what it
// holds is read whole all the same. Else every page and every checksum is proved.
func inspect(path string, first uint64, quick bool) (content, error) {
	f, err := openRead(path)
	if err != nil {
		return content{}, err
	}
	defer f.Close()
	p, err := openPages(f)
	if err != nil {
		return content{}, err
	}
	var c content
	if quick {
		if c.facts, err = readMeta(p); err != nil {
			return c, err
		}
	}
	if !c.sealed {
		if c, err = prove(p); err != nil {
			return c, err
		}
	}
	switch {
	case !c.bound || c.opening == 0:
		return c, damaged("bucket meta is not complete")
	case c.first != first:
		return c, damaged("segment that begins at %d has the name of another", c.first)
	}
	return c, nil
}

func readMeta(p *pages.File) (facts, error) {
	var f facts
	b, err := p.Bucket(string(metaBucket))
	if err != nil || b == nil {
		return f, err
	}
	c := b.Cursor()
	for ok := c.Seek(wordKey(0)); ok; ok = c.Next() {
		v, err := c.Value(c.Len())
		if err == nil {
			err = f.noteValue(c.Key(), v)
		}
		if err != nil {
			return f, err
		}
	}
	return f, c.Err()
}

func (f *facts) noteValue(key, value []byte) error {
	c, data, err := parseCell(value, metaCell)
	if err == nil && string(key) != string(wordKey(c.key)) {
		err = damaged("meta cell %d under the key %x", c.key, key)
	}
	if err == nil {
		err = f.note(c, data)
	}
	return err
}

// prove reads the whole file. kept is what it really holds, checked against what it said when it was sealed.
func prove(p *pages.File) (content, error) {
	c := content{blobs: map[uint64]struct{}{}}
	var kept ranges.Set
	var next uint64 // lowest position that the next entry may begin at
	err := p.Check(func(bucket string, key, value []byte) error {
		c.bytes += int64(len(key) + len(value))
		switch bucket {
		case string(metaBucket):
			return c.noteValue(key, value)
		case string(frameBucket):
			head, err := parseEntry(key, value)
			if err != nil {
				return err
			}
			if head.key < next {
				return damaged("entries overlap at position %d", head.key)
			}
			kept.Add(ranges.Of(head.key, uint64(head.count)))
			next = head.last() + 1
		case string(blobBucket):
			head, _, err := parseCell(value, blobCell)
			if err != nil {
				return fmt.Errorf("blob %x: %w", key, err)
			}
			if string(key) != string(wordKey(head.key)) {
				return damaged("blob %016x under the key %x", head.key, key)
			}
			c.blobs[head.key] = struct{}{}
		}
		return nil
	})
	if err == nil && c.sealed && !c.kept.Equal(kept) {
		err = damaged("holds the positions %v and said %v when sealed", kept, c.kept)
	}
	if err == nil {
		c.kept = kept
	}
	return c, err
}

// parseEntry checks a whole entry against its key.
func parseEntry(key, value []byte) (cell, error) {
	first, count, err := parseEntryKey(key)
	if err != nil {
		return cell{}, err
	}
	c, _, err := parseCell(value, entryCell)
	if err == nil && (c.key != first || c.count != count) {
		err = damaged("holds the entry of position %d", c.key)
	}
	if err != nil {
		return c, fmt.Errorf("entry at %d: %w", first, err)
	}
	return c, nil
}
