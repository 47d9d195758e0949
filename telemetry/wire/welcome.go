package wire

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"

	"fieldpost/telemetry"
	"fieldpost/telemetry/ranges"
)

// StoreID names a gateway's store for its life; zero is none.
type StoreID [16]byte

// String returns 32 hexadecimal digits.
func (s StoreID) String() string { return hex.EncodeToString(s[:]) }

// ParseStoreID is the inverse of StoreID.String.
func ParseStoreID(s string) (StoreID, error) {
	var id StoreID
	if n, err := hex.Decode(id[:], []byte(s[:min(len(s), 2*len(id))])); err != nil || n != len(id) || len(s) != 2*len(id) {
		return StoreID{}, fmt.Errorf("store %q: want 32 hexadecimal digits", s)
	}
	return id, nil
}

// MarshalText is String for encoders.
func (s StoreID) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText is ParseStoreID for decoders.
func (s *StoreID) UnmarshalText(b []byte) (err error) {
	*s, err = ParseStoreID(string(b))
	return err
}

// Welcome answers a Hello.
type Welcome struct {
	Nonce      uint64 // of the Hello it answers
	Store      StoreID
	Generation uint64 // drawn each time the store is opened
	Credit     uint64 // bytes the node may have unacknowledged; 0: no limit beyond the node's own window
	Direct     bool   // the broker is the gateway's own: QoS 0 will do
	Patient    bool   // the gateway knows frames whose ack may wait
	MaxFrame   uint32 // largest Frame.Data
	Codings    uint32
	Time       telemetry.Time
	Clock      telemetry.ClockState
	Stored     []Stored
	Bases      []uint64 // those of the Hello's that it has; nil where that named none
}

// Stored is what the gateway has on its disk of one lane of one epoch.
type Stored struct {
	Epoch  telemetry.Epoch
	Lane   telemetry.Lane
	Ranges ranges.Set
}

const (
	flagDirect  = 1
	flagPatient = 2

	minStored = 8 + 1 + 1
)

func (m *Welcome) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint64(b, m.Nonce)
	b = append(b, m.Store[:]...)
	b = binary.BigEndian.AppendUint64(b, m.Generation)
	var flags byte
	if m.Direct {
		flags |= flagDirect
	}
	if m.Patient {
		flags |= flagPatient
	}
	b = append(b, flags)
	b = binary.AppendUvarint(b, m.Credit)
	b = binary.AppendUvarint(b, uint64(m.MaxFrame))
	b = binary.AppendUvarint(b, uint64(m.Codings))
	b = binary.AppendVarint(b, int64(m.Time))
	b = append(b, byte(m.Clock))
	return appendBases(appendStored(b, m.Stored), m.Bases)
}

func (d *decoder) welcome() *Welcome {
	m := &Welcome{Nonce: d.u64(), Store: d.store(), Generation: d.u64()}
	flags := d.u8()
	m.Direct, m.Patient = flags&flagDirect != 0, flags&flagPatient != 0
	m.Credit = d.uv()
	m.MaxFrame = d.uv32("max frame")
	m.Codings = d.uv32("codings")
	m.Time = telemetry.Time(d.sv())
	m.Clock = telemetry.ClockState(d.u8())
	m.Stored = d.stored()
	return m
}

func appendStored(b []byte, stored []Stored) []byte {
	b = binary.AppendUvarint(b, uint64(len(stored)))
	for _, s := range stored {
		b = binary.BigEndian.AppendUint64(b, uint64(s.Epoch))
		b = append(b, byte(s.Lane))
		b = appendSet(b, s.Ranges)
	}
	return b
}

func (d *decoder) stored() []Stored {
	return list(d, minStored, func() Stored {
		return Stored{Epoch: telemetry.Epoch(d.u64()), Lane: d.lane(), Ranges: d.set()}
	})
}
