package generator

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"fieldpost/configs/strict"
)

// walker turns structs into sections.
type walker struct {
	comments *comments
	unused   map[string]bool // rules that no key has asked for
	err      error           // the first
}

// into returns the section that is read into the struct that p points to. It gives that struct its defaults, as the loader does.
func (w *walker) into(p any) *section {
	strict.Decode("defaults", nil, p) // what it says to an empty file does not matter
	s := new(section)
	w.structure(reflect.ValueOf(p).Elem(), s)
	return s
}

// structure adds the keys of the struct v, which holds its defaults.
func (w *walker) structure(v reflect.Value, s *section) {
	t := v.Type()
	c, err := w.comments.of(t)
	if err != nil {
		w.fail(err)
		return
	}
	if s.doc == "" {
		s.doc = afterColon(c.doc)
	}
	var kinds []string
	for i := range t.NumField() {
		f, fv := t.Field(i), v.Field(i)
		name, option, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case !f.IsExported() || name == "-":
		case option == "choice":
			w.choice(fv.Addr().Interface().(*strict.Choice), s)
		case option == "inline":
			w.inline(fv, s)
		default:
			w.key(t, name, c.fields[f.Name], fv, option == "replace", s)
			if option == "kind" {
				kinds = append(kinds, name)
			}
		}
	}
	if len(kinds) > 0 {
		s.groups = append(s.groups, kinds)
	}
	if way := ways[t.String()]; way != nil {
		s.groups = append(s.groups, way)
	}
}

// inline adds the keys of the struct that v is or leads to; none if it leads nowhere.
func (w *walker) inline(v reflect.Value, s *section) {
	for v.Kind() == reflect.Interface || v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return
		}
		v = v.Elem()
	}
	w.structure(v, s)
}

// choice adds the alternatives of c as keys of which exactly one must stand.
func (w *walker) choice(c *strict.Choice, s *section) {
	var group []string
	for _, a := range c.Of {
		inner := w.into(a.New())
		if inner.doc == "" {
			w.fail(fmt.Errorf("%T needs a comment that says what it is after a colon", a.New()))
		}
		s.keys = append(s.keys, key{name: a.Key, doc: inner.doc, value: value{form: keys, section: inner}})
		group = append(group, a.Key)
	}
	s.groups = append(s.groups, group)
}

// key adds one key. Its default is v; that of a section that is replaced whole is told here, and not of its keys.
func (w *walker) key(of reflect.Type, name, doc string, v reflect.Value, replaced bool, s *section) {
	id := of.String() + "." + name
	if doc == "" {
		w.fail(fmt.Errorf("key %s has no comment above it", id))
	}
	k := key{name: name, doc: doc}
	if sv, ok := scalar(v.Type()); ok {
		k.standard = standard(v, sv)
	} else if replaced || v.Kind() == reflect.Slice && v.Len() > 0 {
		k.standard = plain(v)
	}
	if replaced {
		v.SetZero()
	}
	k.value = w.value(v)
	rules[id].apply(&k)
	delete(w.unused, id)
	s.keys = append(s.keys, k)
}

// value returns what may stand for v.
func (w *walker) value(v reflect.Value) value {
	t := v.Type()
	if t.Kind() == reflect.Pointer {
		p := reflect.New(t.Elem())
		if t.Elem().Kind() == reflect.Struct {
			if _, ok := scalar(t.Elem()); !ok {
				return value{form: keys, section: w.into(p.Interface())}
			}
		}
		return w.value(p.Elem())
	}
	if sv, ok := scalar(t); ok {
		return sv
	}
	switch t.Kind() {
	case reflect.Struct:
		s := new(section)
		w.structure(v, s)
		return value{form: keys, section: s}
	case reflect.Slice, reflect.Map:
		item := w.item(t.Elem())
		if t.Kind() == reflect.Map {
			return value{form: table, item: &item}
		}
		return value{form: list, item: &item}
	case reflect.Array:
		item := w.item(t.Elem())
		return value{form: list, item: &item, least: t.Len(), most: t.Len()}
	}
	panic(fmt.Sprintf("generator: no way to read a %s", t))
}

// item returns what may stand for an entry of a list or table.
func (w *walker) item(t reflect.Type) value {
	if _, ok := scalar(t); !ok && t.Kind() == reflect.Struct {
		return w.value(reflect.New(reflect.PointerTo(t)).Elem())
	}
	return w.value(reflect.New(t).Elem())
}

func (w *walker) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

// standard returns the default of a key whose zero value is one: not that of a text.
func standard(v reflect.Value, of value) any {
	if of.form == text && of.what == "" && v.IsZero() || v.Kind() == reflect.String && v.IsZero() {
		return nil
	}
	return plain(v)
}

const day = 24 * time.Hour

// plain returns v as it would stand in a file: sections without what is zero in them.
func plain(v reflect.Value) any {
	if d, ok := v.Interface().(interface{ Go() time.Duration }); ok && d.Go() > 0 && d.Go()%day == 0 {
		return fmt.Sprintf("%dd", d.Go()/day) // 30d, not 4w2d
	}
	if s, ok := v.Interface().(fmt.Stringer); ok {
		return s.String()
	}
	switch v.Kind() {
	case reflect.Pointer:
		return plain(v.Elem())
	case reflect.Slice:
		out := make([]any, v.Len())
		for i := range out {
			out[i] = plain(v.Index(i))
		}
		return out
	case reflect.Struct:
		out := object{}
		for i := range v.NumField() {
			name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
			if !slices.Contains([]string{"", "-"}, name) && !v.Field(i).IsZero() {
				out = append(out, member{name, plain(v.Field(i))})
			}
		}
		return out
	}
	return v.Interface()
}
