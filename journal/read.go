package journal

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"sort"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"fieldpost/telemetry/ranges"
)

const (
	headsBudget = 128 << 10 // bytes that Heads copies out of one look at a segment
	entryCost   = 64        // what an entry costs beside its data, so that empty heads are bounded too
	mendLimit   = 3         // times that one read mends a segment before it gives up
)

// Read returns copies of the entries from the one that holds pos (or the first after it) on, in order, up to about maxBytes of data but
// at least one if there is any. Only durable entries are seen. Blobs are not filled in. An empty result: nothing there yet.
// The entries come from one segment, so there may be fewer than asked for.
func (j *Journal) Read(pos uint64, maxBytes int) ([]Entry, error) {
	return j.fetch(pos, query{head: -1, budget: maxBytes})
}

// Heads calls f for each entry from pos on with Data cut to at most n bytes, in order, until f returns an error (returned as is; ErrStop ends quietly).
// Data is valid during the call only; f must not call the journal. Data that is cut is not checked against its checksum.
func (j *Journal) Heads(pos uint64, n int, f func(Entry) error) error {
	for {
		entries, err := j.fetch(pos, query{head: max(n, 0), budget: headsBudget})
		if err != nil || len(entries) == 0 {
			return err
		}
		for _, e := range entries {
			if err := f(e); errors.Is(err, ErrStop) {
				return nil
			} else if err != nil {
				return err
			}
			pos = e.Pos + uint64(e.Count)
		}
	}
}

// Blob returns a copy of the blob that the entry at pos refers to by key, or ErrNotFound.
func (j *Journal) Blob(pos, key uint64) ([]byte, error) {
	var data []byte
	err := j.withSegment(pos, func(v view) error {
		if !v.kept.Has(pos) {
			return fmt.Errorf("entry at %d: %w", pos, ErrNotFound)
		}
		var err error
		if data, err = v.blob(key); err == nil && data == nil && v.salvaged {
			data = j.blobElsewhere(key)
		}
		return err
	})
	if err == nil && data == nil {
		err = fmt.Errorf("blob %016x of the entry at %d: %w", key, pos, ErrNotFound)
	}
	return data, err
}

// blobElsewhere looks for a blob that the damage took in the other segments, where the same key means the same content.
func (j *Journal) blobElsewhere(key uint64) []byte {
	j.mu.Lock()
	views := make([]view, len(j.segments))
	for i, s := range j.segments {
		views[i] = j.view(s)
	}
	j.mu.Unlock()
	for _, v := range slices.Backward(views) {
		if data, err := v.blob(key); err == nil && data != nil {
			return data
		}
	}
	return nil
}

// view is a segment as it was when a read began.
type view struct {
	*segment            // for its unchanging fields
	kept     ranges.Set // a copy, or of a sealed segment
	db       *database  // nil: sealed
	ahead    ahead      // of the open one
	limit    uint64     // positions below are durable
	version  int
	salvaged bool
}

// view must be called with Journal.mu held.
func (j *Journal) view(s *segment) view {
	v := view{segment: s, kept: s.kept, db: s.db, limit: j.durable, version: s.version, salvaged: s.salvaged}
	if s.db != nil {
		v.kept, v.ahead = s.kept.Clone(), j.ahead
	}
	return v
}

// locate returns the segment that holds pos or the next position after it that is held. ok is false if there is none.
func (j *Journal) locate(pos uint64) (v view, ok bool, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return view{}, false, ErrClosed
	}
	i := sort.Search(len(j.segments), func(i int) bool { return j.segments[i].first > pos })
	for _, s := range j.segments[max(i-1, 0):] {
		if _, ok := heldFrom(s.kept, pos); ok {
			return j.view(s), true, nil
		}
	}
	return view{}, false, nil
}

// heldFrom returns the lowest position of s that is at least pos.
func heldFrom(s ranges.Set, pos uint64) (uint64, bool) {
	r := s.Ranges()
	i := sort.Search(len(r), func(i int) bool { return r[i].To >= pos })
	if i == len(r) {
		return 0, false
	}
	return max(r[i].From, pos), true
}

// withSegment runs f on the segment of pos, again if the segment was sealed, replaced or dropped meanwhile, and after mending it if
// it is damaged. It does nothing if nothing is held from pos on.
func (j *Journal) withSegment(pos uint64, f func(view) error) error {
	for mended := 0; ; {
		v, ok, err := j.locate(pos)
		if err != nil || !ok {
			return err
		}
		err = f(v)
		if err == nil || errors.Is(err, ErrNotFound) {
			return err
		}
		if j.outdated(v) {
			continue
		}
		if mended == mendLimit || !isDamage(err) && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("read %s: %w", v.path, err)
		}
		mended++
		if err := j.mend(v, err); err != nil {
			return err
		}
	}
}

// outdated reports whether v is no longer how its segment looks.
func (j *Journal) outdated(v view) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.closed || v.segment.db != v.db || v.segment.version != v.version || !slices.Contains(j.segments, v.segment)
}

// query says what to read of a segment.
type query struct {
	head   int // bytes of data of each entry; negative: all, checked
	budget int
}

