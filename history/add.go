package history

import (
	"errors"
	"fmt"
	"math"

	"fieldpost/journal"
	"fieldpost/journal/index"
	"fieldpost/telemetry/frame"
	"fieldpost/telemetry/ranges"
)

// AddEntry takes a committed frame into the index and the catalogue: its entry, its header, its table (nil for events) and its spans. Frames are added
// in the order of their positions.
func (r *Reader) AddEntry(e journal.Entry, h frame.Header, t *Table, spans []Span) {
	delta, unset := r.clock.of(h)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.index.Add(postings(e.Pos, h, t)...)
	r.series.add(r.id, e.Pos, h, t, spans, delta, unset)
	if r.added += len(e.Data); r.added >= sealEvery {
		r.added = 0
		r.seal()
	}
}

// sealEvery is how many bytes are added between two looks for segments that were sealed meanwhile.
const sealEvery = 1 << 20

// seal writes side files for the segments that the journal has sealed.
func (r *Reader) seal() {
	for _, seg := range r.journal.Segments() {
		if seg.First < r.unsealed {
			continue
		}
		if !seg.Sealed {
			r.unsealed = seg.First
			return
		}
		if err := r.index.Seal(seg); err != nil {
			r.log.Warn("index of a segment stays in memory; it is tried again", "path", seg.Path, "err", err)
			return
		}
		r.unsealed = seg.Next
	}
}

// post works out the postings of a segment from its entries.
func (r *Reader) post(seg journal.Segment) error {
	if seg.Next > seg.First {
		if err := r.each(ranges.Range{From: seg.First, To: seg.Next - 1}, func(e entry) {
			var t *Table
			if e.header.Content == frame.Readings {
				var err error
				if t, err = r.table(e.Pos, e.header); err != nil {
					r.unreadable(e.Pos, err)
					return
				}
			}
			r.index.Add(postings(e.Pos, e.header, t)...)
		}); err != nil {
			return err
		}
	}
	if !seg.Sealed {
		return nil
	}
	if err := r.index.Seal(seg); err != nil {
		r.log.Warn("index of a segment stays in memory", "path", seg.Path, "err", err)
	}
	return nil
}

// mend deals with an error of index or blocks: if a side file was damaged it is made again, or the journal read in its place, and the question may
// be asked again.
func (r *Reader) mend(err error) error {
	if r.blocks != nil {
		if err = r.blocks.Mend(err); err == nil {
			return nil
		}
	}
	var d *index.DamageError
	if !errors.As(err, &d) {
		return err
	}
	r.log.Warn("index damaged; it is made again", "path", d.Path, "err", d.Err)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.index.Drop(d.First); err != nil {
		return err
	}
	for _, seg := range r.journal.Segments() {
		if seg.First == d.First {
			return r.post(seg)
		}
	}
	return nil
}

// Drop drops the sealed segment seg of the journal, its index, and what the catalogue has of it.
func (r *Reader) Drop(seg journal.Segment) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.journal.Drop(seg.First); err != nil {
		return err
	}
	r.series.Forget(r.id, seg.Next)
	if r.blocks != nil {
		r.blocks.Drop(seg.Next)
	}
	if err := r.index.Drop(seg.First); err != nil {
		return fmt.Errorf("drop index of segment %d: %w", seg.First, err)
	}
	return nil
}

// catalogue completes the catalogue by what came after what it covers.
func (r *Reader) catalogue() error {
	from := r.series.Covered(r.id)
	return r.each(ranges.Range{From: from, To: math.MaxUint64 - 1}, func(e entry) {
		delta, unset := r.clock.of(e.header)
		if e.header.Content != frame.Readings {
			r.series.add(r.id, e.Pos, e.header, nil, nil, delta, unset)
			return
		}
		t, err := r.table(e.Pos, e.header)
		if err != nil {
			r.unreadable(e.Pos, err)
			return
		}
		_, recs, err := frame.Decode(e.Data, nil)
		if err != nil {
			r.unreadable(e.Pos, err)
			return
		}
		r.series.add(r.id, e.Pos, e.header, t, Spans(recs), delta, unset)
	})
}
