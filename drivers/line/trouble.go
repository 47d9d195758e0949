package line

import (
	"fmt"
	"strconv"
)

// trouble gathers what is wrong with the fields of a line: the first in full, the others as a number.
type trouble struct {
	field string
	text  string // quoted, or empty
	err   error
	count int
}

func (t *trouble) add(field string, text []byte, err error) {
	if t.count++; t.count > 1 {
		return
	}
	t.field, t.err = field, err
	if len(text) > 0 {
		t.text = excerpt(text) + " "
	}
}

// Error names the first field, what stood in it, and how many more there were.
func (t *trouble) Error() string {
	s := "field " + t.field + ": " + t.text + t.err.Error()
	if t.count > 1 {
		s += fmt.Sprintf(" (and %d more)", t.count-1)
	}
	return s
}

// Unwrap returns the first field's error.
func (t *trouble) Unwrap() error { return t.err }

// excerptLen is enough to know a line by, and little enough for a status page.
const excerptLen = 48

// excerpt quotes the beginning of b.
func excerpt(b []byte) string {
	if len(b) <= excerptLen {
		return strconv.Quote(string(b))
	}
	return strconv.Quote(string(b[:excerptLen])) + "…"
}
