package fieldpost

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestHTTPPageNamesAll: docs/http.md names each metric that the code serves and none besides, and each endpoint with its parameters.
func TestHTTPPageNamesAll(t *testing.T) {
	text, err := os.ReadFile("docs/http.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	name := regexp.MustCompile(`fieldpost_[a-z_]*[a-z]`)
	told := name.FindAllString(page, -1)
	var served []string
	for _, line := range strings.Split(sources(t), "\n") {
		if name.FindString(line) == line && line != "" {
			served = append(served, line)
		}
	}
	if len(served) < 30 {
		t.Fatalf("only %d metrics found in the code", len(served))
	}
	for _, m := range served {
		if !slices.Contains(told, m) {
			t.Errorf("docs/http.md does not name the metric %s", m)
		}
	}
	for _, m := range told {
		if !slices.Contains(served, m) {
			t.Errorf("docs/http.md names the metric %s, which nobody serves", m)
		}
	}

	files, err := filepath.Glob("api/*.go")
	if err != nil {
		t.Fatal(err)
	}
	serves := regexp.MustCompile(`serves GET (/v1/[a-z]+)`)
	params := regexp.MustCompile(`readParams\(r, ([^)]*)\)`)
	found := 0
	for _, file := range files {
		code, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		uses := params.FindStringSubmatch(string(code))
		if uses == nil {
			continue
		}
		path := serves.FindAllStringSubmatch(string(code), -1)
		if len(path) == 0 {
			t.Errorf("%s reads parameters and does not say of which path", file)
			continue
		}
		found++
		endpoint := path[len(path)-1][1]
		_, section, ok := strings.Cut(page, "\n## "+endpoint+"\n")
		if !ok {
			t.Errorf("docs/http.md has no section for %s", endpoint)
			continue
		}
		section, _, _ = strings.Cut(section, "\n## ")
		for _, p := range strings.Split(uses[1], ", ") {
			if !strings.Contains(section, "`"+strings.Trim(p, `"`)+"`") {
				t.Errorf("the section of %s does not name the parameter %s", endpoint, p)
			}
		}
	}
	if found < 5 {
		t.Errorf("only %d endpoints found in the code", found)
	}
}
