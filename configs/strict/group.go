package strict

import (
	"cmp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// group is a set of keys of which a section must have exactly one.
type group struct {
	what    string // kind, driver
	keys    []string
	present []pair // in the order of the file
	meant   bool   // none is present, but an unknown key was probably meant to be one
}

// groups returns the kind keys of s, and each Choice.
func (s *shape) groups(pairs map[string]pair) []*group {
	var groups []*group
	kinds := &group{what: "kind"}
	for _, f := range s.fields {
		switch {
		case f.choice != nil:
			groups = append(groups, f.choice.group(pairs))
		case f.kind:
			kinds.add(f.key, pairs)
		}
	}
	if len(kinds.keys) > 0 {
		groups = append(groups, kinds)
	}
	return groups
}

func (c *Choice) group(pairs map[string]pair) *group {
	g := &group{what: c.What}
	for _, a := range c.Of {
		g.add(a.Key, pairs)
	}
	return g
}

func (g *group) add(key string, pairs map[string]pair) {
	g.keys = append(g.keys, key)
	if p, ok := pairs[key]; ok {
		g.present = append(g.present, p)
		slices.SortFunc(g.present, func(a, b pair) int {
			return cmp.Or(cmp.Compare(a.key.Line, b.key.Line), cmp.Compare(a.key.Column, b.key.Column))
		})
	}
}

func (g *group) wanted() string {
	if len(g.keys) == 1 {
		return g.keys[0]
	}
	return "one of " + strings.Join(g.keys, ", ")
}

// exactlyOne reports a group of which section n has none or several.
func (d *decoder) exactlyOne(g *group, n *yaml.Node) bool {
	switch {
	case len(g.present) == 1:
		return true
	case g.meant: // said already
		return false
	case len(g.present) == 0:
		d.add(d.position(n), false, "the %s is missing; want %s", g.what, g.wanted())
		return false
	}
	first := g.present[0].key
	for _, p := range g.present[1:] {
		d.add(d.position(p.key), false, "%q beside %q in line %d; want exactly one %s", p.key.Value, first.Value, first.Line, g.what)
	}
	return false
}
