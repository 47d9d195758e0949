package dense

// Of each binary decision several contexts have an opinion, a slot each, found by a hash of what the context is; and some distributions, which know
// where the number should lie. A mixer weighs them by what they were worth in decisions of the same kind lately.

const (
	tableBits  = 13  // of the slots
	slotLimit  = 255 // a slot moves by at least 1/slotLimit, about
	slotFresh  = 1 << 31
	maxInputs  = 24
	weightOne  = 1 << 16
	weightRate = 10
	sets       = 32 // of the weights that go by series
)

// mixer is sets of weights for the same inputs, one set after the other.
type mixer []int32

func newMixer(n int) mixer {
	m := make(mixer, n*maxInputs)
	for i := range m {
		m[i] = weightOne / 5
	}
	return m
}

func (m mixer) set(i, inputs int) []int32 { return m[i*maxInputs : i*maxInputs+inputs] }

// dot is what a set makes of the inputs, in the logistic domain.
func dot(w, x []int32) int32 {
	var sum int64
	for i, v := range x {
		sum += int64(v) * int64(w[i])
	}
	return int32(min(max(sum>>16, -maxStretch), maxStretch))
}

// learn moves a set's weights so that it errs less: err is what was, less what it said, in 1/65536.
func learn(w, x []int32, err int32) {
	for i, v := range x {
		w[i] += int32((int64(v)*int64(err)*weightRate + 1<<17) >> 18)
	}
}

// confidence is how much of what a slot says counts, by how often it was asked, in 1/256.
var confidence = [16]int32{0, 96, 140, 168, 186, 199, 208, 215, 221, 226, 230, 234, 238, 242, 246, 250}

// reciprocal is 65536/(n+1.6): how far a slot moves the nth time.
var reciprocal = reciprocals()

func reciprocals() (t [slotLimit + 1]uint32) {
	for n := range t {
		t[n] = uint32(655360 / (10*n + 16))
	}
	return t
}

// opinion is what a slot says: a probability in its upper 22 bits, how often it was asked in its lower 10.
func opinion(slot uint32) int32 {
	return stretch(int32(slot>>16)) * confidence[min(slot&1023, 15)] >> 8
}

// taught returns the slot after a decision.
func taught(slot uint32, bit int) uint32 {
	n, p := slot&1023, int64(slot>>10)
	target := int64(0)
	if bit != 0 {
		target = 1<<22 - 1
	}
	p += (target - p) * int64(reciprocal[n]) >> 16
	if n < slotLimit {
		n++
	}
	return uint32(p)<<10 | n
}

// contexts are what a number's decisions are asked with.
type contexts struct {
	hash [maxInputs]uint32
	n    int
}

func (c *contexts) reset() { c.n = 0 }

// add adds a context that is what parts say.
func (c *contexts) add(parts ...uint32) {
	h := uint32(c.n+1) * 0x9E3779B1
	for _, p := range parts {
		h = (h ^ p) * 0x85EBCA6B
		h ^= h >> 15
	}
	c.hash[c.n] = h
	c.n++
}

// bit codes a decision: kind chooses weights, and so does set; node tells it from others that have the same contexts.
func (m *model) bit(a *arith, c *contexts, kind, set int, node uint32, bit int) int {
	x := &m.inputs
	n := 0
	for _, h := range c.hash[:c.n] {
		h = (h ^ node*0xC2B2AE35) * 0x27D4EB2F
		h ^= h >> 13
		at := h >> (32 - tableBits)
		m.asked[n] = at
		x[n] = opinion(m.slots[at])
		n++
	}
	x[n] = 256 // what none of them says
	n += 1 + copy(x[n+1:], m.told[:m.tells])
	w1, w2 := m.byKind.set(kind, n), m.bySet.set(set&(sets-1), n)
	s1, s2 := dot(w1, x[:n]), dot(w2, x[:n])
	bit = a.bit(bit, min(max(squash((s1+s2)>>1), 24), 65536-24))
	target := int32(bit) * 65535
	learn(w1, x[:n], target-squash(s1))
	learn(w2, x[:n], target-squash(s2))
	for _, at := range m.asked[:c.n] {
		m.slots[at] = taught(m.slots[at], bit)
	}
	return bit
}

// flag is bit for what is asked with few contexts of its own: each part, and those before it.
func (m *model) flag(a *arith, kind, set int, yes bool, parts ...uint32) bool {
	c := contexts{}
	h := uint32(kind) * 0x9E3779B1
	c.add(h)
	for _, p := range parts {
		h = (h ^ p) * 0x85EBCA6B
		h ^= h >> 15
		c.add(h)
	}
	return m.bit(a, &c, kind, set, 0, truth(yes)) == 1
}

// plain codes a number of which nothing is known but where it is mostly near.
func (m *model) plain(a *arith, set int, space uint32, center, n int64) int64 {
	c := contexts{}
	c.add(space)
	return m.number(a, &c, set, space<<20, center, n)
}
