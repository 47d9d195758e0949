package strict

import (
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// Inside returns where the character stands that is offset characters into the text at path: for what is wrong within a text, such as an
// expression. Where the file writes the text in another way (with escapes), it is where the text begins.
func (d *Document) Inside(path string, offset int) Position {
	begin := d.At(path)
	p, ok := d.places[path]
	if !ok {
		return begin
	}
	s := d.scan(begin)
	switch {
	case p.block:
		s.skip(func(r rune) bool { return r != '\n' }) // the header, such as |
	case s.peek() == '"', s.peek() == '\'':
		s.next()
	}
	// The file's text is ours but for white space: it may be folded and indented.
	end := s.at
	for _, r := range p.text {
		space := unicode.IsSpace(r)
		if !space {
			s.skip(unicode.IsSpace)
		}
		switch {
		case offset == 0:
			return s.at
		case space:
		case s.peek() != r:
			return begin
		default:
			s.next()
			end = s.at
		}
		offset--
	}
	return end
}

// ProblemInside adds a problem at a character of the text at path.
func (d *Document) ProblemInside(path string, offset int, format string, args ...any) {
	d.add(d.Inside(path, offset), false, format, args...)
}

// scanner walks through the file and knows where it is.
type scanner struct {
	rest []byte
	at   Position
}

// scan returns a scanner that stands at a position.
func (d *Document) scan(to Position) *scanner {
	s := &scanner{rest: d.source, at: Position{File: d.file, Line: 1, Column: 1}}
	for len(s.rest) > 0 && (s.at.Line < to.Line || s.at.Line == to.Line && s.at.Column < to.Column) {
		s.next()
	}
	return s
}

// peek returns the next character; 0 at the end.
func (s *scanner) peek() rune {
	if len(s.rest) == 0 {
		return 0
	}
	r, _ := utf8.DecodeRune(s.rest)
	return r
}

func (s *scanner) next() {
	r, n := utf8.DecodeRune(s.rest)
	s.rest = s.rest[n:]
	s.at.Column++
	if r == '\n' {
		s.at.Line, s.at.Column = s.at.Line+1, 1
	}
}

func (s *scanner) skip(while func(rune) bool) {
	for len(s.rest) > 0 && while(s.peek()) {
		s.next()
	}
}

// isBlock reports whether a scalar is written with | or >.
func isBlock(n *yaml.Node) bool { return n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 }
