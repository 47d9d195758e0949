package columns

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// A packed run holds n unsigned numbers in blocks of 64, the last one shorter. See the package comment for the drawing.
const (
	blockLen  = 64
	patched   = 0x80 // in a block's first byte: exceptions follow the low parts
	patchHead = 2    // bytes before a block's exceptions: their number, the width of their high parts
)

// plan returns the width of a block's low parts, the width of the widest number, and the block's bits.
// Numbers wider than width become exceptions.
func plan(v []uint64) (width, widest, cost int) {
	var or, sum uint64
	for _, x := range v {
		or |= x
		sum += x
	}
	widest = bits.Len64(or)
	width, cost = widest, 8+(len(v)*widest+7)&^7
	// Exceptions pay where few numbers are far above the mean. The sum cannot overflow up to a width of 57.
	if widest <= 57 && bits.Len64(sum/uint64(len(v)))+1 >= widest {
		return width, widest, cost
	}
	// Four counts of each width side by side, for one that is raised again at once waits for itself.
	var hist [65][4]uint8
	for i, x := range v {
		hist[bits.Len64(x)][i&3]++
	}
	over := 0
	for w := widest - 1; w >= 0; w-- {
		h := &hist[w+1]
		over += int(h[0]) + int(h[1]) + int(h[2]) + int(h[3])
		if over > len(v)/3 {
			break
		}
		c := 8 + (len(v)*w+7)&^7 + 8*patchHead + over*8 + (over*(widest-w)+7)&^7
		if c < cost {
			width, cost = w, c
		}
	}
	return width, widest, cost
}

func appendPacked(dst []byte, v []uint64) []byte {
	for len(v) > 0 {
		n := min(blockLen, len(v))
		dst = appendBlock(dst, v[:n])
		v = v[n:]
	}
	return dst
}

func appendBlock(dst []byte, v []uint64) []byte {
	width, widest, _ := plan(v)
	if width == widest {
		return appendBits(append(dst, byte(width)), v, uint(width))
	}
	dst = appendBits(append(dst, patched|byte(width)), v, uint(width))
	at := len(dst)
	dst = append(dst, 0, byte(widest-width))
	var high [blockLen]uint64
	n := 0
	for i, x := range v {
		if x>>width != 0 {
			high[n] = x >> width
			n++
			dst = append(dst, byte(i))
		}
	}
	dst[at] = byte(n)
	return appendBits(dst, high[:n], uint(widest-width))
}

// appendBits writes the low width bits of each number, lowest bit first, padded with zeros to a whole byte.
func appendBits(dst []byte, v []uint64, width uint) []byte {
	if width == 0 {
		return dst
	}
	size := (len(v)*int(width) + 7) / 8
	dst = slices.Grow(dst, size+8)
	out := dst[len(dst) : len(dst)+size+8]
	mask := ^uint64(0) >> (64 - width)
	var acc uint64
	var fill uint
	at := 0
	for _, x := range v {
		x &= mask
		acc |= x << fill
		fill += width
		if fill >= 64 {
			binary.LittleEndian.PutUint64(out[at:], acc)
			at += 8
			fill -= 64
			acc = x >> (width - fill)
		}
	}
	binary.LittleEndian.PutUint64(out[at:], acc)
	return dst[:len(dst)+size]
}

// packed fills out with a packed run.
func (r *Reader) packed(out []uint64) {
	for len(out) > 0 && r.Err == nil {
		n := min(blockLen, len(out))
		r.block(out[:n])
		out = out[n:]
	}
}

func (r *Reader) block(out []uint64) {
	head := r.Byte()
	width := uint(head &^ patched)
	if width > 64 {
		r.Fail("block of width %d", width)
		return
	}
	r.bits(out, width)
	if head&patched == 0 || r.Err != nil {
		return
	}
	n, highWidth := int(r.Byte()), uint(r.Byte())
	if n == 0 || n > len(out) || highWidth == 0 || width+highWidth > 64 {
		r.Fail("block with %d exceptions of width %d+%d", n, width, highWidth)
		return
	}
	places := r.Bytes(n)
	var high [blockLen]uint64
	r.bits(high[:n], highWidth)
	if r.Err != nil {
		return
	}
	next := 0
	for i, p := range places {
		if int(p) < next || int(p) >= len(out) {
			r.Fail("exception at %d of %d", p, len(out))
			return
		}
		out[p] |= high[i] << width
		next = int(p) + 1
	}
}

// bits is the inverse of appendBits.
func (r *Reader) bits(out []uint64, width uint) {
	if width == 0 {
		clear(out)
		return
	}
	b := r.B[r.Off:cap(r.B)] // so that whole words can be loaded
	if r.Bytes((len(out)*int(width)+7)/8) == nil {
		return
	}
	mask := ^uint64(0) >> (64 - width)
	i, bit := 0, uint(0)
	if width <= 57 {
		for ; i < len(out); i++ {
			at := int(bit >> 3)
			if at+8 > len(b) {
				break
			}
			out[i] = binary.LittleEndian.Uint64(b[at:]) >> (bit & 7) & mask
			bit += width
		}
	}
	for ; i < len(out); i++ {
		at, shift := int(bit>>3), bit&7
		v := load(b, at) >> shift
		if shift != 0 {
			v |= load(b, at+8) << (64 - shift)
		}
		out[i] = v & mask
		bit += width
	}
}

// load returns 8 bytes from at on, zeros where b has ended.
func load(b []byte, at int) uint64 {
	if at+8 <= len(b) {
		return binary.LittleEndian.Uint64(b[at:])
	}
	var v uint64
	for i := 0; at+i < len(b); i++ {
		v |= uint64(b[at+i]) << (8 * i)
	}
	return v
}
