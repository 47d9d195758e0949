package api

import (
	"context"
	"iter"
	"net/http"
	"strconv"
	"time"
)

const (
	feedBatch   = 1000             // records asked of the Selector at once
	maxFeedWait = 60 * time.Second // below the idle limits of the proxies in use
)

// feed serves GET /v1/feed: records in commit order, late data where it came in, so that who follows it misses nothing.
// Its parameters, all optional:
//
//	after    only records of a higher position; 0 (default) is the beginning. Go on with the position of the last record.
//	wait     when there is nothing yet, wait for it so long, at most 60s; an empty answer is no error
//	limit    as in readings
//	format   json (default) or ndjson; an ndjson answer ends where the feed ended when it got there
//
// A page always carries Link: <…>; rel="next", also when it is empty or the last for now.
func (s *server) feed(sel FeedSelector) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		p := readParams(r, "after", "limit", "wait", "format")
		var after uint64
		p.read("after", func(v string) (err error) {
			after, err = parsePosition(v)
			return err
		})
		wait := p.wait()
		limit, format := p.limit(), p.format(formatJSON, formatNDJSON)
		if p.err != nil {
			return p.err
		}
		f := feeder{sel: sel, ctx: r.Context(), next: after, size: feedBatch}
		if limit > 0 {
			f.size = min(feedBatch, limit+1) // one more tells whether there is more
		}
		if err := f.await(wait); err != nil {
			return err
		}
		return answer(s, w, r, list[Record]{
			format: format, limit: limit, json: appendRecord,
			link: func(last *Record, cut bool) (string, string) {
				next := f.next
				if cut {
					next = last.Position
				}
				return "after", strconv.FormatUint(next, 10)
			},
		}, f.rows())
	}
}

// feeder walks the feed in batches.
type feeder struct {
	sel   FeedSelector
	ctx   context.Context
	size  int // records asked for at once
	batch []Record
	next  uint64 // position to go on from after batch
}

// fill gets the next batch that is not empty. It reports whether there was one.
func (f *feeder) fill() (bool, error) {
	for {
		before := f.next
		var err error
		f.batch, f.next, err = f.sel.Feed(f.ctx, before, f.size)
		if err != nil {
			return false, err
		}
		if len(f.batch) > 0 {
			return true, nil
		}
		if f.next <= before { // not a hole that was stepped over, but the end
			f.next = before
			return false, nil
		}
	}
}

// await returns when there is a first batch or d is over, at once if the server stops.
func (f *feeder) await(d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	for {
		changed := f.sel.Changed()
		if ok, err := f.fill(); ok || err != nil || d <= 0 {
			return err
		}
		select {
		case <-changed:
		case <-timer.C:
			return nil
		case <-stopping(f.ctx):
			return nil
		case <-f.ctx.Done():
			return f.ctx.Err()
		}
	}
}

// rows yields the batch that is there and all after it, until the end as it is then.
func (f *feeder) rows() iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		for len(f.batch) > 0 {
			for _, r := range f.batch {
				if !yield(r, nil) {
					return
				}
			}
			if _, err := f.fill(); err != nil {
				yield(Record{}, err)
				return
			}
		}
	}
}

func appendRecord(b []byte, r *Record) []byte {
	b = strconv.AppendUint(append(b, `{"position":`...), r.Position, 10)
	if r.Event != nil {
		b = appendEventFields(append(b, `,"kind":"event",`...), r.Event)
	} else {
		b = appendReadingFields(append(b, `,"kind":"reading",`...), r.Reading)
	}
	return append(b, '}')
}
