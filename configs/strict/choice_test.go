package strict_test

import (
	"reflect"
	"strings"
	"testing"

	"fieldpost/configs/strict"
)

type csv struct {
	Separator string `yaml:"separator"`
}

type modbus struct {
	Unit int `yaml:"unit"`
}

func alternatives() []strict.Alternative {
	return []strict.Alternative{
		{Key: "csv", New: func() any { return &csv{Separator: ","} }},
		{Key: "modbus", New: func() any { return new(modbus) }},
	}
}

type form struct {
	Driver strict.Choice `yaml:",choice"`
	Name   string        `yaml:"name"`
	Rows   []row         `yaml:"rows"`
}

// decodeForm reads as device files are: which keys a row has depends on the driver, wherever in the file that stands.
func decodeForm(text string) (form, strict.Problems) {
	f := form{Driver: strict.Choice{What: "driver", Of: alternatives()}}
	doc := strict.Decode("f.yaml", []byte(text), &f, strict.For(func(r *row) {
		switch f.Driver.Key {
		case "csv":
			r.Extra = new(rowExtra)
		case "":
			r.Extra = new(strict.Anything)
		}
	}))
	return f, doc.Problems()
}

func TestChoice(t *testing.T) {
	f, problems := decodeForm("rows: [{name: a, field: 7}]\nname: n\ncsv: {}\n")
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if f.Driver.Key != "csv" || !reflect.DeepEqual(f.Driver.Value, &csv{Separator: ","}) {
		t.Errorf("got driver %q %+v", f.Driver.Key, f.Driver.Value)
	}
	if want := []row{{Name: "a", Scale: 1, Extra: &rowExtra{Field: 7}}}; !reflect.DeepEqual(f.Rows, want) {
		t.Errorf("got rows %+v", f.Rows)
	}
}

func TestChoiceProblems(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"none":             {"name: n\nrows: [{name: a, field: 7, anything: x}]", "1:1: the driver is missing; want one of csv, modbus"},
		"two":              {"modbus: {}\ncsv: {}\n", `2:1: "csv" beside "modbus" in line 1; want exactly one driver`},
		"misspelt":         {"modbsu: {unit: 3}\n", `1:1: unknown key "modbsu"; did you mean "modbus"?`},
		"unknown":          {"opcua: {}\n", `1:1: unknown driver "opcua"; want one of csv, modbus`},
		"unknown text":     {"opcua: x\n", "1:1: unknown key \"opcua\"; known here: csv, modbus, name, rows\n1:1: the driver is missing; want one of csv, modbus"},
		"unknown beside":   {"csv: {}\nopcua: {}\n", `2:1: unknown key "opcua"; known here: csv, modbus, name, rows`},
		"its own keys":     {"csv: {seperator: ;}\n", `1:7: unknown key "seperator"; did you mean "separator"?`},
		"another's keys":   {"modbus: {}\nrows: [{name: a, field: 7}]", `2:18: unknown key "field"; known here: name, scale, valid`},
		"not even a table": {"csv: 5\n", "1:6: want a section of key: value, got number 5"},
	} {
		t.Run(name, func(t *testing.T) {
			_, problems := decodeForm(c.text)
			want := ""
			for l := range strings.SplitSeq(c.want, "\n") {
				want += "f.yaml:" + l + "\n"
			}
			if got := problems.String(); got != want {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

// A struct that cannot be read is our own bug, and shows at once.
func TestDecodePanicsOnWrongStructs(t *testing.T) {
	for name, c := range map[string]struct {
		into any
		want string
	}{
		"no pointer": {root{}, "want a pointer to a struct"},
		"no tag":     {&struct{ A int }{}, "A has no yaml tag"},
		"bad tag": {&struct {
			A int `yaml:"a,omitempty"`
		}{}, `the yaml tag "a,omitempty"`},
		"same key twice": {&struct {
			A int `yaml:"a"`
			B row `yaml:",inline"`
			C int `yaml:"name"`
		}{}, `the key "name"`},
		"inline text": {&struct {
			A string `yaml:",inline"`
		}{}, "inline string"},
		"unreadable": {&struct {
			A chan int `yaml:"a"`
		}{}, "no way to read a chan int"},
		"hidden": {&struct {
			a int `yaml:"a"`
		}{}, "not exported"},
		"map of structs": {&struct {
			A map[string]row `yaml:"a"`
		}{}, "want text keys and no structs"},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				got, _ := recover().(string)
				if !strings.Contains(got, c.want) {
					t.Errorf("got panic %q, want %q", got, c.want)
				}
			}()
			strict.Decode("f.yaml", []byte("a: {}"), c.into)
		})
	}
}
