package ingest

import (
	"context"
	"errors"
	"time"

	"fieldpost/gateway/store"
	"fieldpost/telemetry/frame"
	"fieldpost/telemetry/ranges"
	"fieldpost/telemetry/wire"
)

const (
	batchBytes = 8 << 20 // of one commit, about a second of a slow disk
	// A commit that comes sooner after the one before waits until so much has passed, or so many bytes are there: a page or two
	// for each frame of thousands of nodes would wear out a disk, and the first after a rest waits for nothing.
	groupTime  = 10 * time.Millisecond
	groupBytes = 1 << 20
	// Where nobody waits for the ack of anything in it, it comes so long after the one before.
	patientTime = 250 * time.Millisecond
	busyWait    = 10_000 // milliseconds that a node waits before it tries a full or broken disk again
	minRetry    = time.Second
	maxRetry    = time.Minute
)

// Run commits what comes until ctx ends. What is in the queue by then is still committed.
func (in *Ingest) Run(ctx context.Context) error {
	c := &committer{Ingest: in, owed: owed{by: map[*session]*debt{}}, group: time.NewTimer(0)}
	var retry <-chan time.Time
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case it := <-in.queue:
			c.commit(c.collect(it))
		case <-retry:
			c.reopen()
		case <-in.store.Setbacks():
			in.askAgain()
		case <-c.owed.due():
			if c.broken {
				c.owed.timer.Reset(minRetry)
			} else {
				in.acknowledge(c.owed.overdue(time.Now()))
			}
		}
		retry = c.retry
	}
	close(in.stopped)
	in.budget.stop()
	for it := c.waiting(); it != nil; it = c.waiting() {
		c.commit(c.collect(it))
	}
	in.acknowledge(c.owed.all())
	return nil
}

// askAgain makes all nodes say hello: the store has less than it had acknowledged. A node behind an outside broker would not notice that its
// connection was ended here; it asks when it meets an ack of another generation.
func (in *Ingest) askAgain() {
	generation := in.store.Generation()
	in.mu.Lock()
	defer in.mu.Unlock()
	for c, s := range in.sessions {
		if s.peer.Direct {
			c.Close(errors.New("the gateway has lost records of its nodes, and asks for them again"))
		} else {
			in.send(s, &wire.Ack{Generation: generation})
		}
	}
}

// committer is the state of the goroutine that commits.
type committer struct {
	*Ingest
	broken bool             // a commit failed and the store is not open again
	last   time.Time        // when the last commit began
	group  *time.Timer      // for collect
	pause  time.Duration    // until the next attempt
	retry  <-chan time.Time // fires at the next attempt
	owed   owed
}

// collect takes what has come beside first, and what comes until the commit is due, up to a bound.
func (c *committer) collect(first *item) []*item {
	var batch []*item
	size, patient := 0, true
	take := func(it *item) {
		batch = append(batch, it)
		size += len(it.frame.Data)
		patient = patient && it.patient
	}
	for take(first); size < batchBytes; {
		wait := groupTime
		if patient {
			wait = patientTime
		}
		if wait -= time.Since(c.last); wait <= 0 || size >= groupBytes {
			if it := c.waiting(); it != nil {
				take(it)
				continue
			}
			break
		}
		c.group.Reset(wait)
		select {
		case it := <-c.queue:
			take(it)
		case <-c.group.C:
		}
	}
	c.group.Stop()
	c.last = time.Now()
	return batch
}

// waiting returns what has come and is not taken yet; nil: nothing.
func (c *committer) waiting() *item {
	select {
	case it := <-c.queue:
		return it
	default:
		return nil
	}
}

// commit stores batch and answers for each of its frames.
func (c *committer) commit(batch []*item) {
	defer func() {
		for _, it := range batch {
			c.budget.give(it.frame.Header.Node, len(it.frame.Data))
		}
	}()
	if c.broken {
		c.busy(batch)
		return
	}
	frames, answer := c.trim(batch)
	if len(frames) > 0 {
		began := time.Now()
		err := c.store.Append(frames)
		switch {
		case errors.Is(err, store.ErrFull):
			c.busy(answer)
			return
		case err != nil:
			c.fail(answer, err)
			return
		}
		c.counters.commits.Add(1)
		c.counters.slowest.Store(max(c.counters.slowest.Load(), uint64(time.Since(began))))
		for i := range frames {
			c.counters.records.Add(uint64(frames[i].Header.Count))
		}
	}
	c.answer(answer)
}

