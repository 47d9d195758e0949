package generator

import (
	"bytes"
	_ "embed" // the page's text
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"text/template"
)

// page is the text of docs/configuration.md, with calls for what is generated:
//
//	{{keys "edge.journal"}}                     the table of a section, by its path from the form on
//	{{keys "edge.lanes.live" "edge.lanes.bulk"}} of sections with the same keys
//	{{keys "device.line.metrics"}}              of the keys that the driver line adds to metrics
//	{{example "edge.yaml" "journal"}}           the lines of that key in a file of configs/examples
//
//go:embed configuration.md.tmpl
var page string

// Page returns the configuration page. Examples is the folder of example files. A section that the page forgets is an error.
func (f *Forms) Page(examples fs.FS) ([]byte, error) {
	sections := make(map[string]*section)
	collect(sections, "edge", f.edge)
	collect(sections, "device", f.device)
	collect(sections, "gateway", f.gateway)
	t, err := template.New("configuration.md").Funcs(template.FuncMap{
		"keys": func(paths ...string) (text string, err error) {
			for i, path := range paths {
				s := sections[path]
				switch {
				case s == nil:
					return "", fmt.Errorf("there is no section %s", path)
				case i > 0 && s.markdown() != text:
					return "", fmt.Errorf("section %s has other keys than %s", path, paths[0])
				}
				delete(sections, path)
				text = s.markdown()
			}
			return text, nil
		},
		"example": func(file, key string) (string, error) { return fragment(examples, file, key) },
	}).Parse(page)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := t.Execute(&b, nil); err != nil {
		return nil, err
	}
	if len(sections) > 0 {
		var forgotten []string
		for path := range sections {
			forgotten = append(forgotten, path)
		}
		slices.Sort(forgotten)
		return nil, fmt.Errorf("the page does not tell of %s", strings.Join(forgotten, ", "))
	}
	return b.Bytes(), nil
}

// collect lists s and all sections in it by their paths.
func collect(into map[string]*section, path string, s *section) {
	into[path] = s
	for _, k := range s.keys {
		v := k.value
		for v.item != nil {
			v = *v.item
		}
		if v.form == keys {
			collect(into, path+"."+k.name, v.section)
		}
	}
	for _, v := range s.variants {
		if v.extra != nil {
			collect(into, path+"."+v.key+"."+v.list, v.extra)
		}
	}
}

// markdown returns the table of s.
func (s *section) markdown() string {
	var b strings.Builder
	b.WriteString("| key | value | default | what it does |\n|---|---|---|---|\n")
	for _, k := range s.keys {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", k.name, k.value.words(), s.fallback(k), escape(k.doc))
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// fallback says what holds if k is left out.
func (s *section) fallback(k key) string {
	switch {
	case k.required:
		return "required"
	case k.standard != nil:
		return code(k.standard)
	}
	for _, g := range s.groups {
		if slices.Contains(g, k.name) {
			if len(g) == 1 {
				return "required"
			}
			return "one of these"
		}
	}
	return ""
}

// code writes a default as it would stand in a file.
func code(v any) string { return "`" + strings.ReplaceAll(flow(v), "|", `\|`) + "`" }

// flow writes v in YAML, in one line.
func flow(v any) string {
	switch v := v.(type) {
	case object:
		var parts []string
		for _, m := range v {
			inner := flow(m.value)
			if s, ok := m.value.(string); ok && strings.ContainsAny(s, ":,{}[]#") {
				inner = strconv.Quote(s)
			}
			parts = append(parts, m.key+": "+inner)
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case []any:
		var parts []string
		for _, e := range v {
			parts = append(parts, flow(e))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case string:
		if v == "," { // would be taken for nothing
			return strconv.Quote(v)
		}
		return v
	}
	return fmt.Sprint(v)
}

// words say what may stand behind a key.
func (v value) words() string {
	switch {
	case v.enum != nil:
		var all []string
		for _, e := range v.enum {
			all = append(all, "`"+e+"`")
		}
		return strings.Join(all, ", ")
	case v.what != "":
		return v.what
	}
	switch v.form {
	case whole:
		return "whole number"
	case number:
		return "number"
	case boolean:
		return "`true`, `false`"
	case table:
		return "name: " + v.item.words()
	case keys:
		return "section"
	case list:
		if v.least == 2 && v.most == 2 {
			return "two numbers"
		}
		return "list of " + v.item.plural()
	}
	return "text"
}

func (v value) plural() string {
	switch {
	case v.form == keys:
		return "sections"
	case v.enum != nil:
		return v.words()
	}
	return v.words() + "s"
}

var markup = strings.NewReplacer("|", `\|`, "*", `\*`, "<", `\<`)

func escape(s string) string { return markup.Replace(s) }

// fragment returns the lines of a top-level key in an example, the comments behind values included.
func fragment(examples fs.FS, file, key string) (string, error) {
	text, err := fs.ReadFile(examples, path.Clean(file))
	if err != nil {
		return "", err
	}
	var lines []string
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\n")
		inside := len(lines) > 0 && (line == "" || line[0] == ' ' || line[0] == '-')
		switch {
		case strings.HasPrefix(line, key+":"), inside:
			lines = append(lines, line)
			continue
		}
		if len(lines) > 0 {
			break
		}
	}
	if len(lines) == 0 {
		return "", fmt.Errorf("%s has no key %s", file, key)
	}
	return "```yaml\n" + strings.TrimRight(strings.Join(lines, "\n"), "\n") + "\n```", nil
}
