package api

import (
	"context"
	"errors"
	"slices"
	"sync"
)

// tail reads the end of the feed once for all who follow it. A follower that is behind reads for itself, at its own pace, and joins
// when it has come to the end. The reader runs while somebody follows. Lock order: tail.mu, then follower.mu.
type tail struct {
	feed  FeedSelector
	mu    sync.Mutex
	round *round // nil: nobody follows
}

// round is one run of the reader, from the first follower to the last.
type round struct {
	at        uint64                 // all up to here has been handed out
	followers map[string][]*follower // by the node that their filter names, so that thousands of nodes do not cost a hundred clients; none has an empty list
	end       context.CancelFunc
}

// catchUp sends f what is stored after f.next, until f has joined: then all that follows goes into its queue.
func (t *tail) catchUp(ctx context.Context, f *follower, send func(context.Context, []byte) error) error {
	var text []byte
	for {
		records, next, err := t.feed.Feed(ctx, f.next, feedBatch)
		if err != nil {
			return err
		}
		for i := range records {
			if f.wants(&records[i]) {
				text = appendRecord(text[:0], &records[i])
				if err := send(ctx, text); err != nil {
					return err
				}
			}
		}
		end := len(records) == 0 && next <= f.next
		f.next = max(f.next, next)
		if end && t.join(f) {
			return nil
		}
	}
}

// join reports whether f follows now; if not, more was handed out since f looked.
func (t *tail) join(f *follower) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.round == nil {
		ctx, end := context.WithCancel(context.Background())
		// A client may ask for what comes after a position that does not exist yet; others must not wait for that.
		t.round = &round{at: min(f.next, t.feed.Latest()), followers: map[string][]*follower{}, end: end}
		go t.read(ctx, t.round)
	}
	if f.next < t.round.at {
		return false
	}
	node := f.filter.Node
	t.round.followers[node] = append(t.round.followers[node], f)
	return true
}

// leave ends what join began.
func (t *tail) leave(f *follower) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.round == nil {
		return
	}
	node := f.filter.Node
	left := slices.DeleteFunc(t.round.followers[node], func(other *follower) bool { return other == f })
	if t.round.followers[node] = left; len(left) == 0 {
		delete(t.round.followers, node)
	}
	if len(t.round.followers) == 0 {
		t.close()
	}
}

// close ends the round. The caller holds t.mu.
func (t *tail) close() {
	t.round.end()
	t.round = nil
}

// read hands out what is committed until ctx ends or the feed fails.
func (t *tail) read(ctx context.Context, r *round) {
	for at := r.at; ; {
		changed := t.feed.Changed()
		records, next, err := t.feed.Feed(ctx, at, feedBatch)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			t.fail(r, err)
			return
		}
		if len(records) > 0 || next > at {
			at = max(at, next)
			t.hand(r, records, at)
			continue
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// hand gives records to all who want them; each is encoded once, if at all.
func (t *tail) hand(r *round, records []Record, at uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range records {
		var text []byte
		give := func(followers []*follower) {
			for _, f := range followers {
				if records[i].Position <= f.next || !f.wants(&records[i]) {
					continue
				}
				if text == nil {
					text = appendRecord(nil, &records[i])
				}
				f.put(text)
			}
		}
		give(r.followers[""])
		give(r.followers[records[i].node()])
	}
	r.at = at
}

func (t *tail) fail(r *round, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, followers := range r.followers {
		for _, f := range followers {
			f.stop(err)
		}
	}
	if t.round == r {
		t.close()
	}
}

// maxQueued is how many bytes may wait for one client: some 20,000 records. Text is shared, so that clients which are slow
// together cost it once.
const maxQueued = 4 << 20

// errSlow ends a stream whose client let more than maxQueued wait.
var errSlow = errors.New("client too slow")

// follower is one client of a tail.
type follower struct {
	filter Filter
	next   uint64 // last position passed; fixed once it has joined

	wake   chan struct{} // a message when there may be something in the queue
	mu     sync.Mutex
	queue  [][]byte
	queued int   // bytes
	err    error // no more comes
}

func newFollower(filter Filter) *follower {
	return &follower{filter: filter, wake: make(chan struct{}, 1)}
}

// node names whose record it is.
func (r *Record) node() string {
	if r.Event != nil {
		return r.Event.Node
	}
	return r.Reading.Series.Node
}

func (f *follower) wants(r *Record) bool {
	device, metric := "", ""
	if r.Event != nil {
		device = r.Event.Device
	} else {
		device, metric = r.Reading.Series.Device, r.Reading.Series.Metric
	}
	return (f.filter.Node == "" || f.filter.Node == r.node()) &&
		(f.filter.Device == "" || f.filter.Device == device) &&
		(f.filter.Metric == "" || f.filter.Metric == metric)
}

// put queues text, which must not change any more. It never waits.
func (f *follower) put(text []byte) {
	f.mu.Lock()
	if f.err == nil {
		f.queue = append(f.queue, text)
		f.queued += len(text)
	}
	over := f.queued > maxQueued
	f.mu.Unlock()
	if over {
		f.stop(errSlow)
		return
	}
	f.nudge()
}

// stop makes drain return err. What is queued is dropped: the client asks for it again.
func (f *follower) stop(err error) {
	f.mu.Lock()
	if f.err == nil {
		f.err, f.queue, f.queued = err, nil, 0
	}
	f.mu.Unlock()
	f.nudge()
}

func (f *follower) nudge() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// take returns the oldest text that waits, nil if there is none.
func (f *follower) take() ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil || len(f.queue) == 0 {
		return nil, f.err
	}
	text := f.queue[0]
	f.queue[0] = nil
	f.queue = f.queue[1:]
	f.queued -= len(text)
	return text, nil
}

// drain sends what is queued, as it comes.
func (f *follower) drain(ctx context.Context, send func(context.Context, []byte) error) error {
	for {
		text, err := f.take()
		if err != nil {
			return err
		}
		if text != nil {
			if err := send(ctx, text); err != nil {
				return err
			}
			continue
		}
		select {
		case <-f.wake:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
