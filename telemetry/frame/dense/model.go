package dense

import (
	"unsafe"

	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
)

// Effort is how much is thought of each reading.
type Effort uint8

// The efforts. The numbers are part of the format.
const (
	Light Effort = iota
	Full
)

const (
	matchBits   = 8
	modelled    = 8   // series with least squares, 1.4 KB each
	maxSeries   = 32  // series with a memory of their own, 350 bytes each; others share those by index
	maxFollowed = 256 // series of which it is known what follows
	instants    = 8   // numbers of an instant that are remembered
)

// model is what both ends know of a node's readings, and learn in the same way. It is for one goroutine at a time.
type model struct {
	effort Effort
	slots  [1 << tableBits]uint32
	byKind mixer
	bySet  mixer
	match  [1 << matchBits]match

	series    []series
	follow    []uint32 // by series: which came after it last
	previous  uint32   // series of the record before
	clock     clock
	announced units
	unitsOf   uint32 // the next series whose units are told, likely
	now       instant

	// Only while a decision is under way.
	inputs  [maxInputs]int32
	asked   [maxInputs]uint32
	told    [maxInputs]int32
	tells   int
	guesses []guess
	c       contexts
	room    [6]guess
}

// match is what came when other series stood as they did.
type match struct {
	check uint32
	bits  uint64
}

// instant is what has come at one time.
type instant struct {
	n       int // records
	bits    [instants]uint64
	series  [instants]uint32
	repeats uint32 // a bit for each, newest lowest
}

func newModel(e Effort) *model {
	m := &model{effort: e, clock: clock{unit: 1e9}, announced: units{step: 1}, byKind: newMixer(kinds), bySet: newMixer(sets)}
	for i := range m.slots {
		m.slots[i] = slotFresh
	}
	// What is mostly so, before anything was learned: the weight of the input that is always there, which stands behind as many contexts as such a flag has.
	for _, likely := range [...]struct{ kind, contexts int }{{kindSeries, 2}, {kindInstant, 4}, {kindFlags, 3}, {kindType, 3}, {kindExact, 2}, {kindHeader, 2}} {
		m.byKind.set(likely.kind, maxInputs)[likely.contexts] = 4 * weightOne
	}
	return m
}

// size returns the bytes that m takes, texts included.
func (m *model) size() int {
	n := int(unsafe.Sizeof(*m)) + 4*(len(m.byKind)+len(m.bySet)+len(m.follow))
	for i := range m.series {
		s := &m.series[i]
		n += int(unsafe.Sizeof(*s)) + len(s.text)
		for _, r := range [...]*rls{&s.own, &s.others, &s.levels} {
			n += 8 * (2*len(r.x) + len(r.p))
		}
	}
	return n
}

func (m *model) clone() *model {
	c := *m
	c.byKind, c.bySet = append(mixer(nil), m.byKind...), append(mixer(nil), m.bySet...)
	c.follow = append([]uint32(nil), m.follow...)
	c.series = make([]series, len(m.series))
	for i := range m.series {
		c.series[i] = m.series[i].clone()
	}
	return &c
}

// at returns the series of an index, and its set.
func (m *model) at(i uint32) *series {
	i %= maxSeries
	for int(i) >= len(m.series) {
		s := series{units: units{step: 1}}
		if m.effort == Full && len(m.series) < modelled {
			s.own, s.others, s.levels = newRLS(4, 0.998), newRLS(9, 0.997), newRLS(6, 0.999)
		}
		m.series = append(m.series, s)
	}
	return &m.series[i]
}

// said returns the last number of a series that has a memory of its own.
func (m *model) said(i uint32) (bits uint64, ok bool) {
	if int(i) >= len(m.series) || m.series[i].n == 0 || m.series[i].kind != telemetry.KindFloat {
		return 0, false
	}
	return m.series[i].bits, true
}

// followed returns where it is noted which series came after i.
func (m *model) followed(i uint32) *uint32 {
	i %= maxFollowed
	for int(i) >= len(m.follow) {
		m.follow = append(m.follow, uint32(len(m.follow))+1)
	}
	return &m.follow[i]
}

