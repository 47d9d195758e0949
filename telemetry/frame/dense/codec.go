package dense

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"

	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
)

const (
	// MaxRecords bounds the records of a dense frame: they take time to decode, however few the bytes are.
	MaxRecords = 8192

	// MaxState bounds what a state takes in memory, but for the last text of each series, at most 256 bytes.
	MaxState = 64 << 10

	// The first byte: no plain frame begins with such a one. Of a warm frame its lower half is the tag of the state, of a cold one whether it is the first of a chain.
	mark     = 0xC0
	markFull = 0x20
	markWarm = 0x10
	markAnew = 0x01
)

// ErrState is wrapped where a frame names a state that is not at hand, or decodes to something else with the one that is: it is to be sent again cold.
var ErrState = errors.New("state of a dense frame is not known")

// State is what is remembered after a frame. It does not change, and may be used from several goroutines.
type State struct {
	name  uint64
	anew  bool // its frame was cold and the first of a chain
	model *model
	known about
}

// Name tells states apart: it is worked out from the state that its frame was coded with, and the frame.
func (s *State) Name() uint64 { return s.name }

// Tag is what a frame names its state by: a sender has no two states of one tag in use.
func (s *State) Tag() byte { return byte(s.name & 15) }

// Size returns about how many bytes s takes: at most MaxState, and texts.
func (s *State) Size() int { return s.model.size() }

// Effort is that of the frames that can be coded with s.
func (s *State) Effort() Effort { return s.model.effort }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Encoder codes the frames of one chain. It remembers, beside what both ends know, some values of each series to find their units by. For one goroutine.
type Encoder struct {
	// Allowed is what values may lose, by series; those beyond it lose nothing. It may be changed between frames.
	Allowed []frame.Rounding

	effort Effort
	recent map[uint32][]uint64
}

// NewEncoder returns one.
func NewEncoder(e Effort) *Encoder { return &Encoder{effort: e, recent: map[uint32][]uint64{}} }

// Encode appends the dense frame of recs to dst, and returns the chain after it and the frame's state, which is the base of others once the frame is acknowledged and while the
// chain has it. base is a state of c; nil: the frame is cold, to be decoded by itself, with what is known of the connection. Of h it takes what frame.Encode does; its node is
// k's. The error is frame.ErrTooLarge where recs are more than MaxRecords.
func (e *Encoder) Encode(dst []byte, h frame.Header, recs []frame.Record, k Known, c Chain, base *State) ([]byte, Chain, *State, error) {
	switch {
	case len(recs) == 0 || len(recs) > MaxRecords:
		return dst, c, nil, fmt.Errorf("%w: %d records in a dense frame, at most %d", frame.ErrTooLarge, len(recs), MaxRecords)
	case h.Node != k.Node:
		return dst, c, nil, fmt.Errorf("dense frame of node %q on a connection of %q", h.Node, k.Node)
	case base != nil && base.model.effort != e.effort:
		return dst, c, nil, errors.New("dense frame of another effort than its state")
	case base != nil && c.By(base.Tag()) != base:
		return dst, c, nil, errors.New("dense frame of a state that its chain has not")
	}
	next := begin(e.effort, k, base)
	work := make([]frame.Record, len(recs))
	copy(work, recs)
	round(work, e.Allowed, next.model.said)
	recs = slices.Clone(work)
	h.Count = uint32(len(recs))
	at := len(dst)
	first := byte(mark)
	if e.effort == Full {
		first |= markFull
	}
	switch {
	case base != nil:
		first |= markWarm | base.Tag()
	case len(c.states) == 0:
		next.anew = true
		first |= markAnew
	}
	dst = append(dst, first)
	head := len(dst)
	size := checkSize(base)
	dst = append(dst, make([]byte, size)...)
	a := encoder(dst)
	next.model.header(a, &next.known, &h)
	e.units(a, next.model, recs)
	next.model.records(a, work)
	dst = a.finish()
	sum := checksum(&h, recs, base)
	for i := range size {
		dst[head+i] = byte(sum >> (8 * i))
	}
	next.name = nameOf(base, dst[at:])
	return dst, c.with(base, next), next, nil
}

// Decode decodes b by what is known of the connection or, where it names one, by the state of c that it names. It returns the chain after it. All errors are frame.ErrCorrupt,
// frame.ErrVersion or ErrState. It takes hostile bytes.
func Decode(b []byte, k Known, c Chain) (frame.Header, []frame.Record, Chain, error) {
	if !Is(b) || b[0]&markWarm == 0 && b[0]&15 > markAnew {
		return frame.Header{}, nil, c, fmt.Errorf("%w: not a dense frame", frame.ErrVersion)
	}
	effort := Effort(b[0] & markFull / markFull)
	const head = 1
	var base *State
	if b[0]&markWarm != 0 {
		if base = c.By(b[0] & 15); base == nil || base.model.effort != effort {
			return frame.Header{}, nil, c, fmt.Errorf("%w: tag %x", ErrState, b[0]&15)
		}
	}
	size := checkSize(base)
	if len(b) < head+size {
		return frame.Header{}, nil, c, fmt.Errorf("%w: dense frame cut off", frame.ErrCorrupt)
	}
	next := begin(effort, k, base)
	next.anew = base == nil && b[0]&markAnew != 0
	a := decoder(b[head+size:])
	h := frame.Header{Coding: frame.Dense, Content: frame.Readings, Size: len(b)}
	next.model.header(a, &next.known, &h)
	var recs []frame.Record
	if a.err == nil {
		next.model.readUnits(a)
	}
	if a.err == nil {
		recs = make([]frame.Record, h.Count)
		next.model.records(a, recs)
	}
	if a.err == nil {
		sum := checksum(&h, recs, base)
		for i := range size {
			if b[head+i] != byte(sum>>(8*i)) {
				a.fail("bad checksum")
			}
		}
	}
	if a.err != nil {
		if base != nil { // or the state is another one
			a.err = fmt.Errorf("%w: %w", ErrState, a.err)
		}
		return frame.Header{}, nil, c, a.err
	}
	h.Min, h.Max = recs[0].Time, recs[0].Time
	for i := range recs {
		h.Min, h.Max = min(h.Min, recs[i].Time), max(h.Max, recs[i].Time)
	}
	next.name = nameOf(base, b)
	return h, recs, c.with(base, next), nil
}

