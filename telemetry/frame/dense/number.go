package dense

import (
	"math"
	"math/bits"
)

// Kinds of decisions: each has weights of its own.
const (
	kindRepeat = iota
	kindMatch
	kindZero
	kindSign
	kindExact
	kindSeries
	kindInstant
	kindFlags
	kindType
	kindHeader
	kindUnits
	kindByte
	kindMantissa                    // three
	kindExponent = kindMantissa + 3 // 16, the last for all above
	kinds        = kindExponent + 16
)

// Sets of weights for what belongs to no series.
const (
	setSeries = sets - 1 - iota
	setTime
	setMiss
	setOther
	ownSets // series share those below
)

// topBits is how many bits of a number behind its highest are asked for with contexts. Those below are noise, mostly.
const topBits = 3

// number codes n, near center: whether it is that, on which side, how many bits the distance has, and these. space keeps apart numbers of
// different sorts with the same contexts.
func (m *model) number(a *arith, c *contexts, set int, space uint32, center, n int64) int64 {
	defer func() { m.tells = 0 }()
	guessed := m.guesses != nil
	at, infinity := float64(center), math.Inf(1)
	r := n - center
	if guessed {
		m.hit(at-0.5, at+0.5)
	}
	if m.bit(a, c, kindZero, set, space, truth(r == 0)) == 1 {
		return center
	}
	if guessed {
		m.split(-infinity, at-0.5, at+0.5, infinity)
	}
	negative := m.bit(a, c, kindSign, set, space+1, truth(r < 0))
	side := 1.
	if negative == 1 {
		side = -1
	}
	// between tells split that 1 is a distance in [one, two), 0 one in [zero, one).
	between := func(zero, one, two float64) {
		if side > 0 {
			m.split(at+one-0.5, at+two-0.5, at+zero-0.5, at+one-0.5)
		} else {
			m.split(at-two+0.5, at-one+0.5, at-one+0.5, at-zero+0.5)
		}
	}
	u := uint64(r)
	if r < 0 {
		u = -u
	}
	e, most := 0, bits.Len64(u)-1
	for ; e < 63; e++ {
		if guessed {
			between(math.Ldexp(1, e), math.Ldexp(1, e+1), infinity)
		}
		if m.bit(a, c, kindExponent+min(e, 15), set, space+2+uint32(2*e+negative), truth(most > e)) == 0 {
			break
		}
	}
	v, prefix := uint64(1), uint32(1)
	for i := e - 1; i >= 0; i-- {
		b := int(u >> uint(i) & 1)
		if depth := e - 1 - i; depth < topBits {
			if guessed {
				low := math.Ldexp(float64(v), i+1)
				half := math.Ldexp(1, i)
				between(low, low+half, low+2*half)
			}
			b = m.bit(a, c, kindMantissa+depth, set, space+0x1000+uint32(e)<<8+prefix, b)
			prefix = prefix<<1 | uint32(b)
		} else if depth > 7 && space == 0x10000 {
			b = a.bit(b, 1<<15)
		} else {
			b = m.noise(a, uint32(e)<<8|uint32(i)|space<<16, set, b)
		}
		v = v<<1 | uint64(b)
	}
	if negative == 1 {
		v = -v
	}
	return center + int64(v)
}

// noise codes a bit of which little is known.
func (m *model) noise(a *arith, node uint32, set int, bit int) int {
	h := (node ^ uint32(set)*0x9E3779B1 ^ 0x5BD1E995) * 0x27D4EB2F
	h ^= h >> 13
	s := &m.slots[h>>(32-tableBits)]
	bit = a.bit(bit, min(max(int32(*s>>16), 64), 65536-64))
	*s = taught(*s, bit)
	return bit
}

func truth(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// size is about twice the logarithm of |n| to the base 2.
func size(n int64) uint32 {
	u := uint64(n)
	if n < 0 {
		u = -u
	}
	l := bits.Len64(u)
	if l < 2 {
		return uint32(2 * l)
	}
	return uint32(2*l) | uint32(u>>(l-2)&1)
}

// signed is size, with the sign.
func signed(n int64) uint32 {
	if n < 0 {
		return size(n) | 0x100
	}
	return size(n)
}

// whole makes a number of f, where it is one that can be.
func whole(f float64) int64 {
	if !(math.Abs(f) < 1<<62) {
		return 0
	}
	return int64(math.RoundToEven(f))
}
