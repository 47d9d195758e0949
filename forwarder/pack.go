package forwarder

import (
	"errors"
	"fmt"
	"time"

	"fieldpost/telemetry/frame"
	"fieldpost/telemetry/frame/dense"
	"fieldpost/telemetry/ranges"
)

var (
	errNothing = errors.New("nothing to send")
	errNoRoom  = errors.New("no room in the window")
)

// packError says what part of a lane cannot be sent and why.
type packError struct {
	run
	span  ranges.Range
	final bool // trying again is of no use
	err   error
}

func (e packError) Error() string { return e.err.Error() }
func (e packError) Unwrap() error { return e.err }

// parcel is a frame ready to go.
type parcel struct {
	run
	header frame.Header
	data   []byte
	table  []byte // to go before it; nil: the gateway has it

	// The same coded densely; nil: it goes as it is. See coder.
	dense []byte
	chain dense.Chain
	state uint64
	era   int
	cold  bool
}

// payload returns the frame as it goes.
func (p *parcel) payload() []byte {
	if p.dense != nil {
		return p.dense
	}
	return p.data
}

// readAhead holds frames of one lane that were read and not sent yet, in order.
type readAhead struct{ frames []Stored }

// from drops what lies before seq and returns the rest if it begins with the frame that holds seq.
func (r *readAhead) from(seq uint64) []Stored {
	for len(r.frames) > 0 && r.frames[0].Header.Last() < seq {
		r.frames = r.frames[1:]
	}
	if len(r.frames) > 0 && r.frames[0].Header.First <= seq {
		return r.frames
	}
	return nil
}

// pack makes the next frame of a queue, of at most room bytes and at most limit, coded as the link's frames are.
func (c *connection) pack(now time.Time, q queue, room int) (parcel, error) {
	coder, limit := &c.s.coder, c.limit(now, q)
	stretch := coder.stretch()
	p, err := c.packPlain(q, min(int(float64(room)*stretch), max(room, maxPayload)), min(int(float64(limit)*stretch), max(limit, maxPayload)))
	if err != nil {
		return p, err
	}
	if p.table != nil {
		coder.known.Table = p.header.Table // it goes before the frame
	}
	if coder.coding() != Plain {
		coder.allow(p.header.Table, c.s.o.Outbox.Table)
	}
	coder.code(&p, min(limit, max(room, minPayload)))
	return p, nil
}

// packPlain makes the next frame of a queue as the journal has it: the first one that is due, cut where it is too large or partly there already, with those after it that can
// be joined to it.
func (c *connection) packPlain(q queue, room, limit int) (parcel, error) {
	k, due, ok := c.ledger.next(q)
	if !ok {
		return parcel{}, errNothing
	}
	frames, err := c.read(q, k, due)
	if err != nil {
		return parcel{}, err
	}
	first := frames[0]
	fail := func(err error, final bool) (parcel, error) {
		to := min(first.Header.Last(), due.To)
		return parcel{}, packError{run: k, span: ranges.Range{From: due.From, To: to}, final: final, err: err}
	}
	if min(len(first.Data), limit) > room {
		// Half a frame is better than a window that is half empty: the link would be measured by that, and the window would shrink to it.
		if room < max(limit/2, minPayload) {
			return parcel{}, errNoRoom
		}
		limit = room
	}
	if c.s.coder.coding() != Plain {
		due.To = min(due.To, due.From+denseRecords-1)
	}
	if first, err = trim(first, due, limit); err != nil {
		return fail(fmt.Errorf("cut the frame at sequence %d: %w", due.From, err), true)
	}
	if most := int(c.welcome.MaxFrame); most > 0 && len(first.Data) > most {
		return fail(fmt.Errorf("one record takes %d bytes; the gateway takes %d", len(first.Data), most), true)
	}
	p := parcel{run: k, header: first.Header, data: first.Data}
	if t := first.Header.Table; t != 0 && !c.tables[t] {
		if p.table, err = c.s.o.Outbox.Table(t); err != nil {
			return fail(fmt.Errorf("find the series table of the frame at sequence %d: %w", due.From, err), false)
		}
	}
	if first.Header.Last() != frames[0].Header.Last() {
		return p, nil // cut short: what follows does not join
	}
	last, ok := c.s.parked.company(k, due)
	if !ok {
		return p, nil
	}
	limit = min(limit, room)
	most := uint32(joinRecords)
	if c.s.coder.coding() != Plain {
		most = denseRecords
	}
	for joined := join(first, frames[1:], last, limit, most); len(joined) > 1; {
		data, err := frame.Join(nil, joined...)
		if err != nil {
			return p, nil // one by one, then
		}
		if len(data) > limit {
			fit := len(joined) * limit / len(data)
			joined = joined[:max(1, min(fit, len(joined)-1))]
			continue
		}
		if h, err := frame.ParseHeader(data); err == nil {
			p.header, p.data = h, data
		}
		break
	}
	return p, nil
}

