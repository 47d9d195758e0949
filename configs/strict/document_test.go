package strict_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fieldpost/configs/setting"
	"fieldpost/configs/strict"
)

func TestDocumentPlaces(t *testing.T) {
	var r root
	doc := strict.Decode("f.yaml", []byte("# a comment\nnode: a\nrows:\n  - name: b\n    valid: [1, 2]\n  - {name: c}\n"), &r)
	for path, want := range map[string]string{
		"":                 "f.yaml:2:1",
		"node":             "f.yaml:2:7",
		"rows":             "f.yaml:4:3",
		"rows[0]":          "f.yaml:4:5",
		"rows[0].valid":    "f.yaml:5:12",
		"rows[0].valid[1]": "f.yaml:5:16",
		"rows[1].name":     "f.yaml:6:12",
		"rows[1].scale":    "f.yaml:6:5", // not there: the row
		"labels.site":      "f.yaml:2:1",
	} {
		if got := doc.At(path).String(); got != want {
			t.Errorf("%q: got %s, want %s", path, got, want)
		}
	}
	if !doc.Has("rows[1].name") || doc.Has("rows[1].scale") {
		t.Error("Has is wrong")
	}
}

func TestDocumentReadable(t *testing.T) {
	var r root
	doc := strict.Decode("f.yaml", []byte("nod: x\nrows: [{name: []}, {}]\n"), &r)
	for path, want := range map[string]bool{
		"node": false, // what nod was meant to be
		"on":   true, "rows": false, "rows[0]": false, "rows[0].name": false, "rows[0].scale": true, "rows[1].name": true, "": false,
	} {
		if got := doc.Readable(path); got != want {
			t.Errorf("%q: got %v", path, got)
		}
	}
}

func TestProblemsAreOrderedAndSaidOnce(t *testing.T) {
	var r root
	doc := strict.Decode("f.yaml", []byte("node: a\non: true\n"), &r)
	doc.Problem("on", "second")
	doc.Warning("on", "second")
	doc.Problem("node", "first")
	doc.Problem("on", "second")
	want := "f.yaml:1:7: first\nf.yaml:2:5: second\nf.yaml:2:5: warning: second\n"
	if got := doc.Problems().String(); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	if !doc.Problems().Failed() || (strict.Problems{{Warning: true}}).Failed() {
		t.Error("Failed is wrong")
	}
}

func TestProblemsAreBounded(t *testing.T) {
	var r root
	ps := strict.Decode("f.yaml", []byte("words: ["+strings.Repeat("[],", 2_000)+"]"), &r).Problems()
	if len(ps) != 501 || !strings.Contains(ps[500].Message, "more than 500 problems") {
		t.Errorf("got %d problems, the last %v", len(ps), ps[len(ps)-1])
	}
}

func TestLoadReportsUnreadableFiles(t *testing.T) {
	dir := t.TempDir()
	long := filepath.Join(dir, "long.yaml")
	if err := os.WriteFile(long, []byte("# "+strings.Repeat("x", 1<<20)), 0o600); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		filepath.Join(dir, "none.yaml"): "no such file",
		dir:                             "is a folder, not a file",
		long:                            "longer than 1048576 bytes: this is no configuration file",
	} {
		var r root
		doc := strict.Load(file, &r)
		if got := doc.Problems().String(); got != file+":1:1: "+want+"\n" {
			t.Errorf("got %q, want %q", got, want)
		}
		if doc.Readable("node") {
			t.Errorf("%s: readable", file)
		}
	}
}

type secrets struct {
	Password string `yaml:"password_file"`
	Key      string `yaml:"key_file"`
	CA       string `yaml:"ca_file"`
	Pipe     string `yaml:"pipe_file"`
	None     string `yaml:"none_file"`
}

func (s *secrets) Files() []setting.File {
	return []setting.File{{Path: "password_file", Value: &s.Password}, {Path: "key_file", Value: &s.Key},
		{Path: "ca_file", Value: &s.CA}, {Path: "pipe_file", Value: &s.Pipe}, {Path: "none_file", Value: &s.None}}
}

func TestResolveFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("secret", "x")
	absolute := write("ca.pem", "x")
	file := write("f.yaml", "in:\n  password_file: secret\n  key_file: nothing\n  ca_file: "+absolute+"\n  pipe_file: .\n")
	var r struct {
		In *secrets `yaml:"in"`
	}
	doc := strict.Load(file, &r)
	doc.ResolveFiles()
	if want := (secrets{filepath.Join(dir, "secret"), filepath.Join(dir, "nothing"), absolute, dir, ""}); *r.In != want {
		t.Errorf("got  %+v\nwant %+v", *r.In, want)
	}
	want := file + ":3:13: " + dir + "/nothing: no such file\n" + file + ":5:14: " + dir + ": is not a regular file\n"
	if got := doc.Problems().String(); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}
