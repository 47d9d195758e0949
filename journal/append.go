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
	err     error
	done    chan struct{}
}

// writer is what belongs to the goroutine that writes.
type writer struct {
	opening  uint64
	began    uint64 // position at which this opening began
	recorded bool   // the open segment knows of this opening
	segment  *segment
	db       *database
	blobs    map[uint64]struct{} // in the open segment
	bytes    int64               // of cells in it
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
	for n < len(j.queue) && (n == 0 || !j.queue[n].rotate && !j.queue[0].rotate && size+j.queue[n].size <= commitLimit) {
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
	if batch[0].rotate {
		return j.rotate(batch[0].spoilt)
	}
	// Between batches only, so that an Append is one commit in one segment.
	if j.w.bytes >= j.o.SegmentSize || j.w.segment.size >= j.o.SegmentSize {
		if err := j.rotate(false); err != nil {
			return err
		}
	}
	var c commit
	if err := j.w.db.update(func(tx *bolt.Tx) error { return c.put(&j.w, tx, batch, j.durable) }); err != nil {
		return err
	}
	j.w.recorded = true
	j.w.bytes += c.bytes
	for _, k := range c.blobs {
		j.w.blobs[k] = struct{}{}
	}
	size := diskSize(j.w.segment.path)
	j.mu.Lock()
	defer j.mu.Unlock()
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

// commit gathers what a transaction puts in.
type commit struct {
	kept  ranges.Set
	blobs []uint64
	next  uint64 // position after the batch
	data  uint64 // bytes of the entries' data
	bytes int64  // bytes of keys and cells
}

// put writes the batch, which begins at next or after it, into tx.
func (c *commit) put(w *writer, tx *bolt.Tx, batch []*request, next uint64) error {
	c.next = next
	if !w.recorded {
		if err := recordOpening(tx, w); err != nil {
			return err
		}
	}
	frames, err := bucket(tx, frameBucket)
	if err != nil {
		return err
	}
	for _, r := range batch {
		for i := range r.entries {
			if err := c.entry(w, tx, frames, &r.entries[i]); err != nil {
				return err
			}
		}
		if r.skip > c.next {
			c.next = r.skip
			if err := putMeta(tx, cell{key: itemNext, mark: c.next}, nil); err != nil {
				return err
			}
		}
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

func (c *commit) entry(w *writer, tx *bolt.Tx, frames *bolt.Bucket, e *Entry) error {
	for _, b := range e.Blobs {
		if err := c.blob(w, tx, b); err != nil {
			return err
		}
	}
	head := cell{kind: entryCell, key: e.Pos, count: e.Count, opening: w.opening, mark: e.Mark}
	value := appendCell(make([]byte, 0, cellHead+len(e.Data)), head, e.Data)
	key := entryKey(head.last(), e.Count)
	if err := frames.Put(key, value); err != nil {
		return err
	}
	c.kept.Add(ranges.Of(e.Pos, uint64(e.Count)))
	c.next = head.last() + 1
	c.data += uint64(len(e.Data))
	c.bytes += int64(len(key) + len(value))
	return nil
}

func (c *commit) blob(w *writer, tx *bolt.Tx, b Blob) error {
	if _, ok := w.blobs[b.Key]; ok {
		return nil
	}
	blobs, err := bucket(tx, blobBucket)
	if err != nil || blobs.Get(wordKey(b.Key)) != nil {
		return err
	}
	value := appendCell(nil, cell{kind: blobCell, key: b.Key, opening: w.opening}, b.Data)
	c.blobs = append(c.blobs, b.Key)
	c.bytes += int64(len(value))
	return blobs.Put(wordKey(b.Key), value)
}

// rotate begins a segment and then seals the one before, if that holds anything.
func (j *Journal) rotate(spoilt bool) error {
	old, db := j.w.segment, j.w.db
	if old.kept.Empty() {
		return nil
	}
	if err := j.addSegment(j.durable); err != nil {
		return err
	}
	// Not vital: what is not the last is sealed whatever it says, and is read whole at the next opening if it says nothing.
	// bbolt must not touch a damaged tree once more than it has to.
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