// Is reports whether b begins as a dense frame does. No plain one begins so.
func Is(b []byte) bool { return len(b) > 0 && b[0]&0xC0 == mark }

// Describe says in words how the dense frame b is coded.
func Describe(b []byte) string {
	effort := "light"
	if b[0]&markFull != 0 {
		effort = "full"
	}
	switch {
	case b[0]&markWarm != 0:
		return fmt.Sprintf("%s, by state %x", effort, b[0]&15)
	case b[0]&markAnew != 0:
		return effort + ", cold, begins a chain"
	}
	return effort + ", cold"
}

// begin returns a state that may be changed.
func begin(e Effort, k Known, base *State) *State {
	if base == nil {
		k.Next = max(k.Next, 1)
		return &State{model: newModel(e), known: about{Known: k, count: 60}}
	}
	return &State{model: base.model.clone(), known: base.known}
}

// checkSize is how many bytes say that what was decoded is what was coded; the tag of a state is one more.
func checkSize(base *State) int {
	if base == nil {
		return 3
	}
	return 2
}

// checksum is CRC-32C over what a frame means, not over its bytes, and over the name of the state that it was coded with.
func checksum(h *frame.Header, recs []frame.Record, base *State) uint32 {
	b := make([]byte, 0, 4096)
	var sum uint32
	put := func(v uint64) {
		if b = binary.LittleEndian.AppendUint64(b, v); len(b) >= 4000 {
			sum, b = crc32.Update(sum, castagnoli, b), b[:0]
		}
	}
	if base != nil {
		put(base.name)
	}
	b = append(b, h.Node...)
	for _, v := range [...]uint64{
		uint64(h.Epoch), uint64(h.Lane), uint64(h.Boot.Ordinal), h.Boot.ID, uint64(h.Clock), uint64(h.Offset), h.Table, h.First, uint64(len(recs)),
	} {
		put(v)
	}
	for i := range recs {
		r := &recs[i]
		put(uint64(r.Series) | uint64(r.Value.Kind())<<32 | uint64(r.Quality)<<40 | uint64(truth(r.Stamped))<<48)
		put(uint64(r.Time))
		put(r.Value.Bits())
		if t := r.Value.Text(); t != "" {
			sum, b = crc32.Update(sum, castagnoli, b), b[:0]
			sum = crc32.Update(sum, castagnoli, []byte(t))
		}
	}
	return crc32.Update(sum, castagnoli, b)
}

func nameOf(base *State, b []byte) uint64 {
	h := sha256.New()
	if base != nil {
		h.Write(binary.LittleEndian.AppendUint64(nil, base.name))
	}
	h.Write(b)
	return binary.LittleEndian.Uint64(h.Sum(nil))
}

// units finds the units of series that have none and of those that are better off with others, and tells them.
func (e *Encoder) units(a *arith, m *model, recs []frame.Record) {
	const remembered = 80 // values by which units are judged
	m.clock.tell(m, a, m.clock.choose(recs))
	fresh := map[uint32][]uint64{}
	var order []uint32
	was := map[uint32]uint64{}
	for i := range recs {
		r := &recs[i]
		if r.Value.Kind() != telemetry.KindFloat {
			continue
		}
		b, before := r.Value.Bits(), m.at(r.Series).bits
		if x, ok := was[r.Series]; ok {
			before = x
		} else if m.at(r.Series).n == 0 {
			before = ^b
		}
		was[r.Series] = b
		if b == before {
			continue // said again, it costs nothing in any units
		}
		if fresh[r.Series] == nil {
			order = append(order, r.Series)
		}
		fresh[r.Series] = append(fresh[r.Series], b)
	}
	for _, i := range order {
		v := append(e.recent[i], fresh[i]...)
		v = append([]uint64(nil), v[max(0, len(v)-remembered):]...)
		e.recent[i] = v
		s := m.at(i)
		u, yes := s.units.better(v)
		if s.n == 0 {
			u, yes = findUnits(v), true
		}
		if !yes || u == s.units {
			continue
		}
		m.flag(a, kindUnits, setOther, true, 0)
		m.which(a, i)
		m.change(i, m.announce(a, u))
	}
	m.flag(a, kindUnits, setOther, false, 0)
}

func (m *model) readUnits(a *arith) {
	m.clock.tell(m, a, 0)
	for n := 0; m.flag(a, kindUnits, setOther, false, 0); n++ {
		i := m.which(a, 0)
		if i >= frame.MaxSeries || n > MaxRecords {
			a.fail("units of series %d", i)
		}
		if a.err != nil {
			return
		}
		m.change(i, m.announce(a, units{}))
	}
}

// which codes the series whose units come: mostly that behind the one before.
func (m *model) which(a *arith, i uint32) uint32 {
	if !m.flag(a, kindUnits, setOther, i == m.unitsOf, 6) {
		m.unitsOf = uint32(a.raw(uint64(i), 15))
	}
	i = m.unitsOf
	m.unitsOf++
	return i
}

// change gives a series other units.
func (m *model) change(i uint32, u units) {
	if s := m.at(i); s.n == 0 {
		s.units = u
	} else {
		s.convert(u)
	}
}
