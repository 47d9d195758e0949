package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/sync/errgroup"

	"fieldpost/api"
	"fieldpost/telemetry"
)

func dial(ctx context.Context, s *httptest.Server, query string) (*websocket.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, s.URL+"/v1/stream"+query, nil)
	if err == nil {
		conn.SetReadLimit(1 << 20)
	}
	return conn, err
}

// follow opens a stream of s and closes it when the test ends.
func follow(t *testing.T, s *httptest.Server, query string) *websocket.Conn {
	t.Helper()
	conn, err := dial(t.Context(), s, query)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.CloseNow() })
	return conn
}

// read returns the positions of the next n messages.
func read(ctx context.Context, conn *websocket.Conn, n int) ([]int, error) {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	out := []int{}
	for range n {
		_, text, err := conn.Read(ctx)
		if err != nil {
			return out, err
		}
		var m struct{ Position int }
		if err := json.Unmarshal(text, &m); err != nil {
			return out, fmt.Errorf("message %q: %w", text, err)
		}
		out = append(out, m.Position)
	}
	return out, nil
}

func receive(t *testing.T, conn *websocket.Conn, n int) []int {
	t.Helper()
	out, err := read(t.Context(), conn, n)
	if err != nil {
		t.Fatalf("after %v: %v", out, err)
	}
	return out
}

// ending reads until the stream ends and returns the positions and the code.
func ending(t *testing.T, conn *websocket.Conn) ([]int, websocket.StatusCode) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	out := []int{}
	for {
		_, text, err := conn.Read(ctx)
		if err != nil {
			return out, websocket.CloseStatus(err)
		}
		var m struct{ Position int }
		if err := json.Unmarshal(text, &m); err != nil {
			t.Fatal(err)
		}
		out = append(out, m.Position)
	}
}

func at(position int, change func(*api.Reading)) api.Record {
	r := reading(t0, telemetry.Int(int64(position)), uint64(position))
	if change != nil {
		change(&r)
	}
	return api.Record{Position: uint64(position), Reading: &r}
}

func span(from, to int) []int {
	out := []int{}
	for p := from; p <= to; p++ {
		out = append(out, p)
	}
	return out
}

