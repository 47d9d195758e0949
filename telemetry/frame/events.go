package frame

import (
	"encoding/binary"
	"fmt"

	"fieldpost/telemetry"
	"fieldpost/telemetry/frame/internal/columns"
)

const (
	leastEvent = 8 // bytes of the shortest event
	leastCause = 6 // bytes of the shortest cause
)

// EncodeEvents is Encode for events; Table is left out.
func EncodeEvents(dst []byte, h Header, events []telemetry.Event) ([]byte, error) {
	if err := checkHeader(&h, len(events)); err != nil {
		return dst, err
	}
	e := encoders.Get().(*encoder)
	defer e.release()
	h.Coding, h.Content, h.Count = Plain, Events, uint32(len(events))
	h.Table, h.Columns = 0, nil
	h.Min, h.Max = events[0].Time, events[0].Time
	for i := range events {
		if err := checkEvent(&events[i]); err != nil {
			return dst, fmt.Errorf("encode frame of node %s: event %d: %w", h.Node, i, err)
		}
		h.Min, h.Max = min(h.Min, events[i].Time), max(h.Max, events[i].Time)
	}
	b := e.frameBody[:0]
	for i := range events {
		b = appendEvent(b, &events[i], h.Min)
		if e.frameBody = b; len(b) > MaxSize {
			return dst, fmt.Errorf("encode frame of node %s: %w: over %d bytes", h.Node, ErrTooLarge, MaxSize)
		}
	}
	out, front, err := appendFrame(dst, &h, nil, b, e.front)
	e.front = front
	return out, err
}

func checkEvent(ev *telemetry.Event) error {
	if err := telemetry.CheckName(ev.Device); err != nil {
		return fmt.Errorf("device: %w", err)
	}
	if err := telemetry.CheckName(ev.Pattern); err != nil {
		return fmt.Errorf("pattern: %w", err)
	}
	if ev.State > telemetry.Cleared || ev.Severity > telemetry.Critical {
		return fmt.Errorf("unknown %s or %s", ev.State, ev.Severity)
	}
	if len(ev.Cause) > telemetry.MaxCauses {
		return fmt.Errorf("%d causes, at most %d", len(ev.Cause), telemetry.MaxCauses)
	}
	for i := range ev.Cause {
		c := &ev.Cause[i]
		if err := telemetry.CheckName(c.Metric); err != nil {
			return fmt.Errorf("metric of cause %d: %w", i, err)
		}
		if c.Quality > telemetry.Bad || !c.Value.Kind().Valid() {
			return fmt.Errorf("cause %d: unknown %s or %s", i, c.Quality, c.Value.Kind())
		}
	}
	return nil
}

func appendEvent(b []byte, ev *telemetry.Event, earliest telemetry.Time) []byte {
	b = append(b, byte(ev.State)|byte(ev.Severity)<<4)
	b = columns.AppendScaled(b, uint64(ev.Time)-uint64(earliest))
	b = columns.AppendText(b, ev.Device)
	b = columns.AppendText(b, ev.Pattern)
	b = columns.AppendText(b, ev.Message)
	b = append(b, byte(len(ev.Cause)))
	for i := range ev.Cause {
		c := &ev.Cause[i]
		b = append(b, byte(c.Value.Kind())|byte(c.Quality)<<4)
		b = columns.AppendScaled(b, columns.Zigzag(uint64(ev.Time)-uint64(c.Time)))
		b = columns.AppendText(b, c.Metric)
		b = columns.AppendText(b, c.Unit)
		switch c.Value.Kind() {
		case telemetry.KindFloat:
			b = binary.LittleEndian.AppendUint64(b, c.Value.Bits())
		case telemetry.KindText:
			b = columns.AppendText(b, c.Value.Text())
		default:
			b = columns.AppendVarint(b, c.Value.Bits())
		}
	}
	return b
}

// DecodeEvents checks a frame of events and returns them in sequence order. All errors are ErrCorrupt or ErrVersion.
func DecodeEvents(b []byte) (Header, []telemetry.Event, error) {
	h, l, err := check(b, nil)
	if err != nil {
		return h, nil, err
	}
	if h.Content != Events {
		return Header{}, nil, columns.Corrupt("holds %s, want events", h.Content)
	}
	r := reader{columns.Reader{B: b[l.body:l.end]}}
	if int(h.Count) > r.Left()/leastEvent {
		return Header{}, nil, columns.Corrupt("%d events in %d bytes", h.Count, r.Left())
	}
	events := make([]telemetry.Event, h.Count)
	for i := range events {
		ev := &events[i]
		r.event(ev, h.Min)
		if r.Err == nil {
			if err := checkEvent(ev); err != nil {
				r.Fail("event %d: %v", i, err)
			}
		}
		if r.Err != nil {
			return Header{}, nil, r.Err
		}
	}
	if r.Left() > 0 {
		return Header{}, nil, columns.Corrupt("%d bytes after the last event", r.Left())
	}
	lo, hi := events[0].Time, events[0].Time
	for _, ev := range events {
		lo, hi = min(lo, ev.Time), max(hi, ev.Time)
	}
	if lo != h.Min || hi != h.Max {
		return Header{}, nil, columns.Corrupt("times from %d to %d, its header says %d to %d", lo, hi, h.Min, h.Max)
	}
	return h, events, nil
}

func (r *reader) event(ev *telemetry.Event, earliest telemetry.Time) {
	b := r.Byte()
	ev.State, ev.Severity = telemetry.State(b&15), telemetry.Severity(b>>4)
	ev.Time = telemetry.Time(uint64(earliest) + r.Scaled())
	ev.Device = r.Text(telemetry.MaxName)
	ev.Pattern = r.Text(telemetry.MaxName)
	ev.Message = r.Text(MaxSize)
	n := int(r.Byte())
	if n > telemetry.MaxCauses || n > r.Left()/leastCause {
		r.Fail("%d causes in %d bytes", n, r.Left())
		return
	}
	if n == 0 {
		return
	}
	ev.Cause = make([]telemetry.Cause, n)
	for i := range ev.Cause {
		r.cause(&ev.Cause[i], ev.Time)
	}
}

func (r *reader) cause(c *telemetry.Cause, of telemetry.Time) {
	b := r.Byte()
	kind := telemetry.Kind(b & 15)
	c.Quality = telemetry.Quality(b >> 4)
	c.Time = telemetry.Time(uint64(of) - columns.Unzigzag(r.Scaled()))
	c.Metric = r.Text(telemetry.MaxName)
	c.Unit = r.Text(MaxSize)
	switch kind {
	case telemetry.KindFloat:
		c.Value = telemetry.ValueOfBits(kind, r.Uint64())
	case telemetry.KindInt:
		c.Value = telemetry.ValueOfBits(kind, r.Varint())
	case telemetry.KindBool:
		v := r.Varint()
		if v > 1 {
			r.Fail("boolean %d", int64(v))
		}
		c.Value = telemetry.ValueOfBits(kind, v)
	case telemetry.KindText:
		c.Value = telemetry.Text(r.Text(MaxSize))
	default:
		r.Fail("unknown kind %d", kind)
	}
}
