package main

import (
	"context"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"fieldpost/faultproxy"
)

// The link works, is cut while somebody uses it, lets nobody in, and works again, over and over.
func TestBadLink(t *testing.T) {
	target, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer target.Close()
	go func() {
		for {
			c, err := target.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_, _ = io.Copy(c, c)
			}()
		}
	}()
	proxy, err := faultproxy.Listen(target.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	link := badLink{proxy: proxy, good: 100 * time.Millisecond, gone: 100 * time.Millisecond, log: slog.New(slog.DiscardHandler)}
	go func() { done <- link.run(ctx) }()

	limit := time.Now().Add(deadline)
	for range 3 {
		for !echoes(t, proxy.Addr(), nil) { // good: until somebody answers
			if time.Now().After(limit) {
				t.Fatal("the link does not come back")
			}
		}
		cut := make(chan struct{})
		if !echoes(t, proxy.Addr(), cut) {
			continue // it went in between
		}
		select {
		case <-cut:
		case <-time.After(deadline):
			t.Fatal("a connection is not cut")
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("run returned %v", err)
	}
}

// echoes reports whether somebody answers behind address; cut, if not nil, is closed when the connection has ended.
func echoes(t *testing.T, address string, cut chan struct{}) bool {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		return false
	}
	t.Cleanup(func() { c.Close() })
	b := []byte{1}
	if _, err := c.Write(b); err != nil {
		return false
	}
	if _, err := io.ReadFull(c, b); err != nil {
		return false
	}
	if cut != nil {
		go func() {
			_, _ = c.Read(b)
			close(cut)
		}()
	}
	return true
}
