// Package foreign says a node's records in words that others understand: JSON and SenML, on topics of the user's choice, for whoever listens on an
// MQTT broker and is no gateway of ours. It is pure: frames in, messages out.
package foreign

import (
	"fmt"

	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
	"fieldpost/telemetry/ranges"
)

// Format is how records are written.
type Format string

// The formats.
const (
	JSON  Format = "json"  // an object per record, with the keys of /v1/readings and /v1/events
	SenML Format = "senml" // an array of records of one topic (RFC 8428)
)

// packMost bounds the records in a SenML pack.
const packMost = 100

// Encoder makes messages of frames. It is not changed by use.
type Encoder struct {
	Format Format
	Topic  Topic
	Node   string
}

// Message is one publication. Its span are the sequences that it says.
type Message struct {
	Topic   string
	Payload []byte
	Span    ranges.Range
}

// Clock is what is known by now of the clock under which a frame was taken: by how much times of the node's own clock are to be moved, in
// nanoseconds, and whether they are still in doubt.
type Clock struct {
	Delta int64
	Unset bool
}

// record is one record with its identity.
type record struct {
	node, device, name string
	lane               telemetry.Lane
	epoch              telemetry.Epoch
	seq                uint64
	unset              bool
	time               telemetry.Time
	unit               string
	value              telemetry.Value
	quality            telemetry.Quality
	event              *telemetry.Event // nil: a reading
}

// Messages returns what is to be published of the part due of a frame, in the order of the sequences. series is the frame's table; for events nil.
func (e Encoder) Messages(data []byte, series []frame.Series, due ranges.Range, c Clock) ([]Message, error) {
	all, err := e.records(data, series, c)
	if err != nil {
		return nil, err
	}
	var out []Message
	pack := all[:0:0]
	flush := func() {
		if len(pack) > 0 {
			out = append(out, e.message(pack))
		}
		pack = pack[:0]
	}
	for _, r := range all {
		if r.seq < due.From || r.seq > due.To {
			continue
		}
		if len(pack) > 0 && (e.Format != SenML || len(pack) >= packMost || e.topic(&r) != e.topic(&pack[0])) {
			flush()
		}
		pack = append(pack, r)
	}
	flush()
	return out, nil
}

func (e Encoder) records(data []byte, series []frame.Series, c Clock) ([]record, error) {
	h, err := frame.ParseHeader(data)
	if err != nil {
		return nil, err
	}
	base := record{node: e.Node, lane: h.Lane, epoch: h.Epoch, unset: c.Unset}
	var out []record
	if h.Content == frame.Events {
		_, events, err := frame.DecodeEvents(data)
		if err != nil {
			return nil, err
		}
		for i := range events {
			r, ev := base, &events[i]
			ev.Time += telemetry.Time(c.Delta)
			r.seq, r.device, r.name, r.time, r.event = h.First+uint64(i), ev.Device, ev.Pattern, ev.Time, ev
			out = append(out, r)
		}
		return out, nil
	}
	_, recs, err := frame.Decode(data, nil)
	if err != nil {
		return nil, err
	}
	for i, rec := range recs {
		if int(rec.Series) >= len(series) {
			return nil, fmt.Errorf("record %d is of series %d, and its table has %d", h.First+uint64(i), rec.Series, len(series))
		}
		s := series[rec.Series]
		r := base
		r.seq, r.device, r.name, r.unit, r.value, r.quality, r.time = h.First+uint64(i), s.Device, s.Name, s.Unit, rec.Value, rec.Quality, rec.Time
		if rec.Stamped {
			r.unset = false // the instrument's own clock
		} else {
			r.time += telemetry.Time(c.Delta)
		}
		out = append(out, r)
	}
	return out, nil
}

func (e Encoder) topic(r *record) string {
	kind := "readings"
	if r.event != nil {
		kind = "events"
	}
	return e.Topic.expand(map[string]string{"node": r.node, "kind": kind, "lane": r.lane.String(), "device": r.device, "metric": r.name})
}

func (e Encoder) message(pack []record) Message {
	m := Message{Topic: e.topic(&pack[0]), Span: ranges.Range{From: pack[0].seq, To: pack[len(pack)-1].seq}}
	if e.Format == SenML {
		m.Payload = appendPack(nil, pack)
	} else {
		m.Payload = appendObject(nil, &pack[0])
	}
	return m
}
