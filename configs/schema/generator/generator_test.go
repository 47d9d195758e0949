package generator

import (
	"reflect"
	"strings"
	"testing"
	"testing/fstest"

	"fieldpost/configs/setting"
	"fieldpost/edge/reduce"
	"fieldpost/telemetry/wire"
)

// A key without a comment would be one without documentation.
func TestKeyWithoutComment(t *testing.T) {
	source := fstest.MapFS{"configs/schema/generator/x.go": {Data: []byte(`package generator

// plant is the plant section: what grows.
type plant struct {
	// How tall it is.
	Height float64 ` + "`yaml:\"height\"`" + `
	Width  float64 ` + "`yaml:\"width\"`" + ` // not above the field
}
`)}}
	type plant struct {
		Height float64 `yaml:"height"`
		Width  float64 `yaml:"width"`
	}
	w := &walker{comments: &comments{module: "fieldpost", source: source, known: make(map[string]map[string]comment)}, unused: map[string]bool{}}
	s := w.into(new(plant))
	if s.doc != "What grows." || s.find("height").doc != "How tall it is." {
		t.Errorf("got %q, %q", s.doc, s.find("height").doc)
	}
	if w.err == nil || !strings.Contains(w.err.Error(), "plant.width has no comment") {
		t.Errorf("got error %v", w.err)
	}
}

// The patterns of texts take what their types take, and nothing else.
func TestTexts(t *testing.T) {
	for _, s := range []string{
		"", "0", "1", "-1", "0.5", "1s", "1.5h", ".5m", "1.m", ".s", "1h30m", "1ms", "1x", "s", "1 s", "30d", "2w", "off", "0s ", "1KiB", "1 KiB", " 2GiB", "1.5MiB", "1kb", "5B", "KiB", "-1B",
		"2%", "100%", "101%", "007%", "+2%", "0.5 %", "1e3", "1e-3%", "+2", "%", "0x1", "inf", "nan", "1e", "8cbad6aaa3ec05ceb48eac6b343b8cce", "8CBAD6AAA3EC05CEB48EAC6B343B8CCE", "8cba", "zzbad6aaa3ec05ceb48eac6b343b8cce",
	} {
		for _, into := range []interface{ UnmarshalText([]byte) error }{new(setting.Duration), new(setting.DurationOrOff), new(setting.Size), new(setting.Percent), new(reduce.Band), new(wire.StoreID)} {
			v := texts[reflect.TypeOf(into).Elem()]
			err := into.UnmarshalText([]byte(s))
			if v.matches(s) != (err == nil) {
				t.Errorf("%T %q: the pattern says %v, the type %v", into, s, v.matches(s), err)
			}
		}
	}
}

func TestFlow(t *testing.T) {
	for _, c := range []struct {
		v    any
		want string
	}{
		{"1m", "`1m`"}, {",", "`\",\"`"}, {2.5, "`2.5`"}, {true, "`true`"}, {"devices/*.yaml", "`devices/*.yaml`"},
		{object{{"listen", "127.0.0.1:80"}, {"deep", []any{object{{"name", "a"}}}}}, "`{listen: \"127.0.0.1:80\", deep: [{name: a}]}`"},
	} {
		if got := code(c.v); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}
