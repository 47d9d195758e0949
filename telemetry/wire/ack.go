package wire

import "encoding/binary"

// Ack says what is on the gateway's disk (delivery rule 8). It is cumulative: the whole runs around what was newly stored, so that a lost
// Ack costs nothing once a later one has come.
type Ack struct {
	Generation uint64
	Stored     []Stored
}

func (m *Ack) append(b []byte) []byte {
	return appendStored(binary.BigEndian.AppendUint64(b, m.Generation), m.Stored)
}

func (d *decoder) ack() *Ack {
	return &Ack{Generation: d.u64(), Stored: d.stored()}
}
