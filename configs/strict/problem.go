package strict

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Position is a place in a file. Line and Column count from 1; a column is a character.
type Position struct {
	File   string
	Line   int
	Column int
}

// String returns file:line:column.
func (p Position) String() string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column) }

// Problem is one thing that is wrong with a file.
type Problem struct {
	Position
	Message string
	Warning bool // shown, but no reason to stop
}

// String returns file:line:column: message, or file:line:column: warning: message.
func (p Problem) String() string {
	if p.Warning {
		return p.Position.String() + ": warning: " + p.Message
	}
	return p.Position.String() + ": " + p.Message
}

// Problems is what is wrong with one or more files: file by file, each in the order of its lines.
type Problems []Problem

// Failed reports whether any of them is more than a warning.
func (ps Problems) Failed() bool {
	return slices.ContainsFunc(ps, func(p Problem) bool { return !p.Warning })
}

// String returns one problem per line, each line ended.
func (ps Problems) String() string {
	var b strings.Builder
	for _, p := range ps {
		b.WriteString(p.String())
		b.WriteByte('\n')
	}
	return b.String()
}

// sorted returns ps by place, without those that say the same of the same place.
func (ps Problems) sorted() Problems {
	out := slices.Clone(ps)
	slices.SortStableFunc(out, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	kept := out[:0]
	for _, p := range out {
		same := func(q Problem) bool { return q == p }
		at := len(kept)
		for at > 0 && kept[at-1].Position == p.Position {
			at--
		}
		if !slices.ContainsFunc(kept[at:], same) {
			kept = append(kept, p)
		}
	}
	return kept
}
