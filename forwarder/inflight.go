package forwarder

import (
	"slices"
	"time"

	"fieldpost/telemetry"
	"fieldpost/telemetry/ranges"
	"fieldpost/telemetry/wire"
)

// run names a lane of an epoch: what sets of sequences belong to.
type run struct {
	epoch telemetry.Epoch
	lane  telemetry.Lane
}

// shipment is one frame that was sent and is not acknowledged in whole.
type shipment struct {
	run
	left  ranges.Set
	count uint64 // records in left
	bytes int    // of the part that is left
	stamp stamp

	patient bool // its ack may wait, and says nothing of the link

	// Of a dense frame; else zero.
	id    uint64 // wire.FrameID
	state uint64 // the name of what is known after it
	era   int    // of the coder's chains
}

// inflight is what is under way on one connection, in the order sent.
type inflight struct {
	list  []*shipment
	bytes int       // of all lanes but alarm
	alarm int       // of alarm
	quiet int       // of bytes, those of patient frames
	acked time.Time // when the latest of those acknowledged in whole was sent

	took func(state uint64) // is told of each dense frame that was acknowledged in whole; nil: nobody
}

func (f *inflight) total(l telemetry.Lane) *int {
	if l == telemetry.Alarm {
		return &f.alarm
	}
	return &f.bytes
}

func (f *inflight) add(s *shipment, r ranges.Range) {
	s.left, s.count = ranges.Make(r), r.Len()
	f.list = append(f.list, s)
	f.count(s, s.bytes)
}

// count adds to the bytes of s's kind.
func (f *inflight) count(s *shipment, bytes int) {
	*f.total(s.lane) += bytes
	if s.patient {
		f.quiet += bytes
	}
}

// expected returns the bytes whose acks are to come at once.
func (f *inflight) expected() int { return f.bytes + f.alarm - f.quiet }

// unread takes out the dense frame of an id that the gateway cannot read, and returns it; nil: there is none.
func (f *inflight) unread(id uint64) *shipment {
	for i, s := range f.list {
		if s.id == id {
			f.list = slices.Delete(f.list, i, i+1)
			f.count(s, -s.bytes)
			return s
		}
	}
	return nil
}

// take removes the sequences of set from what is under way. It returns how many records that gave back, how many bytes of which the ack was to come
// at once, and the shipments of which nothing is left. A part of a frame gives back its part of the frame's bytes.
func (f *inflight) take(k run, set ranges.Set) (records uint64, bytes int, whole []*shipment) {
	if set.Empty() {
		return 0, 0, nil
	}
	low, _ := set.Min()
	high, _ := set.Max()
	f.list = slices.DeleteFunc(f.list, func(s *shipment) bool {
		if s.run != k {
			return false
		}
		from, _ := s.left.Min()
		to, _ := s.left.Max()
		n := s.count
		if low > to || high < from {
			return false
		}
		if !set.HasAll(ranges.Range{From: from, To: to}) {
			rest := s.left.Minus(set)
			n -= rest.Len()
			if n == 0 {
				return false
			}
			s.left = rest
		}
		given := s.bytes
		if n < s.count {
			given = int(float64(s.bytes) * float64(n) / float64(s.count))
		}
		s.count -= n
		s.bytes -= given
		records += n
		if !s.patient {
			bytes += given
		}
		f.count(s, -given)
		if s.count > 0 {
			return false
		}
		whole = append(whole, s)
		return true
	})
	return records, bytes, whole
}

// ack takes what the gateway has and tells w.
func (f *inflight) ack(now time.Time, w *window, stored []wire.Stored) (records uint64) {
	var whole []*shipment
	for _, s := range stored {
		n, bytes, done := f.take(run{s.Epoch, s.Lane}, s.Ranges)
		records += n
		w.got(now, bytes)
		whole = append(whole, done...)
	}
	for _, s := range whole {
		if !s.patient {
			w.acked(now, s.stamp)
		}
		if f.took != nil {
			f.took(s.state)
		}
		if s.stamp.at.After(f.acked) {
			f.acked = s.stamp.at
		}
	}
	return records
}

// overtaken reports whether something sent d after the oldest of what is under way is acknowledged already. Messages keep their
// order, so that one, or the word about it, was lost on the way, however much else is acknowledged.
func (f *inflight) overtaken(d time.Duration) bool {
	return len(f.list) > 0 && f.acked.Sub(f.list[0].stamp.at) >= d
}

// drop forgets all of it and returns how many frames that were.
func (f *inflight) drop() (frames int) {
	frames = len(f.list)
	*f = inflight{took: f.took}
	return frames
}

// of returns the sequences of k that are under way.
func (f *inflight) of(k run) (set ranges.Set) {
	for _, s := range f.list {
		if s.run == k {
			set.AddAll(s.left)
		}
	}
	return set
}

func (f *inflight) records() (n uint64) {
	for _, s := range f.list {
		n += s.count
	}
	return n
}
