package line

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// jsonLine reads JSON objects and arrays (RFC 8259), one telegram each, and keeps numbers as they are written. It takes each word of
// letters, digits and signs for a value, so that what firmware prints for a missing number (nan, ovf, 01, +5) costs
// its field only. Of a name that comes twice the last one counts, as everywhere.
type jsonLine struct {
	root    *jsonNode
	scratch []byte // strings with escapes, undone
}

// jsonNode is a place in the wanted paths.
type jsonNode struct {
	slot  int // or -1
	names map[string]*jsonNode
	items map[int]*jsonNode // the names that are numbers, for arrays
}

func newJSON(want *slots, addError func(int, error)) *jsonLine {
	j := &jsonLine{root: &jsonNode{slot: -1}}
	for slot, path := range want.names {
		steps, err := splitPath(path)
		if err != nil {
			addError(slot, err)
			continue
		}
		at := j.root
		for _, step := range steps {
			at = at.child(step)
		}
		at.slot = slot
	}
	return j
}

func (n *jsonNode) child(name string) *jsonNode {
	if c := n.names[name]; c != nil {
		return c
	}
	if n.names == nil {
		n.names, n.items = map[string]*jsonNode{}, map[int]*jsonNode{}
	}
	c := &jsonNode{slot: -1}
	n.names[name] = c
	if i, err := strconv.Atoi(name); err == nil && strconv.Itoa(i) == name {
		n.items[i] = c
	}
	return c
}

// splitPath splits at dots; a backslash takes the next byte as it is.
func splitPath(path string) ([]string, error) {
	var steps []string
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		switch c := path[i]; {
		case c == '\\' && i+1 < len(path):
			i++
			b.WriteByte(path[i])
		case c == '.':
			steps = append(steps, b.String())
			b.Reset()
		default:
			b.WriteByte(c)
		}
	}
	steps = append(steps, b.String())
	for _, s := range steps {
		if s == "" {
			return nil, fmt.Errorf("path %q has an empty part", path)
		}
	}
	return steps, nil
}

// maxDepth bounds the nesting, and with it the stack.
const maxDepth = 64

var (
	errNotJSON = errors.New("it is not JSON")
	errDepth   = fmt.Errorf("its JSON is nested deeper than %d", maxDepth)
)

func (j *jsonLine) parse(line []byte, found []field) ([]byte, error) {
	j.scratch = j.scratch[:0]
	s := jsonScan{line: line, found: found, scratch: &j.scratch}
	if c := s.peek(); c != '{' && c != '[' {
		return nil, errNotJSON
	}
	if err := s.value(j.root, 0); err != nil {
		return nil, err
	}
	for s.peek() == ',' { // some print their objects as a list without brackets
		s.at++
	}
	return line[s.at:], nil
}

// jsonScan reads one value.
type jsonScan struct {
	line    []byte
	at      int
	found   []field
	scratch *[]byte
}

// peek skips white space and returns the next byte, 0 at the end.
func (s *jsonScan) peek() byte {
	for s.at < len(s.line) {
		if c := s.line[s.at]; !blank(c) {
			return c
		}
		s.at++
	}
	return 0
}

// bad tells where the JSON breaks off.
func (s *jsonScan) bad() error { return fmt.Errorf("%w at byte %d", errNotJSON, s.at+1) }

// set notes what stands at n, which may be nil: not wanted.
func (s *jsonScan) set(n *jsonNode, text []byte, is state) {
	if n != nil && n.slot >= 0 {
		s.found[n.slot] = field{text: text, state: is}
	}
}

func (s *jsonScan) value(n *jsonNode, depth int) error {
	if depth > maxDepth {
		return errDepth
	}
	switch c := s.peek(); c {
	case '{':
		s.set(n, nil, nested)
		return s.object(n, depth)
	case '[':
		s.set(n, nil, nested)
		return s.array(n, depth)
	case '"':
		text, err := s.text()
		if err != nil {
			return err
		}
		s.set(n, text, given)
		return nil
	}
	from := s.at
	for s.at < len(s.line) && wordByte(s.line[s.at]) {
		s.at++
	}
	word := s.line[from:s.at]
	switch {
	case len(word) == 0:
		return s.bad()
	case string(word) == "null":
		s.set(n, nil, absent)
	default:
		s.set(n, word, given)
	}
	return nil
}

