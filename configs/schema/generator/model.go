// Package generator makes JSON Schemas and the configuration page out of the structs that configuration files are read into. What keys there are, which
// defaults they have and which of them exclude each other it takes from the structs by reflection, as configs/strict does; what they do, from
// the comments in the source; what Check methods demand, from the list in rules.go. Only tests run it.
package generator

import "slices"

// section is a mapping with known keys.
type section struct {
	doc      string // what the comment of its struct says after a colon
	keys     []key
	groups   [][]string // of each exactly one key must stand
	variants []variant
}

// variant is what entries of a list have beside their own keys if the section around it has a certain key.
type variant struct {
	key, list string
	extra     *section // nil: nothing
}

// key is one key of a section.
type key struct {
	name, doc string
	value     value
	required  bool
	standard  any // its value if it is left out, as JSON has it; nil: none, or one that is no value
}

// form is the kind of JSON that a value is.
type form int

const (
	text form = iota
	whole
	number
	boolean
	list
	table // text keys that nobody knows beforehand
	keys  // a section
)

// value is what may stand behind a key.
type value struct {
	form     form
	what     string   // in words, where form does not say enough
	types    []string // of JSON, where form does not say it
	pattern  string   // of texts
	names    string   // pattern of a table's keys
	enum     []string
	min, max *float64
	least    int      // of texts: characters; of lists: entries
	most     int      // 0: no limit
	item     *value   // of a list or table
	section  *section // of keys
}

// find returns the key of that name, nil if there is none.
func (s *section) find(name string) *key {
	for i := range s.keys {
		if s.keys[i].name == name {
			return &s.keys[i]
		}
	}
	return nil
}

// first moves keys to the front, as people write them: the order of the struct is that of reading.
func (s *section) first(names ...string) {
	place := func(k key) int {
		if i := slices.Index(names, k.name); i >= 0 {
			return i
		}
		return len(names)
	}
	slices.SortStableFunc(s.keys, func(a, b key) int { return place(a) - place(b) })
}
