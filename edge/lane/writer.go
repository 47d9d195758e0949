package lane

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"fieldpost/edge/clock"
	"fieldpost/history"
	"fieldpost/journal"
	"fieldpost/journal/front"
	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
	"fieldpost/telemetry/ranges"
)

const (
	// frameRecords bounds a frame as it is committed, so that a reader who wants one series of it, or a link that must cut it,
	// never has much to do for nothing.
	frameRecords = 8192
	// fullAt is how many records make a commit at once, whatever commit_every says: enough to fill a few frames.
	fullAt = 2 * frameRecords
	// waitingMost bounds what waits in memory while the disk works: beyond it the pipeline waits, which costs less than the memory would.
	waitingMost = 2 * fullAt
	// failingMost bounds it while the disk fails: beyond it the oldest go.
	failingMost = 16 * frameRecords
)

// writer gathers the records of one lane and commits them.
type writer struct {
	lane     telemetry.Lane
	every    time.Duration // 0: at once
	dir      string
	capacity int64 // of a segment
	log      *slog.Logger
	room     chan struct{} // signalled (1) when what waits became less
	wake     chan struct{} // signalled (1) when there is something to commit at once

	scratch []frame.Record // of who commits: a frame's records with their places in the table

	// Under Book.epochMu: a commit failed, and no epoch was begun since the journal was opened again. durable is where it ended before.
	unmended bool
	durable  uint64

	mu      sync.Mutex
	journal *journal.Journal // nil while it could not be opened
	last    ranges.Set       // what was kept when journal became nil
	reader  *history.Reader  // of journal
	next    uint64           // one past the last durable sequence
	queue   queue
	taken   int // records that a commit under way has taken off the queue
	spare   []frame.Record
	since   time.Time
	failing bool   // the last commit failed: what waits is bounded by dropping
	gone    uint64 // of the failed commit's records, how many were dropped since
	dropped uint64 // readings that found no disk and no room in memory
	commits uint64
}

// queue is what waits to be committed: readings, or on the alarm lane events.
type queue struct {
	recs   []frame.Record // Series holds a SeriesID until the frame is made
	events []telemetry.Event
	runs   []run // which of them came under which regime
}

// run is a stretch of waiting records taken under one regime.
type run struct {
	regime *clock.Regime
	n      int
}

func (q *queue) len() int { return len(q.recs) + len(q.events) }

// push adds records taken under one regime.
func (q *queue) push(regime *clock.Regime, recs []frame.Record, events []telemetry.Event) {
	q.recs = append(q.recs, recs...)
	q.events = append(q.events, events...)
	n := len(recs) + len(events)
	if last := len(q.runs) - 1; last >= 0 && q.runs[last].regime == regime {
		q.runs[last].n += n
		return
	}
	q.runs = append(q.runs, run{regime, n})
}

// drop forgets the n oldest, which were never numbered.
func (q *queue) drop(n int) { q.cut(0, n) }

// cut forgets n records from place at on. A lane has readings only, or events only.
func (q *queue) cut(at, n int) {
	q.recs = slices.Delete(q.recs, min(at, len(q.recs)), min(at+n, len(q.recs)))
	q.events = slices.Delete(q.events, min(at, len(q.events)), min(at+n, len(q.events)))
	left := q.runs[:0]
	place := 0
	for _, r := range q.runs {
		from, to := max(place, at), min(place+r.n, at+n)
		place += r.n
		r.n -= max(0, to-from)
		if r.n > 0 {
			left = append(left, r)
		}
	}
	q.runs = left
}

// waiting is how many records are in memory only.
func (w *writer) waiting() int { return w.queue.len() + w.taken }

// most is how many records may be. The caller holds mu.
func (w *writer) most() int {
	if w.failing {
		return failingMost
	}
	return waitingMost
}

// add queues records taken under one regime; all readings or all events. It waits while too much is queued, unless the disk is failing.
func (w *writer) add(ctx context.Context, regime *clock.Regime, recs []frame.Record, events []telemetry.Event) error {
	w.mu.Lock()
	for w.waiting() >= w.most() {
		if w.failing && w.queue.len() > 0 {
			n := min(w.queue.len(), failingMost/8)
			w.queue.drop(n)
			w.dropped += uint64(n)
			w.gone += uint64(n)
			break
		}
		w.mu.Unlock()
		select {
		case <-w.room:
		case <-ctx.Done():
			return ctx.Err()
		}
		w.mu.Lock()
	}
	first := w.queue.len() == 0
	if first {
		w.since = time.Now()
	}
	w.queue.push(regime, recs, events)
	now := w.every == 0 || w.queue.len() >= fullAt
	more := w.waiting() < w.most()
	w.mu.Unlock()
	if first || now {
		signal(w.wake)
	}
	if more {
		signal(w.room) // another one may be waiting too
	}
	return nil
}

// due returns how long to wait until the next commit; ok is false if nothing waits.
func (w *writer) due() (wait time.Duration, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.queue.len() == 0 {
		return 0, false
	}
	if w.every == 0 || w.queue.len() >= fullAt {
		return 0, true
	}
	return max(0, time.Until(w.since.Add(w.every))), true
}

// take takes all that waits off the queue for a commit; settle ends it.
func (w *writer) take() queue {
	w.mu.Lock()
	defer w.mu.Unlock()
	q := w.queue
	w.queue = queue{recs: w.spare[:0]}
	w.spare = nil
	w.taken = q.len()
	return q
}

