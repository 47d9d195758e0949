package dense

import (
	"fmt"
	"math/bits"

	"fieldpost/telemetry/frame"
)

// arith is a binary arithmetic coder, 32 bits wide, that carries nothing over: what the two ends of the interval have in common is put out at once. It
// encodes or decodes; the model that asks it is the same for both.
type arith struct {
	low, high uint32
	decoding  bool
	code      uint32 // what was read
	in        []byte // what is left to be read; behind it come zeros
	out       []byte

	texts int   // bytes of texts so far
	err   error // why what is decoded cannot be right; the first
}

// fail notes that what is decoded cannot be right. What is asked after that is of no consequence.
func (a *arith) fail(format string, args ...any) {
	if a.err == nil {
		a.err = fmt.Errorf("%w: dense: %s", frame.ErrCorrupt, fmt.Sprintf(format, args...))
	}
}

func encoder(dst []byte) *arith { return &arith{high: 1<<32 - 1, out: dst} }

func decoder(b []byte) *arith {
	a := &arith{high: 1<<32 - 1, decoding: true, in: b}
	for range 4 {
		a.code = a.code<<8 | uint32(a.next())
	}
	return a
}

func (a *arith) next() (b byte) {
	if len(a.in) > 0 {
		b, a.in = a.in[0], a.in[1:]
	}
	return b
}

// bit codes bit, of which p is the probability to be 1. When decoding bit is not looked at, and what was read is returned.
func (a *arith) bit(bit int, p int32) int {
	mid := a.low + uint32(uint64(a.high-a.low)*uint64(p)>>16)
	if a.decoding {
		bit = 0
		if a.code <= mid {
			bit = 1
		}
	}
	if bit != 0 {
		a.high = mid
	} else {
		a.low = mid + 1
	}
	for (a.low^a.high)>>24 == 0 {
		if a.decoding {
			a.code = a.code<<8 | uint32(a.next())
		} else {
			a.out = append(a.out, byte(a.high>>24))
		}
		a.low, a.high = a.low<<8, a.high<<8|255
	}
	return bit
}

// wide codes a number of which nothing is known: how many bits it has, and these.
func (a *arith) wide(n int64) int64 {
	u := uint64(n)<<1 ^ uint64(n>>63)
	length := a.raw(uint64(bits.Len64(u)), 7)
	if length > 64 {
		a.fail("number of %d bits", length)
		return 0
	}
	if length > 1 {
		u = 1<<(length-1) | a.raw(u&(1<<(length-1)-1), int(length-1))
	} else {
		u = length
	}
	return int64(u>>1) ^ -int64(u&1)
}

// raw codes the n low bits of v.
func (a *arith) raw(v uint64, n int) (out uint64) {
	for i := n - 1; i >= 0; i-- {
		out = out<<1 | uint64(a.bit(int(v>>i&1), 1<<15))
	}
	return out
}

// finish puts out as few bytes as lead into the interval, zeros behind them.
func (a *arith) finish() []byte {
	for n := range 5 {
		// The lowest value from low on that ends in 4-n zero bytes.
		shift := uint(8 * (4 - n))
		v := (uint64(a.low) + (1<<shift - 1)) >> shift << shift
		if v <= uint64(a.high) {
			for i := range n {
				a.out = append(a.out, byte(v>>(24-8*i)))
			}
			break
		}
	}
	// Zeros at the end are read behind the end too.
	return a.out
}
