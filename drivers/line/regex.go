package line

import (
	"errors"
	"fmt"
	"regexp"
)

// regex takes the named groups of the first match.
type regex struct {
	re     *regexp.Regexp
	groups []int // of each slot
}

func newRegex(re *regexp.Regexp, want *slots, addError func(int, error)) *regex {
	r := &regex{re: re, groups: make([]int, len(want.names))}
	for slot, name := range want.names {
		r.groups[slot] = re.SubexpIndex(name)
		if r.groups[slot] < 0 {
			addError(slot, fmt.Errorf("match has no group named %q; write (?P<%s>…) in it", name, name))
		}
	}
	return r
}

var errNoMatch = errors.New("it does not match")

func (r *regex) parse(line []byte, found []field) ([]byte, error) {
	at := r.re.FindSubmatchIndex(line)
	if at == nil {
		return nil, errNoMatch
	}
	for slot, g := range r.groups {
		if from, to := at[2*g], at[2*g+1]; from >= 0 {
			found[slot] = field{text: trim(line[from:to]), state: given}
		}
	}
	return nil, nil
}