// record codes r: when decoding it is filled.
func (m *model) record(a *arith, r *frame.Record) {
	follow := m.followed(m.previous)
	if m.flag(a, kindSeries, setSeries, r.Series == *follow, m.previous) {
		r.Series = *follow
	} else {
		r.Series = uint32(m.plain(a, setSeries, 1, 0, int64(r.Series)))
		if r.Series >= frame.MaxSeries {
			a.fail("series that there is not")
			return
		}
		*follow = r.Series
	}
	r.Time = telemetry.Time(m.clock.code(m, a, int64(r.Time), r.Series))
	s := m.at(r.Series)
	flags := byte(r.Quality) | byte(truth(r.Stamped))<<2
	if !m.flag(a, kindFlags, setOther, flags == s.flags, r.Series, uint32(s.flags)) {
		s.flags = byte(m.plain(a, setOther, 2, 0, int64(flags))) & 7
	}
	r.Quality, r.Stamped = telemetry.Quality(s.flags&3), s.flags&4 != 0
	kind := r.Value.Kind()
	if !m.flag(a, kindType, setOther, kind == s.kind, r.Series, uint32(s.kind)) {
		kind = telemetry.Kind(m.plain(a, setOther, 3, 0, int64(kind)))
		if kind > telemetry.KindText {
			a.fail("value of a kind that there is not")
			return
		}
		s.kind = kind
		s.restart()
	}
	if s.kind == telemetry.KindText {
		r.Value = telemetry.Text(m.text(a, s, r.Value.Text()))
	} else {
		bits := m.value(a, r.Series, s, r.Value.Bits())
		if s.kind == telemetry.KindBool && bits > 1 {
			a.fail("boolean of %d", bits)
			bits = 1
		}
		r.Value = telemetry.ValueOfBits(s.kind, bits)
	}
	m.previous = r.Series
}

// clock is how times go.
type clock struct {
	unit         int64 // ns
	time         int64
	step, before int64 // units between the last instants
	residual     int64
}

// ticks are the units that there are, in ns.
var ticks = [...]int64{1, 1e3, 1e6, 1e7, 1e8, 1e9, 1e10, 6e10}

// choose returns the coarsest unit for times that follow each other from the last one on.
func (c *clock) choose(recs []frame.Record) int64 {
	var all int64
	last := c.time
	for i := range recs {
		all = divisor(all, int64(recs[i].Time)-last)
		last = int64(recs[i].Time)
	}
	best := int64(1)
	for _, t := range ticks {
		if all%t == 0 {
			best = t
		}
	}
	return best
}

// tell codes the unit of a frame's times.
func (c *clock) tell(m *model, a *arith, unit int64) {
	if m.flag(a, kindUnits, setTime, unit == c.unit, 7) {
		return
	}
	i := uint64(0)
	for n, t := range ticks {
		if t == unit {
			i = uint64(n)
		}
	}
	c.unit = ticks[a.raw(i, 3)]
}

func (c *clock) code(m *model, a *arith, t int64, id uint32) int64 {
	now := &m.now
	if m.flag(a, kindInstant, setTime, t == c.time, id, uint32(min(now.n, 15)), signed(c.residual)) {
		return c.time
	}
	step := (t - c.time) / c.unit
	if c.time == 0 {
		c.time = a.wide(step) * c.unit
		*now = instant{}
		return c.time
	}
	o := &m.c
	o.reset()
	o.add(1)
	o.add(2, signed(c.residual))
	o.add(3, id)
	o.add(4, uint32(c.step), uint32(c.before))
	o.add(5, uint32(now.n))
	step = m.number(a, o, setTime, 0x30000, c.step, step)
	c.residual, c.before, c.step = step-c.step, c.step, step
	c.time += step * c.unit
	*now = instant{}
	return c.time
}

// text codes a text.
func (m *model) text(a *arith, s *series, text string) string {
	if m.flag(a, kindRepeat, setOther, text == s.text) {
		return s.text
	}
	n := m.plain(a, setOther, 4, 8, int64(len(text)))
	if n < 0 || n > frame.MaxSize || a.decoding && a.texts+int(n) > frame.MaxSize {
		a.fail("text of %d bytes", n)
		return ""
	}
	a.texts += int(n)
	b := []byte(text)
	if a.decoding {
		b = make([]byte, n)
	}
	before := byte(0)
	for i := range b {
		node := uint32(1)
		for bit := 7; bit >= 0; bit-- {
			v := m.noise(a, node|uint32(before)<<8, kindByte, int(b[i]>>bit&1))
			node = node<<1 | uint32(v)
		}
		b[i] = byte(node)
		before = b[i]
	}
	const remembered = 256
	if text = string(b); len(text) <= remembered {
		s.text = text
	}
	return text
}

func (m *model) records(a *arith, recs []frame.Record) {
	for i := range recs {
		if m.record(a, &recs[i]); a.err != nil {
			return
		}
	}
}
