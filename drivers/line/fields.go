package line

import (
	"errors"
	"fmt"
	"strconv"

	"fieldpost/drivers"
)

// parser finds the wanted fields of a line.
type parser interface {
	// parse sets found[slot] of each wanted field that it finds in line, and returns what follows the first telegram of the line, if anything
	// can. The fields' text is valid until the next call.
	parse(line []byte, found []field) (rest []byte, err error)
}

// field is what a parser found under an address.
type field struct {
	text  []byte
	state state
}

type state uint8

const (
	absent state = iota // not in the line
	given               // text is what stands there
	nested              // an object or array stands there
)

// slots numbers the distinct addresses that metrics and time want, so that a parser looks for each once.
type slots struct {
	index map[string]int
	names []string
}

func (s *slots) of(address string) int {
	if i, ok := s.index[address]; ok {
		return i
	}
	if s.index == nil {
		s.index = map[string]int{}
	}
	i := len(s.names)
	s.index[address] = i
	s.names = append(s.names, address)
	return i
}

// address returns where m is in a line.
func address(m drivers.Metric, format string) (string, error) {
	if a, ok := m.Address.(*Address); ok && a != nil && a.Field != "" {
		return string(a.Field), nil
	}
	if format == CSV {
		return "", errors.New("a csv metric needs the number of its field, counted from 1")
	}
	return m.Name, nil
}

// newParser makes the parser for s. addError is told what is wrong with a slot's address.
func newParser(s *Settings, want *slots, addError func(slot int, err error)) (parser, error) {
	switch s.Format {
	case CSV:
		return newCSV(s.separator(), want, addError), nil
	case JSON:
		return newJSON(want, addError), nil
	case KeyValue:
		return &keyValue{slots: want.index, decimal: s.decimal()}, nil
	case Regex:
		re, err := s.expression()
		if err != nil {
			return nil, err
		}
		return newRegex(re, want, addError), nil
	}
	return nil, fmt.Errorf("unknown format %q", s.Format)
}

// maxColumn bounds the number of a csv field: a higher one is a slip.
const maxColumn = 9999

func column(address string) (int, error) {
	n, err := strconv.Atoi(address)
	if err != nil || n < 1 || n > maxColumn {
		return 0, fmt.Errorf("%q is not the number of a csv field, counted from 1", address)
	}
	return n, nil
}
