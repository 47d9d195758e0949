package main

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestUsage(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"-h"}, ok, "-listen HOST:PORT"},
		{[]string{"-no"}, badUsage, "not defined"},
		{[]string{"now"}, badUsage, `unexpected argument "now"`},
		{[]string{"-listen", "8080"}, badUsage, "want host:port"},
		{[]string{"-listen", "192.0.2.1:8080"}, failed, "choose another address with -listen"},
	} {
		t.Setenv("TMPDIR", t.TempDir())
		var out, errs strings.Builder
		if code := run(t.Context(), c.args, &out, &errs); code != c.code || !strings.Contains(errs.String(), c.says) {
			t.Errorf("%v: status %d, want %d; said %q, want %q", c.args, code, c.code, errs.String(), c.says)
		}
		nothingIn(t, os.TempDir())
	}
}

func TestPortTaken(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	address := taken.Addr().String()
	var out, errs strings.Builder
	if code := run(t.Context(), []string{"-listen", address}, &out, &errs); code != failed {
		t.Errorf("status %d, want %d", code, failed)
	}
	for _, want := range []string{address + " is taken", "-listen 127.0.0.1:0"} {
		if !strings.Contains(errs.String(), want) {
			t.Errorf("said %q, want %q", errs.String(), want)
		}
	}
	nothingIn(t, os.TempDir())
}

// Whoever is impatient gets a clean stop too.
func TestStopDuringTheStart(t *testing.T) {
	s := start(t, "-listen", "127.0.0.1:0")
	s.await("Starting")
	s.stop()
	s.released()
	nothingIn(t, os.TempDir())
}

func TestKeepAndOpen(t *testing.T) {
	s := start(t, "-listen", "0.0.0.0:0", "-keep", "-v")
	s.await("Ctrl-C stops it")
	s.stop()
	s.released()
	for _, want := range []string{"Everybody on the network can read", "standard error", "Kept " + s.dir()} {
		if !strings.Contains(s.out.String(), want) {
			t.Errorf("no %q in\n%s", want, &s.out)
		}
	}
	if log := s.errs.String(); !strings.Contains(log, "link up") || !strings.Contains(log, "part=gateway") {
		t.Errorf("the log is not on standard error:\n%s", log)
	}
	text, err := os.ReadFile(filepath.Join(s.dir(), "gateway.yaml"))
	if err != nil || !strings.Contains(string(text), "insecure: true}") {
		t.Errorf("gateway.yaml is, with %v:\n%s", err, text)
	}
	if _, err := os.Stat(filepath.Join(s.dir(), "demo.log")); err == nil {
		t.Error("there is a log file beside -v")
	}
}

func nothingIn(t *testing.T, dir string) {
	t.Helper()
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestPartsStopInReverse(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	p := parts{end: cancel}
	var order []string
	p.add(func() error { order = append(order, "store"); return nil })
	p.start(func(ctx context.Context) error { <-ctx.Done(); order = append(order, "gateway"); return nil })
	p.start(func(ctx context.Context) error { <-ctx.Done(); order = append(order, "edge"); return nil })
	if err := p.stop(); err != nil || ctx.Err() != nil {
		t.Errorf("%v, %v", err, ctx.Err())
	}
	if got := strings.Join(order, " "); got != "edge gateway store" {
		t.Errorf("stopped %s", got)
	}
}

func TestFailingPartEndsTheWhole(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	p := parts{end: cancel}
	p.start(func(context.Context) error { return os.ErrPermission })
	p.start(func(ctx context.Context) error { <-ctx.Done(); return nil })
	<-ctx.Done()
	if err := p.stop(); err == nil || err.Error() != os.ErrPermission.Error() {
		t.Errorf("stopped with %v, want %v", err, os.ErrPermission)
	}
}
