package web

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
)

// built is such a page as make ui builds.
func built(t *testing.T) http.Handler {
	t.Helper()
	p, err := newPages(fstest.MapFS{
		".gitignore":          {Data: []byte("*")},
		"index.html":          {Data: []byte("<!doctype html><title>Fieldpost</title>" + strings.Repeat(" ", 500))},
		"assets/index-1a.js":  {Data: []byte(strings.Repeat("console.log(1);", 100))},
		"assets/index-2b.css": {Data: []byte("a{}")},
		"assets/icon-3c.svg":  {Data: []byte("<svg/>")},
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func ask(h http.Handler, method, path string, header ...string) *http.Response {
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func TestServesPages(t *testing.T) {
	h := built(t)
	for _, c := range []struct {
		path, kind, cache string
		status            int
	}{
		{"/", "text/html; charset=utf-8", "no-cache", 200},
		{"/index.html", "text/html; charset=utf-8", "no-cache", 200},
		{"/assets/index-1a.js", "text/javascript; charset=utf-8", "public, max-age=31536000, immutable", 200},
		{"/assets/index-2b.css", "text/css; charset=utf-8", "public, max-age=31536000, immutable", 200},
		{"/assets/icon-3c.svg", "image/svg+xml", "public, max-age=31536000, immutable", 200},
		{"/.gitignore", "text/plain; charset=utf-8", "", 404},
		{"/assets/", "text/plain; charset=utf-8", "", 404},
		{"/assets/index-0.js", "text/plain; charset=utf-8", "", 404},
	} {
		res := ask(h, http.MethodGet, c.path)
		if res.StatusCode != c.status || res.Header.Get("Content-Type") != c.kind || res.Header.Get("Cache-Control") != c.cache {
			t.Errorf("%s: %s, %v", c.path, res.Status, res.Header)
		}
		if c.status != 200 {
			continue
		}
		if p := res.Header.Get("Content-Security-Policy"); p != policy || strings.Contains(p, "unsafe") || strings.Contains(p, "*") {
			t.Errorf("%s: policy %q", c.path, p)
		}
		again := ask(h, http.MethodGet, c.path, "If-None-Match", res.Header.Get("ETag"))
		if body, _ := io.ReadAll(again.Body); again.StatusCode != http.StatusNotModified || len(body) != 0 {
			t.Errorf("%s with its tag: %s", c.path, again.Status)
		}
		if head := ask(h, http.MethodHead, c.path); head.Header.Get("Content-Length") != res.Header.Get("Content-Length") {
			t.Errorf("HEAD %s: %v", c.path, head.Header)
		}
	}
	if res := ask(h, http.MethodPost, "/"); res.StatusCode != http.StatusMethodNotAllowed || res.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %s", res.Status)
	}
}

func TestCompresses(t *testing.T) {
	h := built(t)
	plain, err := io.ReadAll(ask(h, http.MethodGet, "/assets/index-1a.js").Body)
	if err != nil {
		t.Fatal(err)
	}
	res := ask(h, http.MethodGet, "/assets/index-1a.js", "Accept-Encoding", "br, gzip")
	if res.Header.Get("Content-Encoding") != "gzip" || res.Header.Get("Vary") != "Accept-Encoding" {
		t.Fatalf("%v", res.Header)
	}
	z, err := gzip.NewReader(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(z); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("%d bytes, want %d; %v", len(got), len(plain), err)
	}
	// What does not shrink is sent as it is.
	if res := ask(h, http.MethodGet, "/assets/index-2b.css", "Accept-Encoding", "gzip"); res.Header.Get("Content-Encoding") != "" {
		t.Errorf("%v", res.Header)
	}
}

// Without a built page there is one that says how to build it.
func TestUnbuilt(t *testing.T) {
	h, err := newPages(fstest.MapFS{".gitignore": {Data: []byte("*")}})
	if err != nil {
		t.Fatal(err)
	}
	res := ask(h, http.MethodGet, "/")
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != 200 || !strings.Contains(string(body), "make ui") {
		t.Errorf("%s: %s, %v", res.Status, body, err)
	}
	if _, err := New(); err != nil {
		t.Error(err)
	}
}
