package dense

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"

	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
	"fieldpost/telemetry/frame/internal/columns"
)

// stateVersion is the first byte of a state's bytes. Bytes of another version are not read: the frames after it are cold.
const stateVersion = 1

// AppendBinary appends the bytes of c, for ParseChain of the same version of the program: they are not for other programs, and not for the link.
func (c Chain) AppendBinary(b []byte) ([]byte, error) {
	w := &walker{b: append(b, stateVersion, byte(len(c.states))), writing: true}
	for _, s := range c.states {
		w.state(s)
	}
	sum := sha256.Sum256(w.b[len(b):])
	return append(w.b, sum[:storedSum]...), nil
}

// storedSum is how many bytes of SHA-256 prove a chain's bytes: a state with one number altered is not the sender's, and some numbers there never are.
const storedSum = 16

// ParseChain is the inverse of Chain.AppendBinary. Damaged bytes are frame.ErrCorrupt.
func ParseChain(b []byte) (Chain, error) {
	if len(b) < 2+storedSum || b[0] != stateVersion || b[1] > MaxBases {
		return Chain{}, fmt.Errorf("%w: no states of this version", frame.ErrVersion)
	}
	end := len(b) - storedSum
	if sum := sha256.Sum256(b[:end]); !bytes.Equal(sum[:storedSum], b[end:]) {
		return Chain{}, columns.Corrupt("bad checksum of states")
	}
	w := &walker{b: b[2:end]}
	var c Chain
	for range b[1] {
		s := &State{model: newModel(Light)}
		if w.state(s); w.err != nil {
			return Chain{}, w.err
		}
		c.states = append(c.states, s)
	}
	if len(w.b) > 0 {
		return Chain{}, columns.Corrupt("%d bytes after the last state", len(w.b))
	}
	return c, nil
}

// walker writes or reads fields, in the one order that there is for both. It assigns to fields only when reading: the states that it writes belong to chains, and others decode with them meanwhile.
type walker struct {
	b       []byte
	writing bool
	err     error
}

func (w *walker) take(n int) []byte {
	if n < 0 || n > len(w.b) {
		w.err = columns.Corrupt("state cut off")
		w.b = nil
		return make([]byte, max(0, min(n, 8)))
	}
	out := w.b[:n]
	w.b = w.b[n:]
	return out
}

func (w *walker) u64(v *uint64) {
	if w.writing {
		w.b = binary.LittleEndian.AppendUint64(w.b, *v)
		return
	}
	*v = binary.LittleEndian.Uint64(w.take(8))
}

func (w *walker) u32(v *uint32) {
	if w.writing {
		w.b = binary.LittleEndian.AppendUint32(w.b, *v)
		return
	}
	*v = binary.LittleEndian.Uint32(w.take(4))
}

// integers are any others, as eight bytes.
func integers[T ~int | ~int32 | ~int64 | ~uint8 | ~uint64 | ~uint32](w *walker, vs ...*T) {
	for _, v := range vs {
		x := uint64(*v)
		if w.u64(&x); !w.writing {
			*v = T(x)
		}
	}
}

func (w *walker) floats(vs ...*float64) {
	for _, v := range vs {
		x := math.Float64bits(*v)
		if w.u64(&x); !w.writing {
			*v = math.Float64frombits(x)
		}
	}
}

func (w *walker) truths(vs ...*bool) {
	for _, v := range vs {
		x := byte(truth(*v))
		if integers(w, &x); !w.writing {
			*v = x == 1
		}
	}
}

func (w *walker) text(v *string) {
	n := len(*v)
	if integers(w, &n); w.writing {
		w.b = append(w.b, *v...)
		return
	}
	*v = string(w.take(n))
}

// length returns how many elements follow, at most most.
func (w *walker) length(n, most int) int {
	if integers(w, &n); n < 0 || n > most {
		w.err = columns.Corrupt("%d of something of which there are at most %d", n, most)
		return 0
	}
	return n
}

func (w *walker) state(s *State) {
	integers(w, &s.name)
	w.truths(&s.anew)
	k := &s.known
	w.text(&k.Node)
	integers(w, &k.Epoch)
	integers(w, &k.Lane)
	integers(w, &k.Boot.Ordinal)
	integers(w, &k.Boot.ID)
	integers(w, &k.Clock)
	integers(w, &k.Offset)
	integers(w, &k.Table, &k.Next)
	integers(w, &k.count)
	w.model(s.model)
}

func (w *walker) model(m *model) {
	integers(w, &m.effort)
	if m.effort > Full {
		w.err = columns.Corrupt("state of effort %d", m.effort)
	}
	for i := range m.slots {
		w.u32(&m.slots[i])
	}
	for _, weights := range [...]mixer{m.byKind, m.bySet} {
		for i := range weights {
			v := uint32(weights[i])
			if w.u32(&v); !w.writing {
				weights[i] = int32(v)
			}
		}
	}
	for i := range m.match {
		w.u32(&m.match[i].check)
		w.u64(&m.match[i].bits)
	}
	n := w.length(len(m.series), maxSeries)
	for i := range n {
		w.series(m.at(uint32(i)))
	}
	n = w.length(len(m.follow), maxFollowed)
	for i := range n {
		w.u32(m.followed(uint32(i)))
	}
	w.u32(&m.previous)
	integers(w, &m.clock.unit, &m.clock.time, &m.clock.step, &m.clock.before, &m.clock.residual)
	w.units(&m.announced)
	w.u32(&m.unitsOf)
	integers(w, &m.now.n)
	for i := range m.now.bits {
		w.u64(&m.now.bits[i])
		w.u32(&m.now.series[i])
	}
	w.u32(&m.now.repeats)
	if m.clock.unit < 1 || m.now.n < 0 {
		w.err = columns.Corrupt("state of a clock that there is not")
	}
}

func (w *walker) series(s *series) {
	integers(w, &s.n)
	integers(w, &s.kind)
	if s.kind > telemetry.KindText {
		w.err = columns.Corrupt("series of %s", s.kind)
	}
	w.units(&s.units)
	integers(w, &s.flags)
	w.text(&s.text)
	integers(w, &s.bits)
	for i := range s.last {
		integers(w, &s.last[i])
	}
	integers(w, &s.change, &s.residual[0], &s.residual[1], &s.miss)
	integers(w, &s.run, &s.trust[0], &s.trust[1])
	w.truths(&s.again)
	w.floats(&s.origin, &s.mean, &s.fast, &s.slow, &s.delta, &s.center, &s.unit)
	for i := range s.off {
		w.floats(&s.off[i])
	}
	for _, r := range [...]*rls{&s.own, &s.others, &s.levels} {
		w.floats(&r.out)
		for _, v := range [...][]float64{r.x, r.w, r.p} {
			for i := range v {
				w.floats(&v[i])
			}
		}
	}
}

func (w *walker) units(u *units) {
	form, e, div := u.lattice.Parts()
	integers(w, &form, &e, &div)
	if integers(w, &u.step, &u.offset); w.writing {
		return
	}
	var ok bool
	if u.lattice, ok = columns.LatticeOf(form, e, div); !ok || u.step < 1 {
		w.err = columns.Corrupt("units that there are not")
		*u = units{step: 1}
	}
}
