package stream

import (
	"fmt"
	"strconv"
)

// Trouble gathers what is wrong with the fields of a telegram: the first in full, the others as a number.
type Trouble struct {
	field string
	text  string // quoted, or empty
	err   error
	count int
}

// Add notes that text, which may be empty, stood in field and what is wrong with it.
func (t *Trouble) Add(field string, text []byte, err error) {
	if t.count++; t.count > 1 {
		return
	}
	t.field, t.err = field, err
	if len(text) > 0 {
		t.text = Excerpt(text) + " "
	}
}

// Any says whether something was added.
func (t *Trouble) Any() bool { return t.count > 0 }

// Error names the first field, what stood in it, and how many more there were.
func (t *Trouble) Error() string {
	s := "field " + t.field + ": " + t.text + t.err.Error()
	if t.count > 1 {
		s += fmt.Sprintf(" (and %d more)", t.count-1)
	}
	return s
}

// Unwrap returns the first field's error.
func (t *Trouble) Unwrap() error { return t.err }

// excerptLen is enough to know a line by, and little enough for a status page.
const excerptLen = 48

// Excerpt quotes the beginning of b.
func Excerpt(b []byte) string {
	if len(b) <= excerptLen {
		return strconv.Quote(string(b))
	}
	return strconv.Quote(string(b[:excerptLen])) + "…"
}
