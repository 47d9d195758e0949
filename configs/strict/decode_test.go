package strict_test

import (
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"fieldpost/configs/setting"
	"fieldpost/configs/strict"
)

type line struct {
	Baud int    `yaml:"baud"`
	Mode string `yaml:"mode"`
}

type port struct {
	Path string `yaml:"path"`
	Line line   `yaml:",inline"`
}

type plug struct {
	Name   string  `yaml:"name"`
	Serial *port   `yaml:"serial,kind"`
	TCP    *string `yaml:"tcp,kind"`
}

type row struct {
	Name  string      `yaml:"name"`
	Scale float64     `yaml:"scale"`
	Valid *[2]float64 `yaml:"valid"`
	Extra any         `yaml:",inline"`
}

func (r *row) SetDefaults() { r.Scale = 1 }

func (r *row) Check(problem, warning setting.Problem) {
	if r.Name == "" {
		problem("name", "name is missing")
	}
	if r.Scale == 0 {
		problem("scale", "scale is 0")
	}
	if strings.HasPrefix(r.Name, "x") {
		warning("name", "x is odd")
	}
}

type rowExtra struct {
	Field int `yaml:"field"`
}

type root struct {
	Node    string            `yaml:"node"`
	On      bool              `yaml:"on"`
	Byte    uint8             `yaml:"byte"`
	Count   int64             `yaml:"count"`
	Ratio   float64           `yaml:"ratio"`
	Every   setting.Duration  `yaml:"every"`
	Size    *setting.Size     `yaml:"size"`
	Labels  map[string]string `yaml:"labels"`
	Words   []string          `yaml:"words"`
	Limits  map[string]int    `yaml:"limits"`
	Plugs   []plug            `yaml:"plugs"`
	Rows    []row             `yaml:"rows"`
	Section struct {
		Deep string `yaml:"deep"`
	} `yaml:"section"`
	Listen listen `yaml:"listen,replace"`
	Own    int    `yaml:"-"`
}

type listen struct {
	Address string `yaml:"address"`
	Loud    bool   `yaml:"loud"`
}

func (r *root) SetDefaults() {
	r.Node, r.Words, r.Every, r.Listen.Address = "host", []string{"a", "b"}, setting.Duration(time.Second), "here"
}

func withField(r *row) { r.Extra = new(rowExtra) }

func decode(t *testing.T, text string) (root, strict.Problems) {
	t.Helper()
	var r root
	doc := strict.Decode("f.yaml", []byte(text), &r, strict.For(withField), strict.Refuse[row]("deadband", "deadband comes later"))
	return r, doc.Problems()
}

const goodRoot = `
node: pi-7
on: true
byte: 0xff
count: -9223372036854775808
ratio: 1e-3
every: 1h30m
size: 2GiB
labels: {site: north, room: 12, open: no, "yes": "true"}
words: [one, "2", 3, 0o7, 1_000, 1:30, 2026-01-02]
limits:
  a: 0o17
plugs:
  - name: a
    serial: {path: /dev/x, baud: 9600, mode: 8E1}
  - {name: b, tcp: "h:1"}
rows:
  - {name: t, field: 3, valid: [-40, .inf]}
section:
  deep: |-
    two
    lines
`

func TestDecodeFillsEverySortOfField(t *testing.T) {
	got, problems := decode(t, goodRoot)
	if len(problems) > 0 {
		t.Fatalf("problems:\n%s", problems)
	}
	size, tcp := setting.Size(2<<30), "h:1"
	want := root{
		Node: "pi-7", On: true, Byte: 255, Count: math.MinInt64, Ratio: 1e-3, Every: setting.Duration(90 * time.Minute), Size: &size,
		Labels: map[string]string{"site": "north", "room": "12", "open": "no", "yes": "true"},
		Words:  []string{"one", "2", "3", "0o7", "1_000", "1:30", "2026-01-02"},
		Limits: map[string]int{"a": 15},
		Plugs:  []plug{{Name: "a", Serial: &port{Path: "/dev/x", Line: line{9600, "8E1"}}}, {Name: "b", TCP: &tcp}},
		Rows:   []row{{Name: "t", Scale: 1, Valid: &[2]float64{-40, math.Inf(1)}, Extra: &rowExtra{3}}},
		Listen: listen{Address: "here"},
	}
	want.Section.Deep = "two\nlines"
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestDecodeDefaults(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want func(*root)
	}{
		"empty file":                         {"", func(r *root) { r.SetDefaults() }},
		"only comments":                      {"# nothing\n", func(r *root) { r.SetDefaults() }},
		"byte order mark":                    {"\uFEFFnode: a\n", func(r *root) { r.SetDefaults(); r.Node = "a" }},
		"document markers":                   {"---\nnode: a\n...\n", func(r *root) { r.SetDefaults(); r.Node = "a" }},
		"windows line ends":                  {"node: a\r\non: true\r\n", func(r *root) { r.SetDefaults(); r.Node, r.On = "a", true }},
		"a list replaces the default":        {"words: [z]", func(r *root) { r.SetDefaults(); r.Words = []string{"z"} }},
		"a list of comments is empty":        {"words:\n  # - z\n", func(r *root) { r.SetDefaults(); r.Words = nil }},
		"a section is read over defaults":    {"section: {deep: x}", func(r *root) { r.SetDefaults(); r.Section.Deep = "x" }},
		"unless it replaces them":            {"listen: {loud: true}", func(r *root) { r.SetDefaults(); r.Listen = listen{Loud: true} }},
		"an empty one replaces them too":     {"listen: {}", func(r *root) { r.SetDefaults(); r.Listen = listen{} }},
		"a list's structs have defaults":     {"rows: [{name: a}]", func(r *root) { r.SetDefaults(); r.Rows = []row{{Name: "a", Scale: 1, Extra: new(rowExtra)}} }},
		"quoted null is text":                {"node: \"null\"", func(r *root) { r.SetDefaults(); r.Node = "null" }},
		"empty quoted text is empty text":    {"node: ''", func(r *root) { r.SetDefaults(); r.Node = "" }},
		"an anchor without alias is no harm": {"node: &a b", func(r *root) { r.SetDefaults(); r.Node = "b" }},
	} {
		t.Run(name, func(t *testing.T) {
			got, problems := decode(t, c.text)
			if len(problems) > 0 {
				t.Fatalf("problems:\n%s", problems)
			}
			var want root
			c.want(&want)
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
		})
	}
}

