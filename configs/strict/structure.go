package strict

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"fieldpost/configs/setting"
)

// shape is what a section may hold: the keys of its struct and of all that is inline in it.
type shape struct {
	fields  []field
	open    bool              // an inline *Anything takes all other keys
	refused map[string]string // key to message
	structs []reflect.Value   // the struct and those inline in it, innermost first
}

// field is a key and where its value goes, or a Choice.
type field struct {
	key     string
	value   reflect.Value
	kind    bool
	replace bool
	choice  *Choice
}

// structure reads a section into the struct v.
func (d *decoder) structure(n *yaml.Node, v reflect.Value, path string) bool {
	if n.Kind != yaml.MappingNode {
		return d.wrong(n, path, wanted(v))
	}
	s := &shape{refused: make(map[string]string)}
	d.shapeOf(v, s)
	list, ok := d.pairs(n, path)
	pairs := make(map[string]pair, len(list))
	for _, p := range list {
		pairs[p.key.Value] = p
	}
	groups := s.groups(pairs)
	ok = d.unknown(s, list, pairs, groups, path) && ok
	for _, g := range groups {
		ok = d.exactlyOne(g, n) && ok
	}
	for _, f := range s.fields {
		if f.choice != nil {
			ok = d.choose(f.choice, pairs, path) && ok
			continue
		}
		p, present := pairs[f.key]
		if !present {
			continue
		}
		if f.replace {
			f.value.SetZero()
		}
		ok = d.value(p.value, f.value, setting.Path(path, f.key)) && ok
	}
	for _, v := range s.structs {
		d.foundStruct(path, v)
	}
	return ok
}

// unknown reports the keys that s does not have. It tells the groups which of them were probably meant for one of theirs.
func (d *decoder) unknown(s *shape, list []pair, pairs map[string]pair, groups []*group, path string) bool {
	ok, keys := true, s.keys()
	var absent []string
	for _, k := range keys {
		if _, present := pairs[k]; !present {
			absent = append(absent, k)
		}
	}
	for _, p := range list {
		key, at := p.key.Value, d.position(p.key)
		if slices.Contains(keys, key) || s.open && s.refused[key] == "" {
			continue
		}
		ok, d.bad[setting.Path(path, key)] = false, true
		if message := s.refused[key]; message != "" {
			d.add(at, false, "%s", message)
			continue
		}
		if d.cut {
			continue
		}
		if c := setting.Closest(key, absent); c != "" {
			d.bad[setting.Path(path, c)] = true
			d.add(at, false, "unknown key %q; did you mean %q?", key, c)
			for _, g := range groups {
				g.meant = g.meant || slices.Contains(g.keys, c)
			}
			continue
		}
		if g := lacking(groups); g != nil && p.value.Kind == yaml.MappingNode {
			g.meant = true
			d.add(at, false, "unknown %s %q; want %s", g.what, key, g.wanted())
			continue
		}
		d.add(at, false, "unknown key %q%s", key, knownHere(keys))
	}
	return ok
}

// lacking returns the first group of which nothing stands in the file, rightly or wrongly spelt.
func lacking(groups []*group) *group {
	for _, g := range groups {
		if len(g.present) == 0 && !g.meant {
			return g
		}
	}
	return nil
}

// knownHere lists keys if they fit into a line.
func knownHere(keys []string) string {
	if list := strings.Join(keys, ", "); list != "" && len(list) <= 120 {
		return "; known here: " + list
	}
	return ""
}

func (s *shape) keys() []string {
	var keys []string
	for _, f := range s.fields {
		if f.choice == nil {
			keys = append(keys, f.key)
			continue
		}
		for _, a := range f.choice.Of {
			keys = append(keys, a.Key)
		}
	}
	return keys
}

// choose reads the alternative of c that the section has, the first in the file if it has several.
func (d *decoder) choose(c *Choice, pairs map[string]pair, path string) bool {
	g := c.group(pairs)
	if len(g.present) == 0 {
		return true // exactlyOne has said so
	}
	p := g.present[0]
	c.Key = p.key.Value
	i := slices.IndexFunc(c.Of, func(a Alternative) bool { return a.Key == c.Key })
	c.Value = c.Of[i].New()
	return d.value(p.value, reflect.ValueOf(c.Value).Elem(), setting.Path(path, c.Key))
}

// shapeOf gives v its defaults and collects its fields.
func (d *decoder) shapeOf(v reflect.Value, s *shape) {
	setDefaults(v)
	for _, f := range d.prepare[v.Type()] {
		f(v.Addr().Interface())
	}
	maps.Copy(s.refused, d.refused[v.Type()])
	for i := range v.NumField() {
		sf, fv := v.Type().Field(i), v.Field(i)
		tag, tagged := sf.Tag.Lookup("yaml")
		if !sf.IsExported() {
			if tagged {
				panic(fmt.Sprintf("strict: %s.%s has a yaml tag, but is not exported", v.Type(), sf.Name))
			}
			continue
		}
		key, option, _ := strings.Cut(tag, ",")
		switch {
		case !tagged:
			panic(fmt.Sprintf("strict: %s.%s has no yaml tag", v.Type(), sf.Name))
		case tag == "-":
		case key == "" && option == "choice":
			s.fields = append(s.fields, field{choice: fv.Addr().Interface().(*Choice)})
		case key == "" && option == "inline":
			d.inline(fv, s)
		case key != "" && (option == "" || option == "kind" || option == "replace"):
			s.add(field{key: key, value: fv, kind: option == "kind", replace: option == "replace"}, v.Type())
		default:
			panic(fmt.Sprintf("strict: %s.%s has the yaml tag %q", v.Type(), sf.Name, tag))
		}
	}
	s.structs = append(s.structs, v)
}

func (s *shape) add(f field, t reflect.Type) {
	if slices.Contains(s.keys(), f.key) {
		panic(fmt.Sprintf("strict: the key %q of %s stands in the same section already", f.key, t))
	}
	s.fields = append(s.fields, f)
}

// inline takes in the struct that v is or leads to; nothing if it leads nowhere.
func (d *decoder) inline(v reflect.Value, s *shape) {
	for v.Kind() == reflect.Interface || v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return
		}
		v = v.Elem()
	}
	switch {
	case v.Type() == reflect.TypeFor[Anything]():
		s.open = true
	case v.Kind() == reflect.Struct && v.CanAddr():
		d.shapeOf(v, s)
	default:
		panic(fmt.Sprintf("strict: inline %s; want a struct or a pointer to one", v.Type()))
	}
}

// setDefaults gives v and the structs in it their defaults where they are zero, inner ones first.
func setDefaults(v reflect.Value) {
	zero := v.IsZero()
	for i := range v.NumField() {
		if f := v.Field(i); f.Kind() == reflect.Struct && f.CanSet() {
			setDefaults(f)
		}
	}
	if !zero {
		return
	}
	if d, ok := v.Addr().Interface().(setting.Defaulter); ok {
		d.SetDefaults()
	}
}
