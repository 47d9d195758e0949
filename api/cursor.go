package api

import (
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"errors"

	"fieldpost/telemetry"
)

// Compare orders cursors as Readings and Events order records: by time, lane, epoch, sequence, and last by node. It returns -1, 0 or 1.
func (c Cursor) Compare(o Cursor) int {
	return cmp.Or(
		cmp.Compare(c.Time, o.Time),
		cmp.Compare(c.Lane, o.Lane),
		cmp.Compare(c.Epoch, o.Epoch),
		cmp.Compare(c.Seq, o.Seq),
		cmp.Compare(c.Node, o.Node),
	)
}

// Cursor returns r's place in the order of Readings.
func (r *Reading) Cursor() Cursor {
	return Cursor{Time: r.Time, Epoch: r.Epoch, Lane: r.Lane, Seq: r.Seq, Node: r.Series.Node}
}

// Cursor returns e's place in the order of Events.
func (e *Event) Cursor() Cursor {
	return Cursor{Time: e.Time, Epoch: e.Epoch, Lane: e.Lane, Seq: e.Seq, Node: e.Node}
}

// A cursor in a URL is base64url of a kind byte and the fields below, big endian. It is opaque to clients, and a
// cursor of one kind of list is refused by the other.
const (
	cursorRecord byte = 'r' // time 8, epoch 8, lane 1, sequence 8, node
	cursorBucket byte = 'b' // start 8, then node, device, metric, unit, each with its length as a uvarint before it
)

var errCursor = errors.New("not one of ours; take it from the Link header of the answer before")

func (c Cursor) encode() string {
	b := []byte{cursorRecord}
	b = binary.BigEndian.AppendUint64(b, uint64(c.Time))
	b = binary.BigEndian.AppendUint64(b, uint64(c.Epoch))
	b = append(b, byte(c.Lane))
	b = binary.BigEndian.AppendUint64(b, c.Seq)
	b = append(b, c.Node...)
	return base64.RawURLEncoding.EncodeToString(b)
}

func decodeCursor(s string) (Cursor, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(b) < 26 || b[0] != cursorRecord {
		return Cursor{}, errCursor
	}
	c := Cursor{
		Time:  telemetry.Time(binary.BigEndian.Uint64(b[1:])),
		Epoch: telemetry.Epoch(binary.BigEndian.Uint64(b[9:])),
		Lane:  telemetry.Lane(b[17]),
		Seq:   binary.BigEndian.Uint64(b[18:]),
		Node:  string(b[26:]),
	}
	if !c.Lane.Valid() || telemetry.CheckNode(c.Node) != nil {
		return Cursor{}, errCursor
	}
	return c, nil
}

// place is a bucket's place in the order of a stepped answer.
type place struct {
	start  telemetry.Time
	series telemetry.Series
	unit   string
}

func (p place) compare(o place) int {
	return cmp.Or(
		cmp.Compare(p.start, o.start),
		cmp.Compare(p.series.Node, o.series.Node),
		cmp.Compare(p.series.Device, o.series.Device),
		cmp.Compare(p.series.Metric, o.series.Metric),
		cmp.Compare(p.unit, o.unit),
	)
}

func (p place) encode() string {
	b := []byte{cursorBucket}
	b = binary.BigEndian.AppendUint64(b, uint64(p.start))
	for _, s := range []string{p.series.Node, p.series.Device, p.series.Metric, p.unit} {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

func decodePlace(s string) (place, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(b) < 9 || b[0] != cursorBucket {
		return place{}, errCursor
	}
	p := place{start: telemetry.Time(binary.BigEndian.Uint64(b[1:]))}
	b = b[9:]
	for _, field := range []*string{&p.series.Node, &p.series.Device, &p.series.Metric, &p.unit} {
		n, size := binary.Uvarint(b)
		if size <= 0 || n > uint64(len(b)-size) {
			return place{}, errCursor
		}
		*field, b = string(b[size:size+int(n)]), b[size+int(n):]
	}
	if len(b) != 0 {
		return place{}, errCursor
	}
	return p, nil
}
