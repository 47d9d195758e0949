package strict

import (
	"bytes"
	"encoding"
	"fmt"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v4"

	"fieldpost/configs/setting"
)

// Option changes what Decode does with a struct type wherever it meets it.
type Option func(*decoder)

// For calls f for every struct of type T after it got its defaults and before it is read.
func For[T any](f func(*T)) Option {
	return func(d *decoder) {
		t := reflect.TypeFor[T]()
		d.prepare[t] = append(d.prepare[t], func(p any) { f(p.(*T)) })
	}
}

// Refuse reports message where key stands in a section of type T, instead of calling the key unknown.
func Refuse[T any](key, message string) Option {
	return func(d *decoder) {
		t := reflect.TypeFor[T]()
		if d.refused[t] == nil {
			d.refused[t] = make(map[string]string)
		}
		d.refused[t][key] = message
	}
}

// decoder reads one document into structs.
type decoder struct {
	*Document
	prepare map[reflect.Type][]func(any)
	refused map[reflect.Type]map[string]string
}

// Decode reads data into the struct that into points to, and asks its Checkers. File is for positions, and not opened.
// What cannot be read keeps its default. An empty file is like one without keys.
func Decode(file string, data []byte, into any, options ...Option) *Document {
	d := &decoder{Document: newDocument(file), prepare: make(map[reflect.Type][]func(any)), refused: make(map[reflect.Type]map[string]string)}
	for _, o := range options {
		o(d)
	}
	v := reflect.ValueOf(into)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		panic(fmt.Sprintf("strict: into is %T; want a pointer to a struct", into))
	}
	d.source = bytes.TrimPrefix(data, []byte("\uFEFF"))
	root, ok := d.parse(data)
	if !ok {
		d.bad[""] = true
		return d.Document
	}
	if root == nil || isNull(root) {
		root = &yaml.Node{Kind: yaml.MappingNode, Line: 1, Column: 1}
	}
	d.put("", root, root)
	d.value(root, v.Elem(), "")
	if !d.cut {
		d.check()
	}
	return d.Document
}

// value reads n into v. It reports whether nothing was wrong.
func (d *decoder) value(n *yaml.Node, v reflect.Value, path string) bool {
	switch {
	case n.Kind == yaml.AliasNode:
		return d.fail(n, path, "*%s: aliases are not supported; write the value out", n.Value)
	case n.Style&yaml.TaggedStyle != 0:
		return d.fail(n, path, "tag %s is not supported; leave it out, and put text that looks like a number in quotes", n.Tag)
	case v.Kind() == reflect.Pointer:
		return d.pointer(n, v, path)
	}
	if t, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return d.text(n, path, func(s string) error { return t.UnmarshalText([]byte(s)) })
	}
	switch v.Kind() {
	case reflect.Struct:
		return d.structure(n, v, path)
	case reflect.Slice, reflect.Array:
		return d.list(n, v, path)
	case reflect.Map:
		return d.mapping(n, v, path)
	case reflect.String:
		return d.text(n, path, func(s string) error { v.SetString(s); return nil })
	}
	if n.Kind != yaml.ScalarNode || isNull(n) {
		return d.wrong(n, path, wanted(v))
	}
	if err := setScalar(n, v); err != nil {
		return d.fail(n, path, "%v", err)
	}
	return true
}

func (d *decoder) pointer(n *yaml.Node, v reflect.Value, path string) bool {
	p := reflect.New(v.Type().Elem())
	ok := d.value(n, p.Elem(), path)
	if ok || p.Elem().Kind() == reflect.Struct && n.Kind == yaml.MappingNode {
		v.Set(p)
	}
	return ok
}

// text hands over any scalar but null as it is written.
func (d *decoder) text(n *yaml.Node, path string, set func(string) error) bool {
	if n.Kind != yaml.ScalarNode || isNull(n) {
		return d.wrong(n, path, "text")
	}
	if err := set(n.Value); err != nil {
		return d.fail(n, path, "%v", err)
	}
	return true
}

func (d *decoder) list(n *yaml.Node, v reflect.Value, path string) bool {
	array := v.Kind() == reflect.Array
	switch {
	case n.Kind == yaml.SequenceNode:
	case isNull(n) && !array: // all its entries are comments
		v.SetZero()
		return true
	default:
		return d.wrong(n, path, wanted(v))
	}
	if array && len(n.Content) != v.Len() {
		return d.fail(n, path, "want a list of %d values, got %d", v.Len(), len(n.Content))
	}
	if !array {
		v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	}
	ok := true
	for i, c := range n.Content {
		at := setting.Path(path, i)
		d.put(at, c, c)
		ok = d.value(c, v.Index(i), at) && ok
	}
	return ok
}

func (d *decoder) mapping(n *yaml.Node, v reflect.Value, path string) bool {
	t := v.Type()
	if t.Key().Kind() != reflect.String || t.Elem().Kind() == reflect.Struct {
		panic(fmt.Sprintf("strict: %s at %s: want text keys and no structs, but pointers to them", t, path))
	}
	switch {
	case n.Kind == yaml.MappingNode:
	case isNull(n): // all its entries are comments
		v.SetZero()
		return true
	default:
		return d.wrong(n, path, wanted(v))
	}
	pairs, ok := d.pairs(n, path)
	m := reflect.MakeMapWithSize(t, len(pairs))
	for _, p := range pairs {
		e := reflect.New(t.Elem()).Elem()
		ok = d.value(p.value, e, setting.Path(path, p.key.Value)) && ok
		m.SetMapIndex(reflect.ValueOf(p.key.Value).Convert(t.Key()), e)
	}
	v.Set(m)
	return ok
}

// pair is a key that was not there before, and its value.
type pair struct {
	key, value *yaml.Node
}

// pairs notes the places of a mapping's keys and reports keys that are none.
func (d *decoder) pairs(n *yaml.Node, path string) ([]pair, bool) {
	ok, lines := true, make(map[string]int, len(n.Content)/2)
	pairs := make([]pair, 0, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		line, double := lines[key.Value]
		switch {
		case key.Kind != yaml.ScalarNode || key.Style&yaml.TaggedStyle != 0 || isNull(key):
			d.add(d.position(key), false, "a key must be text, got %s", describe(key))
		case key.Value == "<<" && isPlain(key):
			d.add(d.position(key), false, "<< is not supported; write the keys out")
		case double:
			d.add(d.position(key), false, "duplicate key %q; it stands in line %d already", key.Value, line)
		default:
			lines[key.Value] = key.Line
			d.put(setting.Path(path, key.Value), key, value)
			pairs = append(pairs, pair{key, value})
			continue
		}
		ok = false
	}
	return pairs, ok
}

func (d *decoder) put(path string, key, value *yaml.Node) {
	d.places[path] = place{key: d.position(key), value: d.position(value), text: value.Value, block: isBlock(value)}
}

// wrong reports n where something else was wanted.
func (d *decoder) wrong(n *yaml.Node, path, want string) bool {
	if isNull(n) {
		name := path[strings.LastIndexByte(path, '.')+1:]
		return d.fail(n, path, "%s has no value; write one, or leave it out", name)
	}
	return d.fail(n, path, "want %s, got %s", want, describe(n))
}

func (d *decoder) fail(n *yaml.Node, path, format string, args ...any) bool {
	d.bad[path] = true
	d.add(d.position(n), false, format, args...)
	return false
}
