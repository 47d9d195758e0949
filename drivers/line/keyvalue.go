package line

import (
	"bytes"
	"errors"
)

// keyValue reads name=value or name:value pairs between blanks, commas and semicolons. Blanks may stand around the mark, and
// quotation marks around the value. Words without a mark are passed over; of a name that comes twice the last one counts.
type keyValue struct {
	slots   map[string]int
	decimal byte
}

var errNoPairs = errors.New("there is no name=value or name:value in it")

func (k *keyValue) parse(line []byte, found []field) ([]byte, error) {
	pairs := false
	for {
		for len(line) > 0 && separates(line[0]) {
			line = line[1:]
		}
		if len(line) == 0 {
			break
		}
		name, rest, ok := pairName(line)
		line = rest
		if !ok {
			continue
		}
		pairs = true
		text, rest, err := k.value(rest)
		if err != nil {
			return nil, err
		}
		line = rest
		if slot, ok := k.slots[string(name)]; ok {
			found[slot] = field{text: text, state: given}
		}
	}
	if !pairs {
		return nil, errNoPairs
	}
	return nil, nil
}

// pairName cuts a name and its mark off line; without a mark it cuts off the word.
func pairName(line []byte) (name, rest []byte, ok bool) {
	end := 0
	for end < len(line) && !separates(line[end]) && line[end] != '=' && line[end] != ':' {
		end++
	}
	name, rest = line[:end], skipBlanks(line[end:])
	if len(rest) > 0 && (rest[0] == '=' || rest[0] == ':') {
		return name, rest[1:], true
	}
	return nil, rest, false
}

// value cuts a value off line, which begins behind the mark.
func (k *keyValue) value(line []byte) (text, rest []byte, err error) {
	before := len(line)
	if line = skipBlanks(line); len(line) > 0 && line[0] == '"' {
		end := bytes.IndexByte(line[1:], '"')
		if end < 0 {
			return nil, nil, errQuote
		}
		return line[1 : 1+end], line[2+end:], nil
	}
	end := 0
	for end < len(line) && (!separates(line[end]) || k.inNumber(line, end)) {
		end++
	}
	word := line[:end]
	// In "T= H=40" the word after the blank is not T's value but the next pair. Behind the mark itself it is (base64 ends in =), and a
	// colon inside is no sign of a pair: 12:30:00.
	if len(line) < before && (bytes.IndexByte(word, '=') > 0 || len(word) > 1 && word[len(word)-1] == ':') {
		return line[:0], line, nil
	}
	return word, line[end:], nil
}

// inNumber says that the byte at i is a decimal comma: between two digits, where that is the decimal mark.
func (k *keyValue) inNumber(line []byte, i int) bool {
	return k.decimal == ',' && line[i] == ',' && i > 0 && digit(line[i-1]) && i+1 < len(line) && digit(line[i+1])
}

func separates(c byte) bool { return blank(c) || c == ',' || c == ';' }

func digit(c byte) bool { return c >= '0' && c <= '9' }

func letter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

func skipBlanks(b []byte) []byte {
	for len(b) > 0 && blank(b[0]) {
		b = b[1:]
	}
	return b
}