// answer acknowledges what is on disk, and what was owed to the same connections before. What may wait alone does.
func (c *committer) answer(items []*item) {
	now := time.Now()
	var due []receipt
	for _, it := range items {
		if it.patient && !it.session.prompt.Load() {
			c.owed.add(now, it.receipt())
		} else {
			due = append(due, it.receipt())
		}
	}
	for _, r := range due {
		due = append(due, c.owed.take(r.session)...)
	}
	c.acknowledge(due)
}

// trim leaves out of batch all records that are on disk or earlier in batch: one frame for each run of records that is new. It returns
// the items that are still to be answered.
func (c *committer) trim(batch []*item) (frames []store.Frame, answer []*item) {
	pending := map[laneKey]*ranges.Set{}
	for _, it := range batch {
		h := &it.frame.Header
		lacks := c.store.Lacks(h.Node, h.Epoch, h.Lane, it.span())
		p := pending[keyOf(h)]
		if p == nil {
			p = &ranges.Set{}
			pending[keyOf(h)] = p
		}
		if lacks = lacks.Minus(*p); lacks.Len() < uint64(h.Count) {
			c.counters.repeats.Add(uint64(h.Count) - lacks.Len())
		}
		parts, err := it.parts(lacks)
		if err != nil {
			c.log.Error("frame cannot be cut", "node", h.Node, "lane", h.Lane.String(), "first", h.First, "count", h.Count, "err", err)
			c.refuse(it.session, *h, wire.Refusal{Reason: wire.Corrupt})
			continue
		}
		p.AddAll(lacks)
		frames = append(frames, parts...)
		answer = append(answer, it)
	}
	return frames, answer
}

// parts cuts the frame into one for each range of want.
func (it *item) parts(want ranges.Set) ([]store.Frame, error) {
	if want.Len() == uint64(it.frame.Header.Count) {
		return []store.Frame{it.frame}, nil
	}
	var out []store.Frame
	for r := range want.All() {
		data, err := frame.Cut(nil, it.frame.Data, r.From, r.To)
		if err != nil {
			return nil, err
		}
		h, err := frame.ParseHeader(data)
		if err != nil {
			return nil, err
		}
		part := item{frame: store.Frame{Header: h, Data: data, Table: it.frame.Table, Encoded: it.frame.Encoded}}
		if err := part.decode(); err != nil {
			return nil, err
		}
		out = append(out, part.frame)
	}
	return out, nil
}

// busy asks the nodes to wait with what is not on disk.
func (c *committer) busy(batch []*item) {
	var stored []*item
	for _, it := range batch {
		h := &it.frame.Header
		if !c.broken && c.store.Lacks(h.Node, h.Epoch, h.Lane, it.span()).Empty() {
			stored = append(stored, it)
			continue
		}
		c.refuse(it.session, *h, wire.Refusal{Reason: wire.Busy, Wait: busyWait})
	}
	c.answer(stored)
}

// fail deals with a commit of which nobody knows what came to pass: every connection with a frame in it is ended, and the store is read back
// from its disk (delivery rule 9).
func (c *committer) fail(batch []*item, cause error) {
	c.counters.failed.Add(1)
	c.log.Error("commit failed; the store is opened again, and nodes send again what is not in it", "count", len(batch), "err", cause)
	ended := map[*session]bool{}
	for _, it := range batch {
		if !ended[it.session] {
			ended[it.session] = true
			it.session.conn.Close(errors.New("a commit with frames of this connection failed"))
		}
	}
	c.broken = true
	c.reopen()
}

// reopen tries to open the store again, or plans the next attempt.
func (c *committer) reopen() {
	if err := c.store.Reopen(); err != nil {
		if c.pause == 0 {
			c.log.Error("store cannot be opened; nodes are asked to wait", "err", err)
		}
		c.pause = min(max(2*c.pause, minRetry), maxRetry)
		c.retry = time.After(c.pause)
		return
	}
	c.log.Info("store is open again")
	c.broken, c.pause, c.retry = false, 0, nil
}
