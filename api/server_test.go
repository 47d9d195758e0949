package api_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fieldpost/api"
)

// serve runs h on l until the returned function is called, which gives ServeListener's error.
func serve(t *testing.T, l net.Listener, h http.Handler) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- api.ServeListener(ctx, l, h, nil) }()
	return func() error {
		cancel()
		select {
		case err := <-done:
			return err
		case <-time.After(deadline):
			t.Fatal("the server does not stop")
			return nil
		}
	}
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func TestServe(t *testing.T) {
	l := listen(t)
	stop := serve(t, l, api.New(sample(), api.Options{}))
	url := "http://" + l.Addr().String()
	res, err := http.Get(url + "/v1/readings?limit=1")
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	res.Body.Close()
	if err != nil || len(rows(t, string(body))) != 1 {
		t.Errorf("%s, %v", body, err)
	}
	if err := stop(); err != nil {
		t.Errorf("stopped with %v", err)
	}
	if _, err := http.Get(url + "/healthz"); err == nil {
		t.Error("still serving after the stop")
	}
}

func TestServeNoListen(t *testing.T) {
	if err := api.Serve(t.Context(), api.Settings{}, nil, nil); err != nil {
		t.Error(err)
	}
}

// What hinders listening is said with what to do.
func TestServeErrors(t *testing.T) {
	taken := listen(t).Addr().String()
	for listen, want := range map[string]string{
		taken:             "another process listens there",
		"192.0.2.1:8080":  "no interface has this address",
		"nowhere.invalid": "check http.listen",
	} {
		err := api.Serve(t.Context(), api.Settings{Listen: listen}, http.NotFoundHandler(), nil)
		if err == nil || !strings.HasPrefix(err.Error(), "serve http: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", listen, err, want)
		}
	}
}

// A listener that breaks is an error, not a silent end.
func TestServeListenerBreaks(t *testing.T) {
	l := listen(t)
	done := make(chan error, 1)
	go func() { done <- api.ServeListener(t.Context(), l, http.NotFoundHandler(), nil) }()
	l.Close()
	select {
	case err := <-done:
		if !errors.Is(err, net.ErrClosed) {
			t.Errorf("ended with %v", err)
		}
	case <-time.After(deadline):
		t.Fatal("goes on without its listener")
	}
}

// A long poll ends when the server stops, with a whole answer.
func TestServeStopsLongPolls(t *testing.T) {
	f := committed(1)
	f.asked = make(chan struct{}, 10)
	l := listen(t)
	stop := serve(t, l, api.New(f, api.Options{}))
	type answer struct {
		body string
		err  error
	}
	answers := make(chan answer, 1)
	go func() {
		res, err := http.Get("http://" + l.Addr().String() + "/v1/feed?after=1&wait=60s")
		if err != nil {
			answers <- answer{err: err}
			return
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		answers <- answer{string(body), err}
	}()
	<-f.asked
	if err := stop(); err != nil {
		t.Errorf("stopped with %v", err)
	}
	if a := <-answers; a.err != nil || a.body != "[]\n" {
		t.Errorf("%q, %v", a.body, a.err)
	}
}

// A stream that never ends is cut off after the grace period.
func TestServeStopsStreams(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for the grace period of 5 s")
	}
	t.Parallel()
	endless := &endlessReadings{ended: make(chan error, 1)}
	l := listen(t)
	stop := serve(t, l, api.New(endless, api.Options{}))
	res, err := http.Get("http://" + l.Addr().String() + "/v1/readings?format=csv")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	read := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, res.Body)
		read <- err
	}()
	if err := stop(); err != nil {
		t.Errorf("stopped with %v", err)
	}
	if err := <-read; err == nil {
		t.Error("the cut answer looks whole")
	}
	<-endless.ended
}

