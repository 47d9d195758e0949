package strict

import (
	"fmt"
	"reflect"
	"strings"

	"fieldpost/configs/setting"
)

// Document is one file that was read: where its values stand, and what is wrong with it. Not safe for concurrent use.
type Document struct {
	file     string
	source   []byte
	places   map[string]place // by path
	bad      map[string]bool  // paths whose value could not be read
	found    []section
	problems Problems
	cut      bool // more than maxProblems
}

// place is where a path stands in the file.
type place struct {
	key, value Position
	text       string // of a scalar
	block      bool   // written with | or >
}

// section is a settings struct and the path that it was read from.
type section struct {
	path  string
	value any // pointer to the struct
}

// maxProblems bounds what a file that is no configuration at all can make us say.
const maxProblems = 500

func newDocument(file string) *Document {
	return &Document{file: file, places: make(map[string]place), bad: make(map[string]bool)}
}

// File returns the name that the file was read by.
func (d *Document) File() string { return d.file }

// Problems returns what is wrong, ordered by line and column, nothing twice.
func (d *Document) Problems() Problems {
	ps := d.problems.sorted()
	if d.cut {
		last := ps[len(ps)-1].Position
		ps = append(ps, Problem{Position: last, Message: fmt.Sprintf("more than %d problems; the rest is left out", maxProblems)})
	}
	return ps
}

// Has reports whether the file says something at path.
func (d *Document) Has(path string) bool {
	_, ok := d.places[path]
	return ok
}

// At returns where the value at path stands, or else that of the section around it that does stand in the file.
func (d *Document) At(path string) Position {
	for {
		if p, ok := d.places[path]; ok {
			return p.value
		}
		if path == "" {
			return Position{File: d.file, Line: 1, Column: 1}
		}
		path = parent(path)
	}
}

// Problem adds a problem at path. It is a setting.Problem.
func (d *Document) Problem(path, format string, args ...any) {
	d.add(d.At(path), false, format, args...)
}

// Warning adds a warning at path. It is a setting.Problem.
func (d *Document) Warning(path, format string, args ...any) {
	d.add(d.At(path), true, format, args...)
}

// Readable reports whether what stands at path, around it and in it could be read: if not, nothing should be concluded from it.
func (d *Document) Readable(path string) bool {
	for b := range d.bad {
		if within(b, path) || within(path, b) {
			return false
		}
	}
	return true
}

func (d *Document) add(at Position, warning bool, format string, args ...any) {
	if len(d.problems) >= maxProblems {
		d.cut = true
		return
	}
	d.problems = append(d.problems, Problem{Position: at, Message: fmt.Sprintf(format, args...), Warning: warning})
}

// check asks every Checker in the order of the file's structs.
func (d *Document) check() {
	for _, s := range d.found {
		c, ok := s.value.(setting.Checker)
		if !ok {
			continue
		}
		c.Check(d.under(s.path, d.Problem), d.under(s.path, d.Warning))
	}
}

// under returns say for paths relative to a section, without what could not be read.
func (d *Document) under(section string, say setting.Problem) setting.Problem {
	return func(path, format string, args ...any) {
		if full := setting.Path(section, path); d.Readable(full) {
			say(full, format, args...)
		}
	}
}

func (d *Document) foundStruct(path string, v reflect.Value) {
	d.found = append(d.found, section{path: path, value: v.Addr().Interface()})
}

// parent returns the path of the section or list around path.
func parent(path string) string {
	if i := strings.LastIndexAny(path, ".["); i >= 0 {
		return path[:i]
	}
	return ""
}

// within reports whether path is outer or inside it.
func within(path, outer string) bool {
	rest, ok := strings.CutPrefix(path, outer)
	return ok && (rest == "" || outer == "" || rest[0] == '.' || rest[0] == '[')
}
