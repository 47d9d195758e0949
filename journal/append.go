package journal

import (
	"errors"
	"fmt"
	"syscall"

	bolt "go.etcd.io/bbolt"

	"fieldpost/telemetry/ranges"
)

// request is one call that waits for the writer.
type request struct {
	entries []Entry
	size    int    // bytes of their data
	skip    uint64 // SkipTo
	rotate  bool
	spoilt  bool // rotate: because the open segment is damaged
	fold    bool
	err     error
	done    chan struct{}
}

// alone reports whether r shares no commit.
func (r *request) alone() bool { return r.rotate || r.fold }

// writer is what belongs to the goroutine that writes.
type writer struct {
	opening  uint64
	began    uint64 // position at which this opening began
	recorded bool   // the open segment knows of this opening
	segment  *segment
	db       *database
	blobs    map[uint64]struct{} // in the open segment, or in front of it
	bytes    int64               // of cells in it, and in front of it
	spoilt   bool                // the open segment is damaged and could not be left
}

// submit puts r into the queue, after assign has run under the lock, and waits until the writer has done it.
func (j *Journal) submit(r *request, assign func() error) error {
	r.done = make(chan struct{})
	j.mu.Lock()
	err := j.failed
	if j.closed {
		err = ErrClosed
	}
	if err == nil {
		err = assign()
	}
	if err != nil {
		j.mu.Unlock()
		return err
	}
	j.queue = append(j.queue, r)
	j.work.Signal()
	j.mu.Unlock()
	<-r.done
	return r.err
}

// write is the writer goroutine: whatever has queued up while one commit ran goes into the next.
func (j *Journal) write() {
	defer close(j.stopped)
	for {
		batch := j.take()
		if batch == nil {
			return
		}
		err := j.perform(batch)
		if err != nil {
			batch = j.fail(batch, err)
		}
		for _, r := range batch {
			close(r.done)
		}
	}
}

// take waits for requests and returns those that go together: a rotation alone, or appends for one commit. nil: closed.
func (j *Journal) take() []*request {
	j.mu.Lock()
	defer j.mu.Unlock()
	for len(j.queue) == 0 && !j.closed {
		j.work.Wait()
	}
	n, size := 0, 0
	for n < len(j.queue) && (n == 0 || !j.queue[n].alone() && !j.queue[0].alone() && size+j.queue[n].size <= commitLimit) {
		size += j.queue[n].size
		n++
	}
	batch := j.queue[:n:n]
	if j.queue = j.queue[n:]; len(j.queue) == 0 {
		j.queue = nil
	}
	return batch
}

// fail ends the journal's life for appends and returns all that waits, with the reason.
func (j *Journal) fail(batch []*request, err error) []*request {
	err = fmt.Errorf("append to journal %s: %w", j.dir, err)
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		err = fmt.Errorf("%w; make room, or let the journal take less", err)
	}
	j.mu.Lock()
	j.failed = err
	batch = append(batch, j.queue...)
	j.queue = nil
	j.mu.Unlock()
	for _, r := range batch {
		r.err = err
	}
	return batch
}

// perform carries a batch out.
func (j *Journal) perform(batch []*request) error {
	switch {
	case batch[0].rotate:
		return j.rotate(batch[0].spoilt)
	case batch[0].fold:
		return j.fold()
	}
	// Between batches only, so that an Append is one commit in one segment.
	if j.w.bytes >= j.o.SegmentSize || j.w.segment.size+j.ahead.bytes >= j.o.SegmentSize {
		if err := j.rotate(false); err != nil {
			return err
		}
	}
	c := j.w.gather(batch, j.durable)
	inFront, err := j.putAhead(&c)
	if err == nil && !inFront {
		err = j.putThrough(&c)
	}
	if err != nil {
		return err
	}
	j.w.count(c.items)
	size := diskSize(j.w.segment.path)
	j.mu.Lock()
	defer j.mu.Unlock()
	if inFront {
		j.ahead.add(c.items)
	} else {
		j.ahead = ahead{}
	}
	for _, r := range c.kept.Ranges() {
		j.w.segment.kept.Add(r)
		j.kept.Add(r)
	}
	j.w.segment.size = size
	j.durable = c.next
	j.written += c.data
	j.commits++
	j.notify()
	return nil
}

// item is a cell on its way to the disk.
type item struct {
	cell
	value []byte // head and data
}

func newItem(c cell, data []byte) item {
	value := appendCell(make([]byte, 0, cellHead+len(data)), c, data)
	c.length = uint32(len(data))
	return item{c, value}
}

