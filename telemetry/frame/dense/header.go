package dense

import (
	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
)

// Known is what both ends of a connection know of a node's frames without being told: what the hello said, and the table sent last. A frame says only what is
// otherwise.
type Known struct {
	Node   string
	Epoch  telemetry.Epoch
	Lane   telemetry.Lane
	Boot   telemetry.Boot
	Clock  telemetry.ClockState
	Offset int64
	Table  uint64
	Next   uint64 // the sequence of the first record; 0 is 1
}

// about is what a frame's header is told by.
type about struct {
	Known
	count uint32
}

// header codes h by what is known, and takes it for known by the next.
func (m *model) header(a *arith, k *about, h *frame.Header) {
	number := func(which uint32, known, is uint64) uint64 {
		if m.flag(a, kindHeader, setOther, is == known, which) {
			return known
		}
		return uint64(m.plain(a, setOther, 8+which, 0, int64(is-known))) + known
	}
	h.Node = k.Node
	h.Epoch = telemetry.Epoch(number(0, uint64(k.Epoch), uint64(h.Epoch)))
	h.Lane = telemetry.Lane(number(1, uint64(k.Lane), uint64(h.Lane)))
	h.Boot.Ordinal = uint32(number(2, uint64(k.Boot.Ordinal), uint64(h.Boot.Ordinal)))
	h.Boot.ID = number(3, k.Boot.ID, h.Boot.ID)
	h.Clock = telemetry.ClockState(number(4, uint64(k.Clock), uint64(h.Clock)))
	h.Offset = int64(number(5, uint64(k.Offset), uint64(h.Offset)))
	h.Table = number(6, k.Table, h.Table)
	h.First = number(7, k.Next, h.First)
	h.Count = uint32(number(8, uint64(k.count), uint64(h.Count)))
	if h.Count == 0 || h.Count > MaxRecords || !h.Lane.Valid() {
		a.fail("%d records in lane %d", h.Count, h.Lane)
	}
	k.Known = Known{h.Node, h.Epoch, h.Lane, h.Boot, h.Clock, h.Offset, h.Table, h.First + uint64(h.Count)}
	k.count = h.Count
}
