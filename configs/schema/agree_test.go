package schema_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"

	"fieldpost/configs/edgefile"
	"fieldpost/configs/gatewayfile"
	"fieldpost/configs/setting"
	"fieldpost/configs/strict"
	"fieldpost/drivers/catalogue"
)

// others are put in the place of every value: what somebody might write. Not "" and 0, which the loader takes for nothing where a default is wanted.
var others = []any{
	"nonsense", "No Name", "5s", "off", "1MiB", "500GiB", "10.0.0.1:80", "tcp://a:1", "8N1", "7e2", "9N1", "100%", "RMC.lat", "GP", ",", ".", "unix_ms",
	-1, 0.5, 39, 40, 300, 1 << 21, 12_000_001, 2_000_000_000_000, true, false, nil, []any{}, []any{1, 2}, []any{"a"}, map[string]any{}, map[string]any{"a": 1},
}

// beyond are what the loader refuses and a schema cannot see, by words of the message: it would take a look at another key, into a file or an expression, or
// arithmetic with units.
var beyond = []string{
	"no such file", "is not a regular file", "there is no column",
	"unknown metric", "unexpected", "ends too early", "bad number syntax", "a metric has no parts", "not a condition", "uses no metric",
	"no group named", "is not the number of a csv field", "needs the number of its field", "match is missing", "layout ", "mode ", "cannot separate",
	"in this order", "is not above", "is too small", "go together", "without username", "is for TLS", "needs TLS", "insecure without listen", "is reachable",
}

// TestLoaderAgrees changes every value of files that have every key, leaves every key out, and asks both what they think: a schema that is stricter
// than the loader would underline what is right, and one that is laxer must have a reason.
func TestLoaderAgrees(t *testing.T) {
	compiled, used := schemas(t), make(map[string]bool)
	for file, form := range map[string]string{"edge": "edge", "gateway": "gateway", "line": "device", "regex": "device", "nmea": "device", "sim": "device", "replay": "device"} {
		t.Run(file, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS("testdata")); err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(filepath.Join(dir, file+".yaml"))
			if err != nil {
				t.Fatal(err)
			}
			var whole map[string]any
			if err := yaml.Unmarshal(text, &whole); err != nil {
				t.Fatal(err)
			}
			path, asked := filepath.Join(dir, file+".yaml"), 0
			ask := func(at string) {
				asked++
				changed, err := json.Marshal(whole)
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, changed, 0o600); err != nil {
					t.Fatal(err)
				}
				value, err := jsonschema.UnmarshalJSON(bytes.NewReader(changed))
				if err != nil {
					t.Fatal(err)
				}
				refused := compiled[form].Validate(value)
				said := load(form, path)
				switch {
				case refused != nil && !said.Failed():
					t.Errorf("%s: only the schema refuses %s: %v", at, changed, refused)
				case refused == nil && said.Failed() && !isBeyond(said, used):
					t.Errorf("%s: only the loader refuses:\n%s", at, said)
				}
			}
			ask("unchanged")
			change(whole, "", ask)
			if asked < 50 {
				t.Errorf("asked only %d times", asked)
			}
		})
	}
	for _, words := range beyond {
		if !used[words] {
			t.Errorf("the loader never says %q", words)
		}
	}
}

// change puts all others in the place of every value in v in turn, and leaves every key out in turn, and asks each time.
func change(v any, path string, ask func(at string)) {
	replace := func(at string, old any, set func(any)) {
		for _, o := range others {
			set(o)
			ask(at)
		}
		set(old)
		change(old, at, ask)
	}
	switch v := v.(type) {
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			at, old := setting.Path(path, k), v[k]
			delete(v, k)
			ask(at + " left out")
			replace(at, old, func(o any) { v[k] = o })
		}
	case []any:
		for i := range v {
			replace(setting.Path(path, i), v[i], func(o any) { v[i] = o })
		}
	}
}

func load(form, path string) (ps strict.Problems) {
	switch form {
	case "edge":
		_, ps = edgefile.Load(path, catalogue.Kinds())
	case "gateway":
		_, ps = gatewayfile.Load(path)
	default:
		_, ps = edgefile.LoadDevice(path, catalogue.Kinds())
	}
	return ps
}

// isBeyond reports whether one of the problems is beyond a schema, and notes by which words.
func isBeyond(ps strict.Problems, used map[string]bool) bool {
	found := false
	for _, p := range ps {
		for _, words := range beyond {
			if !p.Warning && strings.Contains(p.Message, words) {
				found, used[words] = true, true
			}
		}
	}
	return found
}