func (it item) data() []byte { return it.value[cellHead:] }

// put writes the item into tx.
func (it item) put(tx *bolt.Tx) error {
	name, key := metaBucket, wordKey(it.key)
	switch it.kind {
	case entryCell:
		name, key = frameBucket, entryKey(it.last(), it.count)
	case blobCell:
		name = blobBucket
	}
	b, err := bucket(tx, name)
	if err != nil {
		return err
	}
	return b.Put(key, it.value)
}

// commit is what a batch puts on the disk.
type commit struct {
	items []item
	kept  ranges.Set
	next  uint64 // position after the batch
	data  uint64 // bytes of the entries' data
	bytes int64  // of cells
}

// gather makes a commit of a batch, which begins at next or after it.
func (w *writer) gather(batch []*request, next uint64) commit {
	c := commit{next: next}
	blobs := map[uint64]struct{}{}
	for _, r := range batch {
		for i := range r.entries {
			e := &r.entries[i]
			for _, b := range e.Blobs {
				_, there := w.blobs[b.Key]
				if _, twice := blobs[b.Key]; there || twice {
					continue
				}
				blobs[b.Key] = struct{}{}
				c.add(newItem(cell{kind: blobCell, key: b.Key, opening: w.opening}, b.Data))
			}
			it := newItem(cell{kind: entryCell, key: e.Pos, count: e.Count, opening: w.opening, mark: e.Mark}, e.Data)
			c.add(it)
			c.kept.Add(ranges.Of(e.Pos, uint64(e.Count)))
			c.next = it.last() + 1
			c.data += uint64(len(e.Data))
		}
		if r.skip > c.next {
			c.next = r.skip
			c.add(newItem(cell{kind: metaCell, key: itemNext, mark: c.next}, nil))
		}
	}
	return c
}

// count notes what is in the open segment now, or in front of it.
func (w *writer) count(items []item) {
	for _, it := range items {
		if w.bytes += int64(len(it.value)); it.kind == blobCell {
			w.blobs[it.key] = struct{}{}
		}
	}
}

func (c *commit) add(it item) {
	c.items = append(c.items, it)
	c.bytes += int64(len(it.value))
}

// putThrough commits c to the open segment, after what is in front.
func (j *Journal) putThrough(c *commit) error {
	before := j.ahead
	err := j.w.db.update(func(tx *bolt.Tx) error {
		if !j.w.recorded {
			if err := recordOpening(tx, &j.w); err != nil {
				return err
			}
		}
		for _, items := range [][]item{before.items, c.items} {
			for _, it := range items {
				if err := it.put(tx); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	j.w.recorded = true
	if j.member != nil {
		j.member.Folded()
	}
	return nil
}

// recordOpening notes in the open segment that a new opening writes to it, and takes back that it was sealed.
func recordOpening(tx *bolt.Tx, w *writer) error {
	if err := putMeta(tx, cell{key: itemOpening, opening: w.opening, mark: w.began}, nil); err != nil {
		return err
	}
	b, err := bucket(tx, metaBucket)
	if err != nil {
		return err
	}
	return b.Delete(wordKey(itemKept))
}

// rotate begins a segment and then seals the one before, if that holds anything. A segment that is spoilt is left as it is: bbolt must not
// touch a damaged tree once more than it has to, and what is in front goes to the new one.
func (j *Journal) rotate(spoilt bool) error {
	old, db := j.w.segment, j.w.db
	if old.kept.Empty() {
		return nil
	}
	first := j.durable
	if spoilt {
		if at, ok := j.ahead.first(); ok {
			if first = at; first <= old.first {
				return nil // all it holds is in front of it
			}
		}
	} else if err := j.fold(); err != nil {
		return err
	}
	j.w.spoilt = spoilt
	if err := j.addSegment(first); err != nil {
		return err
	}
	j.w.spoilt = false
	if err := j.fold(); err != nil { // into the new one: there is something only if the old one is spoilt
		return err
	}
	// Not vital: what is not the last is sealed whatever it says, and is read whole at the next opening if it says nothing.
	var err error
	if !spoilt {
		err = db.update(func(tx *bolt.Tx) error { return putMeta(tx, cell{key: itemKept}, appendRanges(nil, old.kept)) })
	}
	size := diskSize(old.path)
	j.mu.Lock()
	old.db = nil
	old.size = size
	j.notify()
	j.mu.Unlock()
	if err = errors.Join(err, db.close()); err != nil {
		j.log.Warn("segment not sealed", "path", old.path, "err", err)
	}
	return nil
}
