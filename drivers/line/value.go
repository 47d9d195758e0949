package line

import (
	"bytes"
	"errors"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"fieldpost/telemetry"
)

var (
	errEmpty    = errors.New("is empty")
	errNumber   = errors.New("is not a number")
	errInteger  = errors.New("is not an integer")
	errBool     = errors.New("is not true, false, 1, 0, on, off, yes or no")
	errRange    = errors.New("is out of range")
	errNested   = errors.New("is an object or array, not a value")
	errMissing  = errors.New("is not there")
	errCutShort = errors.New("it was cut off: the stream ended in it")
)

// longestNumber is more than any number needs that is worth reading: 2^63 has 19 digits, and the longest float64 that strconv
// writes 24.
const longestNumber = 64

// number returns text with a decimal point, and whether it is made of what decimals are made of. It uses room where it must change text.
func number(text []byte, decimal byte, room *[longestNumber]byte) ([]byte, bool) {
	if len(text) > longestNumber {
		return nil, false
	}
	comma := -1
	for i, c := range text {
		switch {
		case digit(c), c == '-', c == '+', c == 'e', c == 'E':
		case c == decimal:
			if c == ',' {
				comma = i
			}
		default:
			return nil, false
		}
	}
	if comma >= 0 {
		text = append(room[:0], text...)
		text[comma] = '.'
	}
	return text, true
}

func parseFloat(text []byte, decimal byte) (float64, telemetry.Quality, error) {
	var room [longestNumber]byte
	if n, ok := number(text, decimal, &room); ok {
		f, err := strconv.ParseFloat(string(n), 64)
		switch {
		case err == nil:
			return f, telemetry.Good, nil
		case errors.Is(err, strconv.ErrRange):
			return 0, 0, errRange
		}
		return 0, 0, errNumber
	}
	// What C, Python and JavaScript print for the values that are none.
	word, sign := text, 1
	if word[0] == '-' || word[0] == '+' {
		if word[0] == '-' {
			sign = -1
		}
		word = word[1:]
	}
	switch {
	case foldEqual(word, "nan"):
		return math.NaN(), telemetry.Bad, nil
	case foldEqual(word, "inf"), foldEqual(word, "infinity"):
		return math.Inf(sign), telemetry.Bad, nil
	}
	return 0, 0, errNumber
}

// parseInt reads a decimal of whole value exactly.
func parseInt(text []byte, decimal byte) (int64, error) {
	var room [longestNumber]byte
	n, ok := number(text, decimal, &room)
	if !ok {
		return 0, errInteger
	}
	i, err := strconv.ParseInt(string(n), 10, 64)
	switch {
	case err == nil:
		return i, nil
	case errors.Is(err, strconv.ErrRange):
		return 0, errRange
	}
	return wholeDecimal(n)
}

// wholeDecimal reads a decimal with a fraction of zeros, or with an exponent.
func wholeDecimal(n []byte) (int64, error) {
	if _, err := strconv.ParseFloat(string(n), 64); err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, errInteger // not a decimal at all
	}
	mantissa, exponent := n, 0
	if i := bytes.IndexAny(n, "eE"); i >= 0 {
		var err error
		if exponent, err = strconv.Atoi(string(n[i+1:])); err != nil {
			return 0, errRange
		}
		mantissa = n[:i]
	}
	var room [longestNumber]byte
	digits := room[:0]
	for i, c := range mantissa {
		switch {
		case c == '.':
			exponent -= len(mantissa) - i - 1
		case c == '-', digit(c):
			digits = append(digits, c)
		}
	}
	for len(digits) > 1 && digits[len(digits)-1] == '0' {
		digits = digits[:len(digits)-1]
		exponent++
	}
	switch last := digits[len(digits)-1]; {
	case last == '0' || last == '-': // nothing but zeros
		return 0, nil
	case exponent < 0:
		return 0, errInteger
	case exponent > 18:
		return 0, errRange
	}
	for range exponent {
		digits = append(digits, '0')
	}
	i, err := strconv.ParseInt(string(digits), 10, 64)
	if err != nil {
		return 0, errRange
	}
	return i, nil
}

func parseBool(text []byte) (bool, error) {
	for _, w := range [...]string{"1", "true", "on", "yes"} {
		if foldEqual(text, w) {
			return true, nil
		}
	}
	for _, w := range [...]string{"0", "false", "off", "no"} {
		if foldEqual(text, w) {
			return false, nil
		}
	}
	return false, errBool
}

// missingWord says whether text is what instruments print in place of a number that they do not have.
func missingWord(text []byte) bool {
	if len(bytes.Trim(text, "-*")) == 0 {
		return true
	}
	for _, w := range [...]string{
		"nan", "inf", "infinity", "ovf", "ovl", "ol", "over", "under", "overflow", "underflow", "overrange", "underrange", "open", "short",
		"err", "error", "fail", "fault", "invalid", "na", "n/a", "null", "none", "nil",
	} {
		if foldEqual(text, w) {
			return true
		}
	}
	return false
}

// foldEqual says whether b is word, which is in lower case, in any case. Only letters of ASCII fold.
func foldEqual(b []byte, word string) bool {
	if len(b) != len(word) {
		return false
	}
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != word[i] {
			return false
		}
	}
	return true
}

// parseText returns text as UTF-8. It returns last, which it returned before, where that is the same: states repeat.
func parseText(text []byte, last string) string {
	switch {
	case string(text) == last:
		return last
	case utf8.Valid(text):
		return string(text)
	}
	return strings.ToValidUTF8(string(text), "�")
}
