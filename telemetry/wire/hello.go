package wire

import (
	"encoding/binary"

	"fieldpost/telemetry"
	"fieldpost/telemetry/ranges"
)

// Hello is what a node says first on every connection, and again when what it keeps has changed (delivery rules 6 and 13).
type Hello struct {
	Nonce    uint64 // of this connection
	Link     string
	Software string  // e.g. "fieldpost-edge 0.1.0"
	Store    StoreID // the store it met first on this link; zero: none yet
	Codings  uint32  // bit n: it can send coding n
	Epochs   []Epoch // oldest first; the last is the open one
	Boots    []Boot

	// Bases are the names of the coder states that the node would go on from, oldest first, at most MaxBases (delivery rule 26): what the gateway has of
	// them it keeps, and nothing else of this link. nil: all stays as it is.
	Bases []uint64
}

// MaxBases is how many coder states a link has.
const MaxBases = 4

// Epoch is one epoch of a node as its Hello tells it.
type Epoch struct {
	Epoch  telemetry.Epoch
	Parent telemetry.Epoch
	Lanes  []Lane
}

// Lane is one lane of an Epoch. Parse checks that First is not above Next; what the sets hold beyond [First, Next) is for the
// reader to leave out.
type Lane struct {
	Lane  telemetry.Lane
	First uint64     // first sequence of this epoch (also if nothing was issued yet)
	Next  uint64     // one past the last issued and committed in this epoch
	Kept  ranges.Set // on the node's disk still
	Held  ranges.Set // the part of Kept that will not be sent unasked
	Lost  []Loss     // what it knows to be gone, with the reason
}

// Loss is a range that will not come.
type Loss struct {
	ranges.Range
	Reason Reason
	Time   telemetry.Time
}

// Boot is one row of a node's boot table.
type Boot struct {
	telemetry.Boot
	Clock  telemetry.ClockState // best state reached in this boot
	Offset int64                // wall minus monotonic at that best state, ns
	Error  int64                // estimated error of Offset, ns
}

// The fewest bytes that one element of a list takes.
const (
	minEpoch = 8 + 8 + 1
	minLane  = 6
	minLoss  = 4
	minBoot  = 1 + 8 + 1 + 1 + 1
)

// Newest returns the open epoch, its next live sequence and the present boot, zero where it names none: what the cold frames after a Hello with Bases need not say.
func (m *Hello) Newest() (epoch telemetry.Epoch, next uint64, boot Boot) {
	if n := len(m.Epochs); n > 0 {
		epoch = m.Epochs[n-1].Epoch
		for _, l := range m.Epochs[n-1].Lanes {
			if l.Lane == telemetry.Live {
				next = l.Next
			}
		}
	}
	if n := len(m.Boots); n > 0 {
		boot = m.Boots[n-1]
	}
	return epoch, next, boot
}

func (m *Hello) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint64(b, m.Nonce)
	b = appendText(b, m.Link)
	b = appendText(b, m.Software)
	b = append(b, m.Store[:]...)
	b = binary.AppendUvarint(b, uint64(m.Codings))
	b = binary.AppendUvarint(b, uint64(len(m.Epochs)))
	for _, e := range m.Epochs {
		b = binary.BigEndian.AppendUint64(b, uint64(e.Epoch))
		b = binary.BigEndian.AppendUint64(b, uint64(e.Parent))
		b = binary.AppendUvarint(b, uint64(len(e.Lanes)))
		for _, l := range e.Lanes {
			b = l.append(b)
		}
	}
	b = binary.AppendUvarint(b, uint64(len(m.Boots)))
	for _, t := range m.Boots {
		b = binary.AppendUvarint(b, uint64(t.Ordinal))
		b = binary.BigEndian.AppendUint64(b, t.ID)
		b = append(b, byte(t.Clock))
		b = binary.AppendVarint(b, t.Offset)
		b = binary.AppendVarint(b, t.Error)
	}
	return appendBases(b, m.Bases)
}

func (l Lane) append(b []byte) []byte {
	b = append(b, byte(l.Lane))
	b = binary.AppendUvarint(b, l.First)
	b = binary.AppendUvarint(b, l.Next-l.First)
	b = appendSet(b, l.Kept)
	b = appendSet(b, l.Held)
	b = binary.AppendUvarint(b, uint64(len(l.Lost)))
	for _, s := range l.Lost {
		b = append(b, byte(s.Reason))
		b = binary.AppendUvarint(b, s.From)
		b = binary.AppendUvarint(b, s.To-s.From)
		b = binary.AppendVarint(b, int64(s.Time))
	}
	return b
}

func (d *decoder) hello() *Hello {
	m := &Hello{
		Nonce:    d.u64(),
		Link:     d.text(),
		Software: d.text(),
		Store:    d.store(),
		Codings:  d.uv32("codings"),
	}
	m.Epochs = list(d, minEpoch, func() Epoch {
		return Epoch{
			Epoch:  telemetry.Epoch(d.u64()),
			Parent: telemetry.Epoch(d.u64()),
			Lanes:  list(d, minLane, d.helloLane),
		}
	})
	m.Boots = list(d, minBoot, func() Boot {
		return Boot{
			Boot:   telemetry.Boot{Ordinal: d.uv32("boot ordinal"), ID: d.u64()},
			Clock:  telemetry.ClockState(d.u8()),
			Offset: d.sv(),
			Error:  d.sv(),
		}
	})
	return m
}

func (d *decoder) helloLane() Lane {
	l := Lane{Lane: d.lane(), First: d.uv()}
	l.Next = d.plus(l.First, d.uv())
	l.Kept = d.set()
	l.Held = d.set()
	l.Lost = list(d, minLoss, func() Loss {
		s := Loss{Reason: Reason(d.u8())}
		s.From = d.uv()
		s.To = d.plus(s.From, d.uv())
		s.Time = telemetry.Time(d.sv())
		return s
	})
	return l
}