// wordByte says what values without quotation marks are made of.
func wordByte(c byte) bool {
	return digit(c) || letter(c) || c == '-' || c == '+' || c == '.'
}

func (s *jsonScan) object(n *jsonNode, depth int) error {
	s.at++ // {
	if s.peek() == '}' {
		s.at++
		return nil
	}
	for {
		if s.peek() != '"' {
			return s.bad()
		}
		name, err := s.text()
		if err != nil {
			return err
		}
		if s.peek() != ':' {
			return s.bad()
		}
		s.at++
		var child *jsonNode
		if n != nil {
			child = n.names[string(name)]
		}
		if err := s.value(child, depth+1); err != nil {
			return err
		}
		if done, err := s.next('}'); done || err != nil {
			return err
		}
	}
}

func (s *jsonScan) array(n *jsonNode, depth int) error {
	s.at++ // [
	if s.peek() == ']' {
		s.at++
		return nil
	}
	for i := 0; ; i++ {
		var child *jsonNode
		if n != nil {
			child = n.items[i]
		}
		if err := s.value(child, depth+1); err != nil {
			return err
		}
		if done, err := s.next(']'); done || err != nil {
			return err
		}
	}
}

// next reads a comma or the closing byte.
func (s *jsonScan) next(closing byte) (done bool, err error) {
	switch s.peek() {
	case ',':
		s.at++
		return false, nil
	case closing:
		s.at++
		return true, nil
	}
	return false, s.bad()
}

// text reads a string. Without escapes it is a part of the line.
func (s *jsonScan) text() ([]byte, error) {
	s.at++ // "
	from, undone := s.at, -1
	for s.at < len(s.line) {
		switch c := s.line[s.at]; {
		case c == '"':
			part := s.line[from:s.at]
			s.at++
			if undone < 0 {
				return part, nil
			}
			*s.scratch = append(*s.scratch, part...)
			return (*s.scratch)[undone:], nil
		case c == '\\':
			if undone < 0 {
				undone = len(*s.scratch)
			}
			*s.scratch = append(*s.scratch, s.line[from:s.at]...)
			if !s.escape() {
				return nil, s.bad()
			}
			from = s.at
		case c < 0x20:
			return nil, s.bad()
		default:
			s.at++
		}
	}
	return nil, s.bad()
}

// escape undoes one escape, or a pair that makes one character.
func (s *jsonScan) escape() bool {
	if s.at+1 >= len(s.line) {
		return false
	}
	c := s.line[s.at+1]
	if c == 'u' {
		r, ok := s.unicode()
		if !ok {
			return false
		}
		if utf16.IsSurrogate(r) {
			after := s.at
			if low, ok := s.unicode(); ok && utf16.DecodeRune(r, low) != utf8.RuneError {
				r = utf16.DecodeRune(r, low)
			} else {
				r, s.at = utf8.RuneError, after
			}
		}
		*s.scratch = utf8.AppendRune(*s.scratch, r)
		return true
	}
	i := strings.IndexByte(`"\/bfnrt`, c)
	if i < 0 {
		return false
	}
	*s.scratch = append(*s.scratch, "\"\\/\b\f\n\r\t"[i])
	s.at += 2
	return true
}

// unicode reads \uXXXX.
func (s *jsonScan) unicode() (rune, bool) {
	if s.at+6 > len(s.line) || s.line[s.at] != '\\' || s.line[s.at+1] != 'u' {
		return 0, false
	}
	var r rune
	for _, c := range s.line[s.at+2 : s.at+6] {
		switch {
		case digit(c):
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	s.at += 6
	return r, true
}
