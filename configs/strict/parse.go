package strict

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// parse returns the root of the only document in data; nil if there is none, which is an empty file. What is wrong is reported.
func (d *Document) parse(data []byte) (root *yaml.Node, ok bool) {
	if len(data) > maxFile {
		d.Problem("", "longer than %d bytes: this is no configuration file", maxFile)
		return nil, false
	}
	data = bytes.TrimPrefix(data, []byte("\uFEFF"))
	if !d.checkText(data) {
		return nil, false
	}
	loader, err := yaml.NewLoader(bytes.NewReader(data), yaml.WithUniqueKeys(false)) // we report duplicate keys ourselves, all of them
	if err != nil {
		panic(err) // only for wrong options
	}
	node, err := next(loader)
	if err == io.EOF {
		return nil, true
	}
	if err != nil {
		d.syntax(err, data)
		return nil, false
	}
	second, err := next(loader)
	switch {
	case err == io.EOF:
	case err != nil:
		d.syntax(err, data)
		return nil, false
	default:
		d.add(d.position(second), false, "a second document begins here; write one document per file, without ---")
		return nil, false
	}
	if len(node.Content) != 1 {
		return nil, true
	}
	return node.Content[0], true
}

// next returns the next document node. A panic of the parser is an error: a file must not be able to stop a running program.
func next(loader *yaml.Loader) (n *yaml.Node, err error) {
	defer func() {
		if r := recover(); r != nil {
			n, err = nil, fmt.Errorf("the YAML parser gave up: %v", r)
		}
	}()
	n = new(yaml.Node)
	if err := loader.Load(n); err != nil {
		return nil, err
	}
	return n, nil
}

// checkText refuses what is not YAML's character set (§5.1), because the parser does not say where it stands.
func (d *Document) checkText(data []byte) bool {
	line, column := 1, 1
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		at := Position{File: d.file, Line: line, Column: column}
		switch {
		case r == utf8.RuneError && size == 1:
			d.add(at, false, "byte 0x%02x is not UTF-8; save the file as UTF-8", data[i])
			return false
		case r < 0x20 && r != '\t' && r != '\n' && r != '\r', r >= 0x7f && r < 0xa0 && r != 0x85, r == 0xfffe, r == 0xffff:
			d.add(at, false, "control character U+%04X; remove it", r)
			return false
		case r == '\n':
			line, column = line+1, 0
		}
		column++
		i += size
	}
	return true
}

// syntax reports the parser's error. The parser stops at the first, so there is one per file.
func (d *Document) syntax(err error, data []byte) {
	d.bad[""] = true
	var load *yaml.LoadError
	if !errors.As(err, &load) {
		d.Problem("", "%v", err)
		return
	}
	at := Position{File: d.file, Line: max(load.Mark.Line, 1), Column: max(load.Mark.Column, 1)}
	begun := ""
	c, m := load.ContextMark, load.ContextMsg
	if c.Line > 0 && c.Line < at.Line && (strings.Contains(m, "flow") || strings.Contains(m, "quoted")) {
		begun = fmt.Sprintf("; it began in line %d", c.Line)
	}
	d.add(at, false, "%s%s", explain(load.Message, charAt(data, at)), begun)
}

// explain says the parser's commonest messages in words for people who do not know its grammar.
func explain(message string, at rune) string {
	switch {
	case at == '\t':
		return "a tab cannot indent; use spaces"
	case strings.Contains(message, "cannot start any token"):
		return fmt.Sprintf("text cannot begin with %c; put it in quotes", at)
	case strings.Contains(message, "mapping values are not allowed"):
		return `unexpected ":"; put text that contains ": " in quotes, or check the indentation`
	case strings.Contains(message, "could not find expected ':'"):
		return `no ":" after a key; write key: value`
	case strings.Contains(message, "did not find expected key"), strings.Contains(message, "did not find expected '-' indicator"):
		return "the indentation does not fit the lines above"
	case strings.Contains(message, "expected ',' or ']'"):
		return "a list in [ ] lacks its ] or a comma"
	case strings.Contains(message, "expected ',' or '}'"):
		return "a section in { } lacks its } or a comma"
	case strings.Contains(message, "unexpected end of stream"):
		return "a quote is not closed"
	case strings.Contains(message, "incompatible YAML document"):
		return "%YAML lines are not supported; remove it"
	}
	return "not YAML: " + message
}

func charAt(data []byte, at Position) rune {
	lines := bytes.SplitN(data, []byte("\n"), at.Line+1)
	if at.Line > len(lines) {
		return 0
	}
	rest := lines[at.Line-1]
	for range at.Column - 1 {
		_, size := utf8.DecodeRune(rest)
		rest = rest[size:]
	}
	if len(rest) == 0 {
		return 0
	}
	r, _ := utf8.DecodeRune(rest)
	return r
}

func (d *Document) position(n *yaml.Node) Position {
	return Position{File: d.file, Line: max(n.Line, 1), Column: max(n.Column, 1)}
}
