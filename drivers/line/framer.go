package line

import "bytes"

// framer cuts a stream into lines: the same ones whatever the chunks it comes in.
type framer struct {
	max   int
	rest  []byte // of the line under way, without NULs; at most max+1 bytes
	over  bool   // the line under way is too long: skip to its end
	ended bool   // a line end was seen
}

// events is what a framer finds. The bytes are valid during the call only.
type events interface {
	line(b []byte)    // a line without its end; it may be empty
	tooLong(b []byte) // the beginning of a line longer than max
}

func (f *framer) reset() { f.rest, f.over, f.ended = f.rest[:0], false, false }

func (f *framer) feed(p []byte, to events) {
	for len(p) > 0 {
		end := lineEnd(p)
		if end < 0 {
			f.add(p, to)
			return
		}
		f.ended = true
		switch whole := p[:end]; {
		case !f.over && len(f.rest) == 0 && end <= f.max && bytes.IndexByte(whole, 0) < 0:
			to.line(whole) // the usual case: no copy
		default:
			f.add(whole, to)
			f.finish(to)
		}
		p = p[end+1:]
	}
}

// add appends to the line under way.
func (f *framer) add(p []byte, to events) {
	for len(p) > 0 && !f.over {
		run := p
		if nul := bytes.IndexByte(p, 0); nul >= 0 {
			run = p[:nul]
			p = p[nul+1:]
		} else {
			p = nil
		}
		f.rest = append(f.rest, run[:min(len(run), f.max+1-len(f.rest))]...)
		if len(f.rest) > f.max {
			f.over = true
			to.tooLong(f.rest)
			f.rest = f.rest[:0]
		}
	}
}

// finish ends the line under way.
func (f *framer) finish(to events) {
	if !f.over {
		to.line(f.rest)
	}
	f.rest, f.over = f.rest[:0], false
}

// lineEnd returns the place of the first LF or CR in p, or -1. The CR of a CRLF gives a line, and its LF an empty one.
func lineEnd(p []byte) int {
	lf := bytes.IndexByte(p, '\n')
	if lf < 0 {
		return bytes.IndexByte(p, '\r')
	}
	if cr := bytes.IndexByte(p[:lf], '\r'); cr >= 0 {
		return cr
	}
	return lf
}