// Each case is a file and all its problems.
func TestDecodeProblems(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"did you mean":                        {"nod: x\n", `1:1: unknown key "nod"; did you mean "node"?`},
		"what was meant stands there already": {"node: x\nnodes: y\nlabels: {}\n", `2:1: unknown key "nodes"; known here: node, on, byte, count, ratio, every, size, labels, words, limits, plugs, rows, section, listen`},
		"nothing is near":                     {"section:\n  telephone: x\n", `2:3: unknown key "telephone"; known here: deep`},
		"- for _":                             {"rows: [{name: a, FIELD: 2}]", `1:18: unknown key "FIELD"; did you mean "field"?`},
		"duplicate key":                       {"node: a\non: true\nnode: b\n", `3:1: duplicate key "node"; it stands in line 1 already`},
		"duplicate label":                     {"labels:\n  a: x\n  a: y\n", `3:3: duplicate key "a"; it stands in line 2 already`},
		"key is a list":                       {"? [a]\n: b\n", `1:3: a key must be text, got a list`},
		"merge key":                           {"section:\n  <<: {deep: x}\n", `2:3: << is not supported; write the keys out`},
		"alias":                               {"node: &a x\nwords: [*a]\n", `2:9: *a: aliases are not supported; write the value out`},
		"alias to itself":                     {"words: &a [*a]\n", `1:12: *a: aliases are not supported; write the value out`},
		"unknown alias":                       {"node: *a\n", `1:7: not YAML: unknown anchor 'a' referenced`},
		"tag":                                 {"node: !!str 5\non: !yes true", "1:7: tag !!str is not supported; leave it out, and put text that looks like a number in quotes\n2:5: tag !yes is not supported; leave it out, and put text that looks like a number in quotes"},
		"text for a number":                   {"count: abc", `1:8: want a whole number, got text "abc"`},
		"quoted number":                       {`count: "5"`, `1:8: want a whole number, got text "5"; leave out the quotes`},
		"fraction for a whole":                {"count: 1.0", `1:8: want a whole number, got number 1.0`},
		"underscore":                          {"count: 1_000", `1:8: want a whole number, got text "1_000"`},
		"sexagesimal":                         {"count: 1:30", `1:8: want a whole number, got text "1:30"`},
		"leading zero":                        {"count: 010\nratio: 007", "1:8: number 010 begins with 0: write it without, or 0o… if it is octal\n2:8: number 007 begins with 0: write it without, or 0o… if it is octal"},
		"binary":                              {"count: 0b1", `1:8: want a whole number, got text "0b1"`},
		"too large":                           {"count: 9223372036854775808\nbyte: 256\nratio: 1e999", "1:8: number 9223372036854775808 is out of range\n2:7: number 256 is out of range\n3:8: number 1e999 is out of range"},
		"negative":                            {"byte: -1", `1:7: want a whole number from 0, got number -1`},
		"yes is no boolean":                   {"on: yes", `1:5: want true or false, got text "yes"`},
		"quoted boolean":                      {"on: 'true'", `1:5: want true or false, got text "true"; leave out the quotes`},
		"number for a boolean":                {"on: 1", `1:5: want true or false, got number 1`},
		"boolean for a number":                {"ratio: true", `1:8: want a number, got true`},
		"list for text":                       {"node: [a]", `1:7: want text, got a list`},
		"section for text":                    {"node: {a: b}", `1:7: want text, got a section`},
		"text for a list":                     {"words: one", `1:8: want a list, got text "one"`},
		"text for a section":                  {"section: one\nlabels: 2", "1:10: want a section of key: value, got text \"one\"\n2:9: want a section of key: value, got number 2"},
		"no value":                            {"node:\ncount: ~\nsection:\nrows:\n  -\n  - {name: null}", "1:6: node has no value; write one, or leave it out\n2:8: count has no value; write one, or leave it out\n3:9: section has no value; write one, or leave it out\n5:4: rows[0] has no value; write one, or leave it out\n6:12: name has no value; write one, or leave it out"},
		"long text is cut":                    {"count: " + strings.Repeat("y", 60), `1:8: want a whole number, got text "` + strings.Repeat("y", 40) + `"…`},
		"duration":                            {"every: 5", `1:8: duration "5": write a number and a unit out of ms, s, m, h, d, w, such as 500ms or 1h30m`},
		"size":                                {"size: 5GB", `1:7: size "5GB": write a number and a unit out of KiB, MiB, GiB, such as 512MiB`},
		"array too short":                     {"rows: [{name: a, valid: [1]}]", `1:25: want a list of 2 values, got 1`},
		"array of no numbers":                 {"rows: [{name: a, valid: [1, b]}]", `1:29: want a number, got text "b"`},
		"no kind":                             {"plugs:\n  - name: a\n", `2:5: the kind is missing; want one of serial, tcp`},
		"misspelt kind":                       {"plugs:\n  - {name: a, serail: {path: x}}\n", `2:15: unknown key "serail"; did you mean "serial"?`},
		"two kinds":                           {"plugs:\n  - {name: a, tcp: x, serial: {}}\n", `2:23: "serial" beside "tcp" in line 2; want exactly one kind`},
		"inline unknown":                      {"plugs:\n  - name: a\n    serial:\n      path: x\n      buad: 3\n", `5:7: unknown key "buad"; did you mean "baud"?`},
		"refused":                             {"rows: [{name: a, deadband: 1}]", `1:18: deadband comes later`},
		"check":                               {"rows:\n  - {scale: 0}\n  - {name: x}\n", "2:5: name is missing\n2:13: scale is 0\n3:12: warning: x is odd"},
		"check is silent about what could not be read": {"rows:\n  - {name: [], scale: none}\n  - 7\n", "2:12: want text, got a list\n2:23: want a number, got text \"none\"\n3:5: want a section of key: value, got number 7"},
		"check is silent about what is misspelt":       {"rows:\n  - {nmae: a}\n", `2:6: unknown key "nmae"; did you mean "name"?`},
		"root is a list":                               {"- a\n", `1:1: want a section of key: value, got a list`},
		"root is text":                                 {"hello", `1:1: want a section of key: value, got text "hello"`},
		"two documents":                                {"node: a\n---\nnode: b\n", `2:1: a second document begins here; write one document per file, without ---`},
		"tab":                                          {"section:\n\tdeep: x\n", `2:1: a tab cannot indent; use spaces`},
		"colon in text":                                {"node: a: b\n", `1:8: unexpected ":"; put text that contains ": " in quotes, or check the indentation`},
		"indentation":                                  {"section:\n    deep: x\n  on: true\n", `3:3: the indentation does not fit the lines above`},
		"open list":                                    {"words: [a,\n  b\nnode: c\n", `3:5: a list in [ ] lacks its ] or a comma; it began in line 1`},
		"open section":                                 {"labels: {a: b,\n c: d\ne: [\n", `3:2: a section in { } lacks its } or a comma; it began in line 1`},
		"open quote":                                   {"node: 'a\n\nx\n", `4:1: a quote is not closed; it began in line 1`},
		"at sign":                                      {"node: @a\n", `1:7: text cannot begin with @; put it in quotes`},
		"directive":                                    {"%YAML 1.2\n---\nnode: a\n", `1:1: %YAML lines are not supported; remove it`},
		"not UTF-8":                                    {"node: a\non: \xff\n", `2:5: byte 0xff is not UTF-8; save the file as UTF-8`},
		"control character":                            {"node: a\x00", `1:8: control character U+0000; remove it`},
		"columns are letters":                          {"labels: {ö: 'ü', b: [1]}", `1:21: want text, got a list`},
		"all at once": {"nod: x\non: maybe\ncount: many\nsize: big\nrows: [{name: a, scale: 0}]\n",
			"1:1: unknown key \"nod\"; did you mean \"node\"?\n2:5: want true or false, got text \"maybe\"\n3:8: want a whole number, got text \"many\"\n" +
				"4:7: size \"big\": write a number and a unit out of KiB, MiB, GiB, such as 512MiB\n5:25: scale is 0"},
	} {
		t.Run(name, func(t *testing.T) {
			_, problems := decode(t, c.text)
			want := ""
			for l := range strings.SplitSeq(c.want, "\n") {
				want += "f.yaml:" + l + "\n"
			}
			if got := problems.String(); got != want {
				t.Errorf("file:\n%s\ngot:\n%s\nwant:\n%s", c.text, got, want)
			}
		})
	}
}
