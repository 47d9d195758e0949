package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"fieldpost/api"
	"fieldpost/telemetry"
)

// many is a fake with n readings of about 200 bytes each.
func many(n int) *fake {
	f := &fake{}
	for i := range n {
		f.readings = append(f.readings, reading(t0+telemetry.Time(i), telemetry.Int(int64(i)), uint64(i+1)))
	}
	return f
}

func start(t *testing.T, h http.Handler) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

// deadline is how long a test waits for what must happen.
const deadline = 20 * time.Second

// A stream flows while the query goes on: the first rows arrive before the last are read.
func TestStreamFlows(t *testing.T) {
	f := many(1000)
	goOn := make(chan struct{})
	f.yielded = func(n int) {
		if n == 900 {
			<-goOn
		}
	}
	s := start(t, api.New(f, api.Options{}))
	res, err := s.Client().Get(s.URL + "/v1/readings?format=ndjson")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	for i := range 1000 {
		if i == 300 {
			close(goOn)
		}
		var row struct{ Seq int }
		if !lines.Scan() || json.Unmarshal(lines.Bytes(), &row) != nil || row.Seq != i+1 {
			t.Fatalf("line %d is %s, %v", i, lines.Text(), lines.Err())
		}
	}
	if lines.Scan() {
		t.Errorf("more: %s", lines.Text())
	}
}

// An error in the middle of a stream is seen as a broken answer, not as its end; in a page it is an honest 500.
func TestStreamBreaks(t *testing.T) {
	for _, format := range []string{"ndjson", "csv"} {
		f := many(5000)
		f.failAt, f.err = 4000, errors.New("segment 17 is gone")
		log := &logbook{}
		s := start(t, api.New(f, api.Options{Log: log.logger()}))
		res, err := s.Client().Get(s.URL + "/v1/readings?format=" + format)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if res.StatusCode != http.StatusOK || !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: %s, body ended with %v", format, res.Status, err)
		}
		if n := strings.Count(string(body), "\n"); n < 1000 || n > 4000 {
			t.Errorf("%s: %d lines came", format, n)
		}
		s.Close() // waits for the handler
		if got := log.String(); !strings.Contains(got, "segment 17 is gone") {
			t.Errorf("%s: log is %s", format, got)
		}
		res, err = http.Get(start(t, api.New(f, api.Options{})).URL + "/v1/readings")
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusInternalServerError {
			t.Errorf("json: %s", res.Status)
		}
	}
}

// A client that goes away ends the query, which is no error.
func TestStreamGone(t *testing.T) {
	f := &fake{}
	endless := &endlessReadings{Selector: f, ended: make(chan error, 1)}
	log := &logbook{}
	s := start(t, api.New(endless, api.Options{Log: log.logger()}))
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, "GET", s.URL+"/v1/readings?format=csv", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := s.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(res.Body, make([]byte, 100_000)); err != nil {
		t.Fatal(err)
	}
	cancel()
	res.Body.Close()
	select {
	case <-endless.ended:
	case <-time.After(deadline):
		t.Fatal("the query goes on without its client")
	}
	s.Close()
	if got := log.String(); got != "" {
		t.Errorf("log is %s", got)
	}
}

type endlessReadings struct {
	api.Selector
	ended chan error
}

func (e *endlessReadings) Readings(ctx context.Context, q api.Query) iter.Seq2[api.Reading, error] {
	return func(yield func(api.Reading, error) bool) {
		defer func() { e.ended <- ctx.Err() }()
		for i := telemetry.Time(0); ; i++ {
			if !yield(reading(t0+i, telemetry.Int(int64(i)), uint64(i)), nil) {
				return
			}
		}
	}
}

// HEAD gives the headers of GET, Link and length included, and no body; a stream is not read for it.
func TestHead(t *testing.T) {
	f := sample()
	h := api.New(f, api.Options{})
	s := start(t, h)
	for _, target := range []string{"/healthz", "/readyz", "/metrics", "/v1/nodes", "/v1/series", "/v1/readings", "/v1/readings?limit=2", "/v1/readings?limit=2&format=csv", "/v1/readings?step=1m", "/v1/events", "/v1/feed", "/v1/feed?limit=1", "/v1/readings?x=1", "/nothing"} {
		full, err := s.Client().Get(s.URL + target)
		if err != nil {
			t.Fatal(err)
		}
		full.Body.Close()
		head, err := s.Client().Head(s.URL + target)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(head.Body)
		head.Body.Close()
		if len(body) != 0 || head.StatusCode != full.StatusCode {
			t.Errorf("HEAD %s: %s with %d bytes; GET: %s", target, head.Status, len(body), full.Status)
		}
		for _, name := range []string{"Content-Type", "Content-Length", "Link", "Cache-Control"} {
			if got, want := head.Header.Get(name), full.Header.Get(name); got != want {
				t.Errorf("HEAD %s: %s is %q, GET: %q", target, name, got, want)
			}
		}
	}
	f.yielded = func(int) { t.Error("a stream is read for HEAD") }
	for _, target := range []string{"/v1/readings?format=csv", "/v1/readings?format=ndjson&step=1m"} {
		res, body := do(t, h, "HEAD", target)
		if res.StatusCode != http.StatusOK || body != "" || res.Header.Get("Content-Type") == "" {
			t.Errorf("HEAD %s: %s %v", target, res.Status, res.Header)
		}
	}
}

// Pages take turns: a fifth waits until one of four has been sent, and gives up when its client does.
func TestPagesTakeTurns(t *testing.T) {
	f := many(3)
	goOn := make(chan struct{})
	entered := make(chan struct{}, 10)
	f.yielded = func(n int) {
		if n == 1 {
			entered <- struct{}{}
			<-goOn
		}
	}
	h := api.New(f, api.Options{})
	var running sync.WaitGroup
	ask := func(ctx context.Context) {
		defer running.Done()
		defer func() { _ = recover() }() // the abort of the one whose client is gone
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/v1/readings", nil).WithContext(ctx))
	}
	wait := func() {
		t.Helper()
		select {
		case <-entered:
		case <-time.After(deadline):
			t.Fatal("a page does not begin")
		}
	}
	running.Add(4)
	for range 4 {
		go ask(t.Context())
	}
	for range 4 {
		wait()
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	running.Add(1)
	ask(gone) // returns, though no place is free
	running.Add(1)
	go ask(t.Context())
	select {
	case <-entered:
		t.Error("a fifth page begins")
	default:
	}
	close(goOn)
	wait()
	running.Wait()
}
