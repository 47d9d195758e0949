package faultproxy_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"fieldpost/faultproxy"
)

// echo answers everything with itself.
func echo(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { defer c.Close(); _, _ = io.Copy(c, c) }()
		}
	}()
	return l.Addr().String()
}

func start(t *testing.T) (*faultproxy.Proxy, net.Conn) {
	t.Helper()
	p, err := faultproxy.Listen(echo(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p, connect(t, p)
}

func connect(t *testing.T, p *faultproxy.Proxy) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// ask sends s and returns what came back within the time.
func ask(t *testing.T, c net.Conn, s string, within time.Duration) (string, error) {
	t.Helper()
	if _, err := c.Write([]byte(s)); err != nil {
		return "", err
	}
	_ = c.SetReadDeadline(time.Now().Add(within))
	b := make([]byte, len(s))
	n, err := io.ReadFull(c, b)
	return string(b[:n]), err
}

const (
	soon   = 10 * time.Second       // something must come
	little = 150 * time.Millisecond // nothing may come
)

func TestPassesThrough(t *testing.T) {
	p, c := start(t)
	want := bytes.Repeat([]byte("0123456789"), 100_000)
	go c.Write(want)
	got := make([]byte, len(want))
	_ = c.SetReadDeadline(time.Now().Add(soon))
	if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, want) {
		t.Errorf("a million bytes came back otherwise: %v", err)
	}
	if up, down := p.Bytes(faultproxy.Up), p.Bytes(faultproxy.Down); up != int64(len(want)) || down != up || p.Accepted() != 1 {
		t.Errorf("counted %d up, %d down, %d connections", up, down, p.Accepted())
	}
}

func TestCut(t *testing.T) {
	p, c := start(t)
	if got, err := ask(t, c, "x", soon); got != "x" {
		t.Fatal(got, err)
	}
	p.Cut()
	_ = c.SetReadDeadline(time.Now().Add(soon))
	if _, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read from a cut connection: %v", err)
	}
	if got, err := ask(t, connect(t, p), "x", soon); got != "x" {
		t.Error(got, err)
	}
}

func TestStallIsSilentAndHeals(t *testing.T) {
	p, c := start(t)
	for _, stall := range []func(bool){
		p.StallAll,
		func(on bool) { p.Stall(faultproxy.Up, on) },
		func(on bool) { p.Stall(faultproxy.Down, on) },
	} {
		stall(true)
		if got, err := ask(t, c, "hello", little); got != "" || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("stalled: got %q, %v", got, err)
		}
		stall(false)
		if got, err := ask(t, c, "", soon); err != nil {
			t.Error(got, err)
		}
		b := make([]byte, 5)
		_ = c.SetReadDeadline(time.Now().Add(soon))
		if _, err := io.ReadFull(c, b); string(b) != "hello" {
			t.Errorf("after the stall: %q, %v", b, err)
		}
	}
}

func TestSwallow(t *testing.T) {
	for _, d := range []faultproxy.Direction{faultproxy.Up, faultproxy.Down} {
		p, c := start(t)
		p.Swallow(d, true)
		if got, err := ask(t, c, "lost", little); got != "" || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("swallowed: got %q, %v", got, err)
		}
		p.Swallow(d, false)
		if got, err := ask(t, c, "kept", soon); got != "kept" {
			t.Errorf("afterwards: got %q, %v", got, err)
		}
	}
}

func TestThrottle(t *testing.T) {
	p, c := start(t)
	p.Throttle(faultproxy.Up, 20_000)
	begin := time.Now()
	if got, err := ask(t, c, string(make([]byte, 10_000)), soon); len(got) != 10_000 {
		t.Fatal(len(got), err)
	}
	if took := time.Since(begin); took < 450*time.Millisecond {
		t.Errorf("10 kB at 20 kB/s took %v", took)
	}
}

func TestDelayKeepsTheRate(t *testing.T) {
	p, c := start(t)
	p.Delay(faultproxy.Up, 100*time.Millisecond)
	p.Delay(faultproxy.Down, 100*time.Millisecond)
	begin := time.Now()
	if got, err := ask(t, c, string(make([]byte, 100_000)), soon); len(got) != 100_000 {
		t.Fatal(len(got), err)
	}
	// Each of its two dozen pieces late by itself would be five seconds.
	if took := time.Since(begin); took < 200*time.Millisecond || took > 3*time.Second {
		t.Errorf("took %v", took)
	}
}

func TestRefuseAndRetarget(t *testing.T) {
	p, _ := start(t)
	p.Refuse(true)
	if got, err := ask(t, connect(t, p), "x", soon); got != "" || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("refused: got %q, %v", got, err)
	}
	p.Refuse(false)
	p.Retarget("127.0.0.1:1")
	if got, err := ask(t, connect(t, p), "x", soon); got != "" || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("nobody there: got %q, %v", got, err)
	}
	p.Retarget(echo(t))
	if got, err := ask(t, connect(t, p), "x", soon); got != "x" {
		t.Error(got, err)
	}
}

func TestCloseEndsStalledConnections(t *testing.T) {
	p, c := start(t)
	p.StallAll(true)
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	_ = c.SetReadDeadline(time.Now().Add(soon))
	if _, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read after Close: %v", err)
	}
}

func TestFreeze(t *testing.T) {
	p, before := start(t)
	if got, err := ask(t, before, "one", time.Second); err != nil || got != "one" {
		t.Fatalf("%q, %v", got, err)
	}
	p.Freeze()
	if got, err := ask(t, before, "two", 100*time.Millisecond); err == nil {
		t.Errorf("%q came through a path that died", got)
	}
	after := connect(t, p)
	if got, err := ask(t, after, "three", time.Second); err != nil || got != "three" {
		t.Errorf("a new connection: %q, %v", got, err)
	}
}
