package line

import (
	"bytes"
	"errors"
)

// csv splits a line at a separator. A field that begins with a quotation mark reaches to the next one that is not doubled (RFC 4180 §2.5–2.7).
type csv struct {
	separator []byte
	blanks    bool  // any run of blanks and tabs separates
	columns   []int // slot of each field of the line, or -1; as far as the last wanted one
	scratch   []byte
}

func newCSV(separator string, want *slots, addError func(int, error)) *csv {
	c := &csv{separator: []byte(separator), blanks: separator == " "}
	for slot, name := range want.names {
		n, err := column(name)
		if err != nil {
			addError(slot, err)
			continue
		}
		for len(c.columns) < n {
			c.columns = append(c.columns, -1)
		}
		c.columns[n-1] = slot
	}
	return c
}

var errQuote = errors.New("a quotation mark is not closed")

func (c *csv) parse(line []byte, found []field) ([]byte, error) {
	c.scratch = c.scratch[:0]
	if c.blanks {
		line = trim(line)
	}
	for _, slot := range c.columns {
		text, rest, more, err := c.next(line)
		if err != nil {
			return nil, err
		}
		if slot >= 0 {
			found[slot] = field{text: text, state: given}
		}
		if !more {
			break
		}
		line = rest
	}
	return nil, nil
}

// next cuts the first field off line. more says that a separator followed it.
func (c *csv) next(line []byte) (text, rest []byte, more bool, err error) {
	if quoted := c.skip(line); len(quoted) > 0 && quoted[0] == '"' {
		text, line, err = c.unquote(quoted[1:])
		if err != nil {
			return nil, nil, false, err
		}
		_, rest, more = c.cut(line) // what stands between the mark and the separator is nobody's
		return text, rest, more, nil
	}
	text, rest, more = c.cut(line)
	return trim(text), rest, more, nil
}

// skip leaves out blanks at the beginning of line that do not separate.
func (c *csv) skip(line []byte) []byte {
	for len(line) > 0 && blank(line[0]) && line[0] != c.separator[0] {
		line = line[1:]
	}
	return line
}

func (c *csv) cut(line []byte) (text, rest []byte, more bool) {
	switch {
	case c.blanks:
		i := 0
		for i < len(line) && !blank(line[i]) {
			i++
		}
		rest = line[i:]
		for len(rest) > 0 && blank(rest[0]) {
			rest = rest[1:]
		}
		return line[:i], rest, i < len(line)
	case len(c.separator) == 1:
		i := bytes.IndexByte(line, c.separator[0])
		if i < 0 {
			return line, nil, false
		}
		return line[:i], line[i+1:], true
	}
	return bytes.Cut(line, c.separator)
}

// unquote reads to the closing mark of a field whose opening one was cut off.
func (c *csv) unquote(line []byte) (text, rest []byte, err error) {
	end := bytes.IndexByte(line, '"')
	if end < 0 {
		return nil, nil, errQuote
	}
	if end+1 == len(line) || line[end+1] != '"' {
		return line[:end], line[end+1:], nil
	}
	from := len(c.scratch)
	for {
		c.scratch = append(c.scratch, line[:end]...)
		line = line[end+1:]
		if len(line) == 0 || line[0] != '"' {
			return c.scratch[from:], line, nil
		}
		c.scratch = append(c.scratch, '"')
		line = line[1:]
		if end = bytes.IndexByte(line, '"'); end < 0 {
			return nil, nil, errQuote
		}
	}
}

func blank(c byte) bool { return c == ' ' || c == '\t' }

// trim takes blanks and tabs off both ends.
func trim(b []byte) []byte {
	for len(b) > 0 && blank(b[0]) {
		b = b[1:]
	}
	for len(b) > 0 && blank(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}
