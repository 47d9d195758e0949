package main

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

const deadline = time.Minute

// text gathers what is written, and lets wait for something in it.
type text struct {
	mu      sync.Mutex
	b       bytes.Buffer
	written chan struct{} // closed at the next write
}

func (x *text) Write(p []byte) (int, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.written != nil {
		close(x.written)
		x.written = nil
	}
	return x.b.Write(p)
}

func (x *text) String() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.b.String()
}

// next returns what there is, and a channel that is closed when there is more.
func (x *text) next() (string, <-chan struct{}) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.written == nil {
		x.written = make(chan struct{})
	}
	return x.b.String(), x.written
}

// session is a run of the demo.
type session struct {
	t         *testing.T
	out, errs text
	cancel    context.CancelFunc
	code      chan int
	files     []string // that the process had open before
}

// start runs the demo, its folder in a folder of the test's.
func start(t *testing.T, args ...string) *session {
	t.Helper()
	t.Setenv("TMPDIR", t.TempDir())
	s := &session{t: t, code: make(chan int, 1), files: openFiles(t)}
	var ctx context.Context
	ctx, s.cancel = context.WithCancel(t.Context())
	go func() { s.code <- run(ctx, args, &s.out, &s.errs) }()
	t.Cleanup(func() {
		s.cancel()
		if t.Failed() {
			t.Logf("it wrote:\n%s\n%s", &s.out, &s.errs)
		}
	})
	return s
}

// await waits until the demo has said what.
func (s *session) await(what string) {
	s.t.Helper()
	limit := time.After(deadline)
	for {
		said, more := s.out.next()
		if strings.Contains(said, what) {
			return
		}
		select {
		case <-more:
		case code := <-s.code:
			s.t.Fatalf("ended with status %d before it said %q", code, what)
		case <-limit:
			s.t.Fatalf("did not say %q", what)
		}
	}
}

// stop is Ctrl-C.
func (s *session) stop() {
	s.t.Helper()
	s.cancel()
	select {
	case code := <-s.code:
		if code != ok {
			s.t.Fatalf("status %d, want %d", code, ok)
		}
	case <-time.After(deadline):
		s.t.Fatal("does not stop")
	}
}

// dir is the demo's folder.
func (s *session) dir() string { return s.found(`(?m)^Folder: +(.+)$`) }

// url is the gateway's.
func (s *session) url() string { return s.found(`curl '(http://[^/]+)/`) }

func (s *session) found(expr string) string {
	s.t.Helper()
	m := regexp.MustCompile(expr).FindStringSubmatch(s.out.String())
	if m == nil {
		s.t.Fatalf("no %s in\n%s", expr, &s.out)
	}
	return m[1]
}

// released reports what a stopped demo still has: goroutines, open files and sockets, its port.
func (s *session) released() {
	s.t.Helper()
	limit := time.After(10 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		goroutines, files := ours(), without(openFiles(s.t), s.files)
		if len(goroutines)+len(files) == 0 {
			break
		}
		select {
		case <-tick.C: // a goroutine may be on its last line
		case <-limit:
			s.t.Fatalf("still there: files %q, goroutines\n%s", files, strings.Join(goroutines, "\n\n"))
		}
	}
	if !strings.Contains(s.out.String(), "curl") {
		return
	}
	l, err := net.Listen("tcp", strings.TrimPrefix(s.url(), "http://"))
	if err != nil {
		s.t.Fatalf("the port is not free again: %v", err)
	}
	l.Close()
}

// ours returns the goroutines of this module and of the libraries that have some, but for those of the tests.
func ours() (out []string) {
	owners := regexp.MustCompile(`fieldpost/|mochi-mqtt/|paho\.mqtt|bbolt`)
	buf := make([]byte, 1<<20)
	for g := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		if owners.MatchString(g) && !strings.Contains(g, "testing.tRunner") {
			out = append(out, g)
		}
	}
	return out
}

// openFiles returns what the process has open, without what the runtime needs for itself.
func openFiles(t *testing.T) (out []string) {
	t.Helper()
	const dir = "/proc/self/fd"
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		to, err := os.Readlink(filepath.Join(dir, e.Name()))
		switch {
		case errors.Is(err, fs.ErrNotExist): // that of ReadDir itself
		case err != nil:
			t.Fatal(err)
		case !strings.HasPrefix(to, "anon_inode:"):
			out = append(out, to)
		}
	}
	return out
}

func without(all, known []string) []string {
	return slices.DeleteFunc(all, func(s string) bool { return slices.Contains(known, s) })
}