// read returns frames of the queue, the first of which holds due.From.
func (c *connection) read(q queue, k run, due ranges.Range) ([]Stored, error) {
	a := &c.ahead[q]
	if frames := a.from(due.From); frames != nil && frames[0].Header.Epoch == k.epoch {
		return frames, nil
	}
	frames, err := c.s.o.Outbox.Frames(k.lane, due.From, max(2*min(int(float64(c.most())*c.s.coder.stretch()), maxPayload), leastAhead))
	a.frames = frames
	switch {
	case len(frames) == 0 && err != nil:
		return nil, packError{run: k, span: ranges.Range{From: due.From, To: due.From}, err: err}
	case len(frames) == 0:
		return nil, packError{run: k, span: due, err: errGone}
	case frames[0].Header.First > due.From || frames[0].Header.Epoch != k.epoch:
		gone := ranges.Range{From: due.From, To: due.To}
		if f := frames[0].Header.First; f > due.From {
			gone.To = min(gone.To, f-1)
		}
		return nil, packError{run: k, span: gone, err: errGone}
	case frames[0].Header.Last() < due.From:
		return nil, packError{run: k, span: ranges.Range{From: due.From, To: due.From}, err: errGone}
	}
	return frames, nil
}

// trim cuts the part that is due out of a frame, and so much of it that it takes no more than limit bytes, but at least one record.
func trim(s Stored, due ranges.Range, limit int) (Stored, error) {
	from, to := max(s.Header.First, due.From), min(s.Header.Last(), due.To)
	if from == s.Header.First && to == s.Header.Last() && len(s.Data) <= limit {
		return s, nil
	}
	if len(s.Data) > limit {
		share := float64(limit) / float64(len(s.Data)) * float64(s.Header.Count)
		to = min(to, from+uint64(max(share, 1))-1)
	}
	for {
		data, err := frame.Cut(nil, s.Data, from, to)
		if err != nil {
			return Stored{}, err
		}
		if len(data) > limit && to > from {
			to = from + (to-from)/2 // records differ in size
			continue
		}
		h, err := frame.ParseHeader(data)
		if err != nil {
			return Stored{}, err
		}
		return Stored{Header: h, Data: data}, nil
	}
}

// leastAhead is how many bytes are read at once, however small the window: small frames shrink when they are joined.
const leastAhead = 16 << 10

// joinRecords is how many records frames are joined to: what a larger one would save on the wire is nothing beside the memory it takes at both ends.
const joinRecords = 8192

// joinSaves is about how many bytes a frame's header and check take that it has not got any more once it is joined to another, and those of each column.
const (
	joinSaves       = 56
	joinSavesColumn = 4
)

// join returns first and those of the frames after it that may go in one frame with it, as far as one can tell before it is made.
func join(first Stored, rest []Stored, last uint64, limit int, most uint32) [][]byte {
	frames := [][]byte{first.Data}
	size, records, prev := len(first.Data), first.Header.Count, first.Header
	for _, s := range rest {
		size += max(len(s.Data)-joinSaves-joinSavesColumn*len(s.Header.Columns), int(s.Header.Count)/8+1)
		records += s.Header.Count
		if size > limit || records > most || s.Header.Last() > last || !frame.Joinable(prev, s.Header) {
			break
		}
		frames = append(frames, s.Data)
		prev = s.Header
	}
	return frames
}
