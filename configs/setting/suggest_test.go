package setting_test

import (
	"strings"
	"testing"

	"fieldpost/configs/setting"
)

func TestClosest(t *testing.T) {
	known := []string{"node", "labels", "journal", "archive", "links", "buses", "http", "devices", "max_size", "max_age", "unit", "url", "on"}
	for word, want := range map[string]string{
		"jornal": "journal", "journla": "journal", "nod": "node", "nodes": "node", "lnks": "links", "busses": "buses", "bus": "",
		"max-size": "max_size", "MAX_SIZE": "max_size", "maxsize": "max_size", "Unit": "unit", "uri": "url", "device": "devices",
		"retention": "", "x": "", "": "", "no": "on", "telephone": "", strings.Repeat("a", 1000): "",
	} {
		if got := setting.Closest(word, known); got != want {
			t.Errorf("%q: got %q, want %q", word, got, want)
		}
	}
	if got := setting.DidYouMean("jornal", known); got != `; did you mean "journal"?` {
		t.Errorf("got %q", got)
	}
	if got := setting.DidYouMean("telephone", known); got != "" {
		t.Errorf("got %q", got)
	}
}

func TestPath(t *testing.T) {
	for want, parts := range map[string][]any{
		"": nil, "metrics": {"metrics"}, "metrics[1].name": {"metrics", 1, "name"}, "name": {"", "name"}, "[0].a": {"", 0, "a"},
		"a[1][2]": {"a", 1, 2}, "a.b[0]": {"a", "b[0]"}, "a[0]": {"a", "[0]"},
	} {
		if got := setting.Path(parts...); got != want {
			t.Errorf("%v: got %q, want %q", parts, got, want)
		}
	}
}
