// Package web serves the dashboard: the page at / and its files below /assets/. It stands at the right end of the flow, beside the
// API that the page reads from. The page is TypeScript under ui; `make ui` builds it into dist, which is embedded. A binary built
// without it serves a page that says how to build it.
package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
)

//go:embed all:dist
var dist embed.FS

//go:embed unbuilt.html
var unbuilt []byte

// policy lets the page load from and talk to its own host, and nothing else: no inline code, no eval, no frames. 'self' covers
// the WebSocket too.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// file is one file of the page, ready to be sent.
type file struct {
	kind    string // MIME type
	tag     string // of its content, quoted
	plain   []byte
	gzipped []byte // nil where that is no shorter
	forever bool   // its name changes with its content
}

// pages serves files by their path. It does not change once made.
type pages map[string]*file

// New returns the handler of the dashboard. Safe for concurrent use.
func New() (http.Handler, error) {
	built, err := fs.Sub(dist, "dist")
	if err != nil {
		return nil, fmt.Errorf("open the dashboard: %w", err)
	}
	return newPages(built)
}

func newPages(built fs.FS) (pages, error) {
	p := pages{}
	err := fs.WalkDir(built, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), ".") {
			return err
		}
		body, err := fs.ReadFile(built, name)
		if err != nil {
			return err
		}
		return p.add("/"+name, body)
	})
	if err != nil {
		return nil, fmt.Errorf("read the dashboard: %w", err)
	}
	if p["/index.html"] == nil {
		if err := p.add("/index.html", unbuilt); err != nil {
			return nil, err
		}
	}
	p["/"] = p["/index.html"]
	return p, nil
}

func (p pages) add(name string, body []byte) error {
	sum := sha256.Sum256(body)
	f := &file{
		kind: kindOf(name), tag: `"` + hex.EncodeToString(sum[:8]) + `"`, plain: body,
		forever: strings.HasPrefix(name, "/assets/"),
	}
	var short bytes.Buffer
	w, err := gzip.NewWriterLevel(&short, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := w.Write(body); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	if short.Len() < len(body) {
		f.gzipped = short.Bytes()
	}
	p[name] = f
	return nil
}

// kindOf does not leave to the system's tables what the page cannot do without: with nosniff, a script of another type is not run.
func kindOf(name string) string {
	switch path.Ext(name) {
	case ".html":
		return "text/html; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	}
	if kind := mime.TypeByExtension(path.Ext(name)); kind != "" {
		return kind
	}
	return "application/octet-stream"
}

// ServeHTTP is http.Handler's.
func (p pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "use GET or HEAD", http.StatusMethodNotAllowed)
		return
	}
	f := p[r.URL.Path]
	if f == nil {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Type", f.kind)
	h.Set("ETag", f.tag)
	h.Set("Vary", "Accept-Encoding")
	h.Set("Cache-Control", "no-cache") // ask each time whether it is still this one
	if f.forever {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	if r.Header.Get("If-None-Match") == f.tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	body := f.plain
	if f.gzipped != nil && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		body = f.gzipped
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method == http.MethodGet {
		_, _ = w.Write(body) // a client that has gone needs no answer
	}
}
