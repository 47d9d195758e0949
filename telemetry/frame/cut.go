package frame

import (
	"fmt"

	"fieldpost/telemetry"
)

// Cut appends to dst a frame that holds only the records from..to (sequences, inclusive) of b; identities stay. It is an
// error to ask for records that b does not hold.
func Cut(dst, b []byte, from, to uint64) ([]byte, error) {
	h, err := Check(b)
	if err != nil {
		return dst, err
	}
	if from > to || from < h.First || to > h.Last() {
		return dst, fmt.Errorf("cut %d to %d out of a frame of %d to %d", from, to, h.First, h.Last())
	}
	if from == h.First && to == h.Last() {
		return append(dst, b...), nil
	}
	lo, hi := from-h.First, to-h.First+1
	h.First = from
	if h.Content == Events {
		_, events, err := DecodeEvents(b)
		if err != nil {
			return dst, err
		}
		return EncodeEvents(dst, h, events[lo:hi])
	}
	_, recs, err := Decode(b, nil)
	if err != nil {
		return dst, err
	}
	return Encode(dst, h, recs[lo:hi])
}

// Joinable reports whether b can be appended to a: same node, epoch, lane, boot, clock state, offset, table, content, and b.First == a.Last()+1.
func Joinable(a, b Header) bool {
	return a.Node == b.Node && a.Epoch == b.Epoch && a.Lane == b.Lane &&
		a.Boot == b.Boot && a.Clock == b.Clock && a.Offset == b.Offset &&
		a.Table == b.Table && a.Content == b.Content &&
		b.First == a.Last()+1 && b.First > a.First
}

// Join appends to dst one frame with the records of all frames, each Joinable to the one before. The error is ErrTooLarge
// where they are more than one frame holds.
func Join(dst []byte, frames ...[]byte) ([]byte, error) {
	if len(frames) == 0 {
		return dst, fmt.Errorf("join frames: none given")
	}
	if len(frames) == 1 {
		if _, err := Check(frames[0]); err != nil {
			return dst, fmt.Errorf("join frames: %w", err)
		}
		return append(dst, frames[0]...), nil
	}
	var first, last Header
	var recs []Record
	var events []telemetry.Event
	records := 0
	for i, b := range frames {
		h, err := ParseHeader(b)
		if err != nil {
			return dst, fmt.Errorf("join frames: %w", err)
		}
		if i == 0 {
			first = h
		} else if !Joinable(last, h) {
			return dst, fmt.Errorf("join frames: %s/%s/%s/%d does not follow %s/%s/%s/%d under the same boot, clock, table and content",
				h.Node, h.Epoch, h.Lane, h.First, last.Node, last.Epoch, last.Lane, last.Last())
		}
		last = h
		if records += int(h.Count); records > MaxRecords {
			return dst, fmt.Errorf("join frames: %w: over %d records", ErrTooLarge, MaxRecords)
		}
	}
	for _, b := range frames {
		var err error
		if first.Content == Events {
			var some []telemetry.Event
			_, some, err = DecodeEvents(b)
			events = append(events, some...)
		} else {
			_, recs, err = Decode(b, recs)
		}
		if err != nil {
			return dst, fmt.Errorf("join frames: %w", err)
		}
	}
	if first.Content == Events {
		return EncodeEvents(dst, first, events)
	}
	return Encode(dst, first, recs)
}