// Messages are the feed's objects, byte for byte.
func TestStreamSendsWhatTheFeedHas(t *testing.T) {
	f := sample()
	h := api.New(f, api.Options{})
	_, body := get(t, h, "/v1/feed?format=ndjson")
	conn := follow(t, start(t, h), "?after=0")
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	for line := range strings.Lines(body) {
		_, text, err := conn.Read(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if want := strings.TrimSpace(line); string(text) != want {
			t.Errorf("got  %s\nwant %s", text, want)
		}
	}
}

func TestStreamBegins(t *testing.T) {
	for _, c := range []struct {
		name, query string
		want        []int
	}{
		{"from now on", "", []int{101, 102, 103}},
		{"from the beginning", "?after=0", append(span(1, 100), 101, 102, 103)},
		{"resumed", "?after=98", []int{99, 100, 101, 102, 103}},
		{"at the end", "?after=100", []int{101, 102, 103}},
		{"ahead", "?after=102", []int{103}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := committed(span(1, 100)...)
			s := start(t, api.New(f, api.Options{}))
			conn := follow(t, s, c.query)
			f.commit(at(101, nil))
			f.commit(at(102, nil), at(103, nil))
			if got := receive(t, conn, len(c.want)); !slices.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestStreamFilters(t *testing.T) {
	f := &fake{}
	s := start(t, api.New(f, api.Options{}))
	queries := map[string][]int{
		"?after=0":              {1, 2, 3, 4, 5, 6},
		"?after=0&node=attic":   {2, 6},
		"?after=0&device=pump":  {3, 6},
		"?after=0&metric=count": {4, 6},
		"?after=0&node=attic&device=pump&metric=count":   {6},
		"?after=0&node=pi-7&device=boiler":               {1, 4, 5},
		"?node=pi-7&device=boiler&metric=temperature":    {1},
		"?node=attic&metric=":                            {2, 6},
		"?after=0&node=attic&device=pump&metric=nothing": {},
	}
	conns := map[string]*websocket.Conn{}
	for q := range queries {
		conns[q] = follow(t, s, q)
	}
	event := sample().events[0]
	f.commit(
		at(1, nil),
		at(2, func(r *api.Reading) { r.Series.Node = "attic" }),
		at(3, func(r *api.Reading) { r.Series.Device = "pump" }),
		at(4, func(r *api.Reading) { r.Series.Metric = "count" }),
		api.Record{Position: 5, Event: &event},
		at(6, func(r *api.Reading) {
			r.Series = telemetry.Series{Node: "attic", Device: "pump", Metric: "count"}
		}),
	)
	for q, want := range queries {
		if got := receive(t, conns[q], len(want)); !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", q, got, want)
		}
	}
}

// While records are committed, clients come, go and come back; each gets every record once, in order, over holes too.
func TestStreamMissesNothing(t *testing.T) {
	const last = 3000
	f := committed()
	f.hole = 1
	s := start(t, api.New(f, api.Options{}))
	var parts errgroup.Group
	parts.Go(func() error {
		for p := 2; p <= last; p += 5 {
			var batch []api.Record
			for i := p; i < min(p+5, last+1); i++ {
				if i%7 != 0 { // the positions in between are gone
					batch = append(batch, at(i, nil))
				}
			}
			f.commit(batch...)
		}
		return nil
	})
	want := slices.DeleteFunc(span(2, last), func(p int) bool { return p%7 == 0 })
	for client := range 4 {
		parts.Go(func() error {
			var got []int
			for after := 0; len(got) < len(want); after = got[len(got)-1] {
				conn, err := dial(t.Context(), s, "?after="+strconv.Itoa(after))
				if err != nil {
					return err
				}
				part, err := read(t.Context(), conn, min(20+client*400, len(want)-len(got)))
				_ = conn.CloseNow()
				if got = append(got, part...); err != nil {
					return fmt.Errorf("after %d records: %w", len(got), err)
				}
			}
			if !slices.Equal(got, want) {
				return fmt.Errorf("client %d: not the records that were committed, or not in order", client)
			}
			return nil
		})
	}
	if err := parts.Wait(); err != nil {
		t.Error(err)
	}
}

// A client that does not read is closed with a code once too much waits for it; the others do not wait, and it can go on where it was.
func TestStreamSlowClient(t *testing.T) {
	f := &fake{}
	s := start(t, api.New(f, api.Options{}))
	slow, quick := follow(t, s, ""), follow(t, s, "")
	f.commit(at(1, nil))
	if got := append(receive(t, slow, 1), receive(t, quick, 1)...); !slices.Equal(got, []int{1, 1}) {
		t.Fatalf("got %v", got)
	}
	// More than any socket buffer takes and the server's queue together.
	text := telemetry.Text(strings.Repeat("x", 64<<10))
	const last = 250
	for p := 2; p <= last; p++ {
		f.commit(at(p, func(r *api.Reading) { r.Value = text }))
		if got := receive(t, quick, 1); got[0] != p {
			t.Fatalf("got %d, want %d", got[0], p)
		}
	}
	got, code := ending(t, slow)
	if code != websocket.StatusTryAgainLater {
		t.Errorf("closed with %d", code)
	}
	reached := 1 + len(got)
	if !slices.Equal(got, span(2, reached)) || reached >= last {
		t.Errorf("a slow client got %d messages before it was closed", len(got))
	}
	again := follow(t, s, "?after="+strconv.Itoa(reached))
	if got := receive(t, again, last-reached); !slices.Equal(got, span(reached+1, last)) {
		t.Errorf("went on with %d messages, want %d", len(got), last-reached)
	}
}

func TestStreamEndsWhenTheServerStops(t *testing.T) {
	f := committed(1, 2)
	l := listen(t)
	stop := serve(t, l, api.New(f, api.Options{}))
	conn := follow(t, &httptest.Server{URL: "http://" + l.Addr().String()}, "?after=0")
	if got := receive(t, conn, 2); !slices.Equal(got, []int{1, 2}) {
		t.Fatalf("got %v", got)
	}
	stopped := make(chan error, 1)
	go func() { stopped <- stop() }()
	if _, code := ending(t, conn); code != websocket.StatusGoingAway {
		t.Errorf("closed with %d", code)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestStreamFails(t *testing.T) {
	for _, joined := range []bool{false, true} {
		f := &fake{}
		if !joined {
			f.err = errors.New("disk gone")
		}
		var logs logbook
		s := start(t, api.New(f, api.Options{Log: logs.logger()}))
		conn := follow(t, s, "?after=0")
		if joined {
			f.commit(at(1, nil))
			receive(t, conn, 1)
			f.breakDown(errors.New("disk gone"))
		}
		if got, code := ending(t, conn); code != websocket.StatusInternalError || len(got) != 0 {
			t.Errorf("joined %t: %v, closed with %d", joined, got, code)
		}
		s.Close()
		if !strings.Contains(logs.String(), "disk gone") {
			t.Errorf("joined %t: the log says %q", joined, logs.String())
		}
	}
}

func TestStreamRefuses(t *testing.T) {
	s := start(t, api.New(committed(1), api.Options{}))
	host := strings.TrimPrefix(s.URL, "http://")
	for _, c := range []struct {
		name, query, origin string
		status              int
	}{
		{"own page", "", "http://" + host, http.StatusSwitchingProtocols},
		{"own page behind a proxy with TLS", "", "https://" + host, http.StatusSwitchingProtocols},
		{"another host", "", "http://example.org", http.StatusForbidden},
		{"another port", "", "http://127.0.0.1:1", http.StatusForbidden},
		{"no origin at all", "", "null", http.StatusForbidden},
		{"bad after", "?after=-1", "", http.StatusBadRequest},
		{"bad node", "?node=A%20B", "", http.StatusBadRequest},
		{"unknown parameter", "?wait=1s", "", http.StatusBadRequest},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), deadline)
			defer cancel()
			header := http.Header{}
			if c.origin != "" {
				header.Set("Origin", c.origin)
			}
			conn, res, err := websocket.Dial(ctx, s.URL+"/v1/stream"+c.query, &websocket.DialOptions{HTTPHeader: header})
			if conn != nil {
				defer conn.CloseNow()
			}
			if res == nil || res.StatusCode != c.status {
				t.Errorf("%v, %v", res, err)
			}
		})
	}
	if res, _ := get(t, api.New(committed(1), api.Options{}), "/v1/stream"); res.StatusCode != http.StatusUpgradeRequired || res.Header.Get("Upgrade") != "websocket" {
		t.Errorf("without upgrade: %s %v", res.Status, res.Header)
	}
}

// What a client sends ends its stream.
func TestStreamTakesNothing(t *testing.T) {
	s := start(t, api.New(committed(1), api.Options{}))
	conn := follow(t, s, "")
	if err := conn.Write(t.Context(), websocket.MessageText, []byte("hello")); err != nil {
		t.Fatal(err)
	}
	if _, code := ending(t, conn); code != websocket.StatusPolicyViolation {
		t.Errorf("closed with %d", code)
	}
}

// The last place is free again when a client has gone.
func TestStreamLimit(t *testing.T) {
	const places = 256
	s := start(t, api.New(committed(1), api.Options{}))
	conns := make([]*websocket.Conn, places)
	for i := range conns {
		conns[i] = follow(t, s, "")
	}
	_, res, err := websocket.Dial(t.Context(), s.URL+"/v1/stream", nil)
	if res == nil || res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "" {
		t.Fatalf("%v, %v", res, err)
	}
	if err := conns[0].Close(websocket.StatusNormalClosure, ""); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	for tick := time.NewTicker(5 * time.Millisecond); ; {
		conn, res, err := websocket.Dial(ctx, s.URL+"/v1/stream", nil)
		if err == nil {
			_ = conn.CloseNow()
			return
		}
		if res == nil || res.StatusCode != http.StatusServiceUnavailable {
			t.Fatal(err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("the place of a client that has gone stays taken")
		}
	}
}