// Bytes that are no HTTP cost nothing and are answered as such; a request with a body is answered without it.
func TestServeOddClients(t *testing.T) {
	l := listen(t)
	stop := serve(t, l, api.New(sample(), api.Options{}))
	for send, want := range map[string]string{
		"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\r\n\r\n":                                            "HTTP/1.1 400",
		"GET /healthz HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("y", 80<<10) + "\r\n\r\n":      "HTTP/1.1 431",
		"POST /v1/nodes HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n":                "HTTP/1.1 405",
		"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\n\r\nab":    "HTTP/1.1 200",
		"GET /healthz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n":         "HTTP/1.1 200",
		"GET /v1/readings?format=csv&limit=1 HTTP/1.0\r\n\r\n":                                    "HTTP/1.0 200",
		"GET http://elsewhere/v1/nodes HTTP/1.1\r\nHost: elsewhere\r\nConnection: close\r\n\r\nx": "HTTP/1.1 200",
	} {
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(deadline))
		go func() { _, _ = io.WriteString(conn, send) }() // the server may close before it has read all
		line, err := bufio.NewReader(conn).ReadString('\n')
		if !strings.HasPrefix(line, want) {
			t.Errorf("%.60q: %q, %v; want %s", send, line, err, want)
		}
		conn.Close()
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// Many requests on one connection do not disturb each other: no deadline of one outlives it.
func TestServeKeepAlive(t *testing.T) {
	l := listen(t)
	stop := serve(t, l, api.New(many(300), api.Options{}))
	client := &http.Client{Transport: &http.Transport{MaxConnsPerHost: 1}}
	defer client.CloseIdleConnections()
	for i := range 30 {
		target := []string{"/v1/readings?format=csv", "/v1/readings?limit=2", "/healthz", "/v1/feed?wait=10ms", "/nothing"}[i%5]
		res, err := client.Get("http://" + l.Addr().String() + target)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, res.Body); err != nil {
			t.Errorf("%s: %v", target, err)
		}
		res.Body.Close()
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

func TestUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control.sock")
	l, err := api.ListenUnix(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode() != fs.ModeSocket|0o600 {
		t.Errorf("mode is %v, %v", info.Mode(), err)
	}
	stop := serve(t, l, api.New(sample(), api.Options{}))
	res, err := api.Client(path).Get("http://fieldpost/v1/readings?limit=2")
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(res.Body)
	res.Body.Close()
	if len(rows(t, string(body))) != 2 {
		t.Errorf("%s", body)
	}
	if _, err := api.ListenUnix(path); err == nil || !strings.Contains(err.Error(), "another process answers on it") {
		t.Errorf("a second listener: %v", err)
	}
	if res, err := api.Client(path).Get("http://fieldpost/healthz"); err != nil {
		t.Errorf("the first was disturbed: %v", err)
	} else {
		res.Body.Close()
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket is left behind: %v", err)
	}
	if _, err := api.Client(path).Get("http://fieldpost/healthz"); !errors.Is(err, api.ErrNotRunning) {
		t.Errorf("asked nobody: %v", err)
	}
}

// What a killed process left is removed; what is no socket is not.
func TestUnixSocketStale(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "control.sock")
	left, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	left.SetUnlinkOnClose(false)
	left.Close()
	if _, err := api.Client(path).Get("http://fieldpost/healthz"); !errors.Is(err, api.ErrNotRunning) {
		t.Errorf("asked a dead socket: %v", err)
	}
	l, err := api.ListenUnix(path)
	if err != nil {
		t.Fatal(err)
	}
	l.Close()

	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := api.ListenUnix(path); err == nil || !strings.Contains(err.Error(), "no socket") {
		t.Errorf("over a file: %v", err)
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "precious" {
		t.Errorf("the file is now %q, %v", b, err)
	}

	long := filepath.Join(dir, strings.Repeat("d", 100), "control.sock")
	if _, err := api.ListenUnix(long); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%d bytes long", len(long))) {
		t.Errorf("long path: %v", err)
	}
	if _, err := api.ListenUnix(filepath.Join(dir, "none", "control.sock")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
}
