package nmea

import (
	"slices"

	"fieldpost/telemetry"
)

// sentence is what is known of one kind of sentence.
type sentence struct {
	name   string
	fields []definition
	// worth says what the fix in a sentence is worth; nil: it has none.
	worth func(f fields) telemetry.Quality
	// time returns the instant of a sentence, 0 if it or its day is not known, and the field that it could not read; nil: it has none.
	time func(f fields, c *clock) (t telemetry.Time, at int, err error)
}

// definition is one field that a metric can read.
type definition struct {
	name  string
	unit  string
	class class
	fix   bool // it is worth what the fix is
	read  func(f fields) (value, error)
}

type class uint8

const (
	number class = iota
	truth
	word
)

// kind returns the type of metric that is meant for c.
func (c class) kind() telemetry.Kind {
	switch c {
	case truth:
		return telemetry.KindBool
	case word:
		return telemetry.KindText
	}
	return telemetry.KindFloat
}

// value is what a field holds: a number or a truth if that is its class, and the text that was sent in any case.
type value struct {
	number decimal
	truth  bool
	text   []byte
}

// sentences are all that are known but XDR, whose fields are named by the instrument. They never change.
var sentences = slices.Concat(gnss, vessel)

// xdr is the name of the sentence of transducers.
const xdr = "XDR"

// Field is one that a metric can read.
type Field struct {
	Name string // RMC.lat
	Unit string // SenML or UCUM code; empty: it has none
	Type string // of the metric that can hold it: float (or integer), bool or text
}

// Fields returns all fields, sentence by sentence, but those of XDR, which the instrument names.
func Fields() []Field {
	var all []Field
	for _, s := range sentences {
		for _, d := range s.fields {
			all = append(all, Field{Name: s.name + "." + d.name, Unit: d.unit, Type: d.class.kind().String()})
		}
	}
	return all
}

// Sentences returns the names of the sentences that are understood.
func Sentences() []string {
	var names []string
	for _, s := range sentences {
		names = append(names, s.name)
	}
	return append(names, xdr)
}

func fieldNames(of string) []string {
	var names []string
	if s := findSentence(of); s != nil {
		for _, d := range s.fields {
			names = append(names, d.name)
		}
	}
	return names
}

func findSentence(name string) *sentence {
	for i := range sentences {
		if sentences[i].name == name {
			return &sentences[i]
		}
	}
	return nil
}

func findDefinition(of, field string) *definition {
	if s := findSentence(of); s != nil {
		for i := range s.fields {
			if s.fields[i].name == field {
				return &s.fields[i]
			}
		}
	}
	return nil
}

// plain reads field i.
func plain(i int) func(fields) (value, error) {
	return func(f fields) (value, error) {
		d, err := parseDecimal(f.at(i))
		return value{number: d, text: f.at(i)}, err
	}
}

// in is a number at place at, worth num/den of the unit that is wanted. Behind it stands its unit; 0 if the sentence has no place for one.
type in struct {
	at       int
	unit     byte
	num, den int64
}

// first reads the first of ways that has a value. The place says the unit; the letter behind it may be left out, but not be another.
func first(ways ...in) func(fields) (value, error) {
	return func(f fields) (value, error) {
		for _, w := range ways {
			d, err := parseDecimal(f.at(w.at))
			if err == errAbsent {
				continue
			}
			if unit := f.letter(w.at + 1); err == nil && w.unit != 0 && unit != 0 && unit != w.unit {
				err = errUnit
			}
			if err == nil && w.num != w.den {
				d, err = d.times(w.num, w.den)
			}
			return value{number: d, text: f.at(w.at)}, err
		}
		return value{}, errAbsent
	}
}

// east reads field i, positive to the east, negative to the west. Without a direction beside it, which some leave out, its sign is not known.
func east(i int) func(fields) (value, error) {
	return func(f fields) (value, error) {
		d, err := parseDecimal(f.at(i))
		if err != nil {
			return value{text: f.at(i)}, err
		}
		switch f.letter(i + 1) {
		case 'E':
		case 'W':
			d.m = -d.m
		default:
			return value{}, errAbsent
		}
		return value{number: d}, nil
	}
}

func latitude(i int) func(fields) (value, error) {
	return func(f fields) (value, error) {
		d, err := angle(f.at(i), f.letter(i+1), 'N', 'S', 90)
		return value{number: d, text: f.at(i)}, err
	}
}

func longitude(i int) func(fields) (value, error) {
	return func(f fields) (value, error) {
		d, err := angle(f.at(i), f.letter(i+1), 'E', 'W', 180)
		return value{number: d, text: f.at(i)}, err
	}
}

// valid reads a status: A is true, V false.
func valid(i int) func(fields) (value, error) {
	return func(f fields) (value, error) {
		switch f.letter(i) {
		case 'A':
			return value{truth: true}, nil
		case 'V':
			return value{}, nil
		case 0:
			return value{}, errAbsent
		}
		return value{text: f.at(i)}, errStatus
	}
}

// text reads a letter.
func text(i int) func(fields) (value, error) {
	return func(f fields) (value, error) {
		b := f.at(i)
		if len(b) == 0 {
			return value{}, errAbsent
		}
		return value{text: b}, nil
	}
}
