package schema_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"

	"fieldpost/configs/schema"
)

// schemas are the committed ones, compiled, by form.
func schemas(t *testing.T) map[string]*jsonschema.Schema {
	t.Helper()
	if *update {
		t.Skip("this binary has the schemas from before")
	}
	compiled := make(map[string]*jsonschema.Schema)
	for form, text := range map[string]string{"edge": schema.Edge, "device": schema.Device, "gateway": schema.Gateway} {
		doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		c := jsonschema.NewCompiler()
		if err := c.AddResource(form+".json", doc); err != nil {
			t.Fatal(err)
		}
		if compiled[form], err = c.Compile(form + ".json"); err != nil {
			t.Fatal(err)
		}
	}
	return compiled
}

// formOf tells by the name of a file what it is.
func formOf(path string) string {
	base := filepath.Base(path)
	switch {
	case filepath.Base(filepath.Dir(path)) == "devices":
		return "device"
	case strings.HasPrefix(base, "gateway"):
		return "gateway"
	}
	return "edge"
}

var errNoYAML = errors.New("not YAML")

// validate asks s about a YAML text. Editors see YAML as JSON, and so does it.
func validate(t *testing.T, s *jsonschema.Schema, text []byte) error {
	t.Helper()
	var v any
	if err := yaml.Unmarshal(text, &v); err != nil {
		return errors.Join(errNoYAML, err)
	}
	asJSON, err := json.Marshal(v)
	if err != nil {
		return errors.Join(errNoYAML, err) // infinities, keys that are no text
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(value)
}

// configFiles lists the YAML files of edges, devices and gateways below dir.
func configFiles(t *testing.T, dir string) []string {
	t.Helper()
	var files []string
	for _, pattern := range []string{"*.yaml", "devices/*.yaml", "*/*.yaml", "*/devices/[^.]*.yaml"} {
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range found {
			if s, err := os.Stat(f); err == nil && s.Mode().IsRegular() {
				files = append(files, f)
			}
		}
	}
	if len(files) == 0 {
		t.Fatalf("no files below %s", dir)
	}
	return files
}

// What the loader takes, the schemas take.
func TestGoodFiles(t *testing.T) {
	compiled := schemas(t)
	for _, dir := range []string{"../examples", "../testdata/edge/good", "../testdata/gateway/good"} {
		for _, file := range configFiles(t, dir) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := validate(t, compiled[formOf(file)], text); err != nil {
				t.Errorf("%s: %v", file, err)
			}
		}
	}
}

// caught are the loader's messages about what a schema can see too: keys that are not there, values of a wrong type, several kinds or none, words
// that are no choice, names, durations, and keys that are missing.
var caught = regexp.MustCompile(`^(unknown (key|kind|driver|format|lane|type|severity|time|times|layout|ack|clock source|sentence) ` +
	`|want (a (number|whole number|section|list)|text|true or false)|".*" beside ".*" in line|the (kind|driver) is missing` +
	`|(name|device|file|url|when|format|a metric needs the field).* is missing: |a device is attached in one way|say where the device is attached` +
	`|(node |link |bus |source )?name ".*": use|label ".*": use|duration ".*": |mode ".*": |.* is no rate of a serial line|no metrics` +
	`|listen address |address ".*": want host:port|url ".*": unknown scheme|".*" is neither: .*)`)

// What the loader refuses and a schema can see, the schemas refuse.
func TestBadFiles(t *testing.T) {
	compiled, seen := schemas(t), 0
	for _, form := range []string{"edge", "gateway"} {
		expectations, err := filepath.Glob("../testdata/" + form + "/bad/*/expect.txt")
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range expectations {
			said, err := os.ReadFile(e)
			if err != nil {
				t.Fatal(err)
			}
			for file, message := range firstCaught(string(said)) {
				file = filepath.Join(filepath.Dir(e), file)
				text, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				seen++
				if err := validate(t, compiled[formOf(file)], text); err == nil {
					t.Errorf("%s: the schema finds nothing wrong; the loader says: %s", file, message)
				}
			}
		}
	}
	if seen < 20 {
		t.Errorf("only %d files with something that a schema can see", seen)
	}
}

// firstCaught returns for each file the first message that a schema has to see.
func firstCaught(said string) map[string]string {
	first := make(map[string]string)
	for line := range strings.Lines(said) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 4) // file, line, column, message
		if len(parts) < 4 {
			continue
		}
		message := strings.TrimSpace(parts[3])
		if _, told := first[parts[0]]; !told && caught.MatchString(message) {
			first[parts[0]] = message
		}
	}
	return first
}

// Each example names the schema of its form in its first line, by a path that an editor finds from the example's folder.
func TestExamplesNameTheirSchema(t *testing.T) {
	for _, file := range configFiles(t, "../examples") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		first, _, _ := strings.Cut(string(text), "\n")
		path, ok := strings.CutPrefix(first, "# yaml-language-server: $schema=")
		if named := filepath.Join(filepath.Dir(file), path); !ok || named != "../schema/"+formOf(file)+".schema.json" {
			t.Errorf("%s begins with %q, which does not lead to %s.schema.json", file, first, formOf(file))
		}
	}
}
