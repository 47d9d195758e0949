package strict_test

import (
	"strings"
	"testing"

	"fieldpost/configs/strict"
)

// TestInside finds an X inside texts that are written in all ways YAML has. Where the file's text is not the value's, it is where the text begins (›).
func TestInside(t *testing.T) {
	for name, text := range map[string]string{
		"plain":              "when: a > X and c\n",
		"first":              "when: X > a\n",
		"after letters":      "when: ä°€𝄞 > X\n",
		"double quotes":      "when: \"a > X\"\n",
		"single quotes":      "when: 'a > X'\n",
		"indented":           "in:\n  when:   a > X # not X\n",
		"in a flow":          "in: {name: b, when: a > X, for: 3s}\n",
		"windows":            "in:\r\n  when: a >\r\n    X\r\n",
		"byte order mark":    "\uFEFFwhen: a > X\n",
		"over lines":         "when: a > b\n  and\n  X or c\n",
		"quotes over lines":  "when: \"a\n  and X\"\n",
		"literal":            "when: |\n  a > b\n    and X\n",
		"folded":             "when: >-\n\n  a > b\n  and X\n",
		"folded, commented":  "when: > # why\n  a\n  and X\n",
		"escaped before":     "when: ›\"\\x61 > X\"\n",
		"escaped after":      "when: \"a > X \\x61\"\n",
		"a quote in quotes":  "when: ›'a == ''b'' or X'\n",
		"continued by slash": "when: ›\"a \\\n  > X\"\n",
	} {
		t.Run(name, func(t *testing.T) {
			mark := "X"
			if strings.Contains(text, "›") {
				mark = "›"
			}
			before := strings.TrimPrefix(text[:strings.Index(text, mark)], "\uFEFF")
			line := 1 + strings.Count(before, "\n")
			column := 1 + len([]rune(before[strings.LastIndex(before, "\n")+1:]))

			type inner struct {
				Name string `yaml:"name"`
				When string `yaml:"when"`
				For  string `yaml:"for"`
			}
			var into struct {
				When string `yaml:"when"`
				In   inner  `yaml:"in"`
			}
			doc := strict.Decode("f.yaml", []byte(strings.ReplaceAll(text, "›", "")), &into)
			if p := doc.Problems(); len(p) > 0 {
				t.Fatal(p)
			}
			path, value := "when", into.When
			if value == "" {
				path, value = "in.when", into.In.When
			}
			offset := len([]rune(value[:strings.Index(value, "X")]))
			if got := doc.Inside(path, offset); got.Line != line || got.Column != column {
				t.Errorf("got %s, want %d:%d of %q", got, line, column, text)
			}
		})
	}
}

func TestInsideAtTheEnds(t *testing.T) {
	var into struct {
		When string `yaml:"when"`
	}
	doc := strict.Decode("f.yaml", []byte("when: a > \n"), &into)
	for offset, column := range map[int]int{0: 7, 2: 9, 3: 10, 99: 10} {
		if got := doc.Inside("when", offset); got.Line != 1 || got.Column != column {
			t.Errorf("offset %d: got %s, want column %d", offset, got, column)
		}
	}
	if got := doc.Inside("when.not.there", 3); got.Line != 1 || got.Column != 7 {
		t.Errorf("got %s", got)
	}
}
