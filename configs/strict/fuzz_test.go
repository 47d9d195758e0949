package strict_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"fieldpost/configs/strict"
)

// FuzzDecode feeds hostile text. Nothing panics; every problem stands inside the file, in order; the same text gives the same answer;
// and a file without problems says the same when its lines end otherwise or a comment follows.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{
		goodRoot, "", "nod: x\non: maybe", "rows: [{name: a, valid: [1, b]}]", "a: &a [*a]", "? [a]\n: b", "\uFEFFnode: a", "x: !!binary a",
		"<<: {a: b}", "node: \"\\u00e9\"", "- a\n- b", "%TAG ! x\n---\na: 1", "a: |\n  b\n c", "node: a\n---\nnode: b", "\tx", "a: {b: {c: {d: [[[[", "plugs:\n  - tcp: x\n    serial:\n",
	} {
		f.Add(s)
	}
	// An alias bomb: 9 to the 9th leaves if anybody followed it.
	bomb := "node: a\na0: &a0 [x,x,x,x,x,x,x,x,x]\n"
	for i := 1; i < 9; i++ {
		bomb += fmt.Sprintf("a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d,", i-1), 9), ","))
	}
	f.Add(bomb)
	f.Fuzz(func(t *testing.T, text string) {
		var first, second root
		p1 := strict.Decode("f", []byte(text), &first, strict.For(withField)).Problems()
		p2 := strict.Decode("f", []byte(text), &second, strict.For(withField)).Problems()
		if p1.String() != p2.String() || fmt.Sprint(first) != fmt.Sprint(second) && !hasPointers(first) {
			t.Fatalf("two answers:\n%s\n%s", p1, p2)
		}
		lines := strings.Count(text, "\n") + strings.Count(text, "\r") + strings.Count(text, "\u0085") + strings.Count(text, "\u2028") + strings.Count(text, "\u2029") + 2
		for i, p := range p1 {
			if p.Line < 1 || p.Column < 1 || p.Line > lines || p.Column > utf8.RuneCountInString(text)+2 {
				t.Fatalf("%v is outside of the file", p)
			}
			if p.Message == "" || strings.ContainsAny(p.Message, "\n\r") && !strings.Contains(text, "\r") {
				t.Fatalf("message %q", p.Message)
			}
			if i > 0 && (p.Line < p1[i-1].Line || p.Line == p1[i-1].Line && p.Column < p1[i-1].Column) {
				t.Fatalf("%v after %v", p, p1[i-1])
			}
		}
		if len(p1) > 0 || strings.HasSuffix(strings.TrimSpace(text), "...") {
			return
		}
		var third root
		if p3 := strict.Decode("f", []byte(text+"\n# end\n"), &third, strict.For(withField)).Problems(); len(p3) > 0 && !strings.ContainsAny(text, "|>'\"") {
			t.Fatalf("a comment at the end made it wrong: %s", p3)
		}
	})
}

func hasPointers(r root) bool {
	return r.Size != nil || len(r.Plugs) > 0 || len(r.Rows) > 0 || !reflect.DeepEqual(r, r) // NaN
}