func (j *Journal) fetch(pos uint64, q query) (entries []Entry, err error) {
	err = j.withSegment(pos, func(v view) error {
		q := q // each try has the whole budget
		entries = nil
		want, _ := heldFrom(v.kept, pos)
		if at, ok := v.ahead.first(); !ok || want < at {
			err := v.with(frameBucket, func(c cursor) (err error) {
				entries, err = v.collect(c, pos, &q)
				return err
			})
			if err != nil {
				return err
			}
		}
		entries = v.collectAhead(entries, want, q)
		return nil
	})
	return entries, err
}

// cursor walks the pairs of a bucket, in a file or in a bbolt transaction.
type cursor interface {
	Seek(key []byte) bool
	Next() bool
	Key() []byte
	Len() int
	Value(n int) ([]byte, error)
	Err() error
}

// with runs f with a cursor on a bucket; not at all if there is no such bucket.
func (v view) with(name []byte, f func(cursor) error) error {
	if v.db != nil {
		err := v.db.view(func(tx *bolt.Tx) error {
			b := tx.Bucket(name)
			if b == nil {
				return nil
			}
			return f(&boltCursor{c: b.Cursor()})
		})
		if errors.Is(err, berrors.ErrDatabaseNotOpen) {
			return ErrClosed
		}
		return err
	}
	file, err := openRead(v.path)
	if err != nil {
		return err
	}
	defer file.Close()
	p, err := openPages(file)
	if err != nil {
		return err
	}
	b, err := p.Bucket(string(name))
	if err != nil || b == nil {
		return err
	}
	return f(b.Cursor())
}

type boltCursor struct {
	c    *bolt.Cursor
	k, v []byte
}

func (c *boltCursor) Seek(key []byte) bool { c.k, c.v = c.c.Seek(key); return c.k != nil }
func (c *boltCursor) Next() bool           { c.k, c.v = c.c.Next(); return c.k != nil }
func (c *boltCursor) Key() []byte          { return c.k }
func (c *boltCursor) Len() int             { return len(c.v) }
func (c *boltCursor) Err() error           { return nil }
func (c *boltCursor) Value(n int) ([]byte, error) {
	return c.v[:min(n, len(c.v))], nil
}

// collect copies entries from pos on until the budget is spent. What is kept says what must be there: an entry that is missing is damage,
// however sound the tree looks.
func (v view) collect(c cursor, pos uint64, q *query) ([]Entry, error) {
	var entries []Entry
	want, more := heldFrom(v.kept, pos)
	limit := v.limit
	if at, ok := v.ahead.first(); ok {
		limit = min(limit, at)
	}
	for ok := c.Seek(wordKey(want)); more && want < limit; ok = c.Next() {
		if !ok {
			if c.Err() != nil {
				return nil, c.Err()
			}
			return nil, damaged("position %d is missing", want)
		}
		head, data, err := readEntry(c, q.head)
		if err != nil {
			return nil, err
		}
		if head.key > want || head.last() < want {
			return nil, damaged("position %d is missing", want)
		}
		cost := len(data)
		if q.head >= 0 {
			cost += entryCost
		}
		if len(entries) > 0 && cost > q.budget {
			q.budget = -1
			break
		}
		q.budget -= cost
		entries = append(entries, Entry{Pos: head.key, Count: head.count, Mark: head.mark, Data: bytes.Clone(data)})
		want, more = heldFrom(v.kept, head.last()+1)
	}
	return entries, nil
}

// collectAhead adds to entries those in front, from want on, until the budget is spent.
func (v view) collectAhead(entries []Entry, want uint64, q query) []Entry {
	for _, it := range v.ahead.from(want) {
		data := it.data()
		cost := len(data)
		if q.head >= 0 {
			data = data[:min(q.head, len(data))]
			cost = len(data) + entryCost
		}
		if len(entries) > 0 && cost > q.budget {
			break
		}
		q.budget -= cost
		entries = append(entries, Entry{Pos: it.key, Count: it.count, Mark: it.mark, Data: bytes.Clone(data)})
	}
	return entries
}

// readEntry reads the entry that c stands on, all of it or the first n bytes of its data.
func readEntry(c cursor, n int) (cell, []byte, error) {
	if n < 0 || cellHead+n >= c.Len() {
		v, err := c.Value(c.Len())
		if err != nil {
			return cell{}, nil, err
		}
		head, err := parseEntry(c.Key(), v)
		return head, v[min(cellHead, len(v)):], err
	}
	v, err := c.Value(cellHead + n)
	if err != nil {
		return cell{}, nil, err
	}
	head, err := parseHead(v)
	if err != nil {
		return head, nil, err
	}
	first, count, err := parseEntryKey(c.Key())
	if err == nil && (head.kind != entryCell || head.key != first || head.count != count || int(head.length) != c.Len()-cellHead) {
		err = damaged("entry at %d is not what its key says", first)
	}
	return head, v[cellHead:], err
}

// blob returns a copy of a blob, nil if there is none.
func (v view) blob(key uint64) (data []byte, err error) {
	if data = v.ahead.blob(key); data != nil {
		return data, nil
	}
	err = v.with(blobBucket, func(c cursor) error {
		want := wordKey(key)
		if !c.Seek(want) || !bytes.Equal(c.Key(), want) {
			return c.Err()
		}
		value, err := c.Value(c.Len())
		if err != nil {
			return err
		}
		head, found, err := parseCell(value, blobCell)
		if err == nil && head.key != key {
			err = damaged("it is blob %016x", head.key)
		}
		if err != nil {
			return fmt.Errorf("blob %016x: %w", key, err)
		}
		data = append([]byte{}, found...)
		return nil
	})
	return data, err
}