// settle ends a commit: the first n records of q are on disk, as sequences up to next-1; the rest goes back to the front of the queue.
func (w *writer) settle(q queue, n int, next uint64, err error) {
	w.mu.Lock()
	w.taken = 0
	w.failing = err != nil
	w.gone = 0
	if n > 0 {
		w.next = next
		w.commits++
	}
	if n < q.len() {
		q.drop(n)
		later := w.queue
		for _, r := range later.runs {
			k := min(r.n, len(later.recs))
			m := min(r.n, len(later.events))
			q.push(r.regime, later.recs[:k], later.events[:m])
			later.recs, later.events = later.recs[k:], later.events[m:]
		}
		w.queue = q
	} else {
		w.spare = q.recs[:0]
	}
	again := w.queue.len() > 0
	if again {
		w.since = time.Now()
	}
	w.mu.Unlock()
	signal(w.room)
	if again {
		signal(w.wake)
	}
}

// landed takes off the queue what of a commit that failed is on the disk all the same. The commit would have begun at first.
func (w *writer) landed(first uint64, kept ranges.Set) {
	w.mu.Lock()
	defer w.mu.Unlock()
	first += w.gone
	rs := kept.Ranges()
	for i := len(rs) - 1; i >= 0; i-- { // from the back: places before it stay
		if rs[i].To < first {
			break
		}
		from := max(rs[i].From, first)
		w.queue.cut(int(from-first), int(rs[i].To-from+1))
	}
	w.gone = 0
}

// batch is what one commit appends.
type batch struct {
	entries []journal.Entry
	heads   []frame.Header
	spans   [][]history.Span
	unfit   int // records that no frame can hold
}

// encode makes the frames of q from sequence first on. It changes the records' Series from SeriesID to place in the table, in a copy.
//
// The slices of q move on; the arrays behind them stay as they are, for the caller still needs them if the commit fails.
func (w *writer) encode(q queue, node string, e telemetry.Epoch, tab *table, first uint64) (batch, error) {
	var b batch
	for _, r := range q.runs {
		for r.n > 0 {
			h := frame.Header{Node: node, Epoch: e, Lane: w.lane, First: first, Boot: r.regime.Boot, Clock: r.regime.State, Offset: r.regime.Offset}
			entry, spans, n, err := w.frame(&q, h, min(r.n, frameRecords), tab)
			if err != nil {
				// No frame can hold this record. It has no number yet: leave it out rather than stop the lane.
				w.log.Error("record left out: it cannot be encoded", "lane", w.lane.String(), "err", err)
				q.recs, q.events = q.recs[min(1, len(q.recs)):], q.events[min(1, len(q.events)):]
				b.unfit++
				r.n--
				continue
			}
			head, err := frame.ParseHeader(entry.Data)
			if err != nil {
				return batch{}, fmt.Errorf("read back the frame of sequence %d: %w", first, err)
			}
			b.entries = append(b.entries, entry)
			b.heads = append(b.heads, head)
			b.spans = append(b.spans, spans)
			first += uint64(n)
			r.n -= n
		}
	}
	return b, nil
}

// frame encodes up to n records off the front of q, fewer where long texts would make the frame too large.
func (w *writer) frame(q *queue, h frame.Header, n int, tab *table) (journal.Entry, []history.Span, int, error) {
	for {
		var (
			data  []byte
			err   error
			blobs []journal.Blob
			spans []history.Span
		)
		if w.lane == telemetry.Alarm {
			data, err = frame.EncodeEvents(nil, h, q.events[:n])
		} else {
			h.Table = tab.hash
			blobs = []journal.Blob{{Key: tab.hash, Data: tab.encoded}}
			w.scratch = append(w.scratch[:0], q.recs[:n]...)
			scratch := w.scratch
			for i := range scratch {
				scratch[i].Series = tab.place[scratch[i].Series]
			}
			data, err = frame.Encode(nil, h, scratch)
			spans = history.Spans(scratch)
		}
		switch {
		case err == nil:
			if w.lane == telemetry.Alarm {
				q.events = q.events[n:]
			} else {
				q.recs = q.recs[n:]
			}
			return journal.Entry{Count: uint32(n), Data: data, Blobs: blobs}, spans, n, nil
		case n == 1:
			return journal.Entry{}, nil, n, err
		}
		n /= 2 // long texts make a frame too large; anything else is one record's fault, which this finds
	}
}

// open opens the lane's journal and what reads it back.
func (w *writer) open(node string, f *front.Front, onDamage func(journal.Damage), h history.Options) ([]journal.Damage, error) {
	dir := filepath.Join(w.dir, w.lane.String())
	log := w.log.With("lane", w.lane.String())
	j, damages, err := journal.Open(dir, journal.Options{
		Binding: node, SegmentSize: w.capacity, Log: log, OnDamage: onDamage, Front: f, Name: w.lane.String(),
	})
	if err != nil {
		return nil, fmt.Errorf("open the %s lane: %w", w.lane, err)
	}
	h.ID, h.Dir, h.Journal, h.Log = uint8(w.lane), dir, j, log
	reader, err := history.Open(h)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the history of the %s lane: %w", w.lane, err), j.Close())
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.journal, w.reader, w.next = j, reader, j.Next()
	return damages, nil
}

// snapshot returns the journal and the durable end.
func (w *writer) snapshot() (*journal.Journal, uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.journal, w.next
}

// kept returns what is on disk, durable; open is false while the journal could not be opened again and the answer is what it had before.
func (w *writer) kept() (kept ranges.Set, open bool) {
	j, next := w.snapshot()
	if j == nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.last.Clone(), false
	}
	kept = j.Kept()
	kept.Remove(ranges.Range{From: next, To: ^uint64(0)})
	return kept, true
}

// leave lets go of a journal that is of no use any more.
func (w *writer) leave() {
	last, open := w.kept()
	if !open {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.journal, w.last = nil, last
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// history returns what reads the lane back, nil while it could not be opened.
func (w *writer) history() *history.Reader {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.journal == nil {
		return nil
	}
	return w.reader
}
