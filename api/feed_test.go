package api_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"fieldpost/api"
	"fieldpost/telemetry"
)

func TestFeedGolden(t *testing.T) {
	h := api.New(sample(), api.Options{})
	res, body := get(t, h, "/v1/feed")
	golden(t, "feed.json", body)
	if got := next(t, res); got != "/v1/feed?after=20" {
		t.Errorf("next is %s", got)
	}
	res, body = get(t, h, "/v1/feed?format=ndjson&after=7")
	golden(t, "feed.ndjson", body)
	if res.Header.Get("Content-Type") != "application/x-ndjson" {
		t.Errorf("%v", res.Header)
	}
}

func positions(t *testing.T, body string) []int {
	t.Helper()
	out := []int{}
	for _, row := range rows(t, body) {
		out = append(out, int(row["position"].(float64)))
	}
	return out
}

// committed makes a fake with readings at the positions.
func committed(at ...int) *fake {
	f := &fake{}
	for _, p := range at {
		r := reading(t0, telemetry.Int(int64(p)), uint64(p))
		f.records = append(f.records, api.Record{Position: uint64(p), Reading: &r})
	}
	return f
}

// Both ways to follow, the last position and the Link, give every record once, over holes and batches of any size.
func TestFeedFollow(t *testing.T) {
	var want []int
	for i := range 2500 {
		want = append(want, 3+i*2)
	}
	f := committed(want...)
	h := api.New(f, api.Options{})
	for _, limit := range []int{500, 999, 1000, 1001, 2500, 2501} {
		for _, way := range []string{"position", "link"} {
			var got []int
			target := fmt.Sprintf("/v1/feed?limit=%d", limit)
			for range 1000 {
				res, body := get(t, h, target)
				page := positions(t, body)
				if len(page) == 0 {
					break
				}
				got = append(got, page...)
				target = next(t, res)
				if way == "position" {
					target = fmt.Sprintf("/v1/feed?limit=%d&after=%d", limit, page[len(page)-1])
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("limit %d by %s: %d records, want %d", limit, way, len(got), len(want))
			}
		}
	}
	if _, body := get(t, h, "/v1/feed?format=ndjson"); !slices.Equal(positions(t, body), want) {
		t.Errorf("ndjson gave %d records", len(positions(t, body)))
	}
	if _, body := get(t, h, "/v1/feed?format=ndjson&limit=3&after=5"); !slices.Equal(positions(t, body), []int{7, 9, 11}) {
		t.Errorf("ndjson with limit gave %v", positions(t, body))
	}
}

// A Selector that steps over a hole without records is asked again.
func TestFeedHole(t *testing.T) {
	f := committed(900, 901)
	f.hole = 899
	res, body := get(t, api.New(f, api.Options{}), "/v1/feed?after=2")
	if got := positions(t, body); !slices.Equal(got, []int{900, 901}) {
		t.Errorf("positions %v", got)
	}
	if got := next(t, res); got != "/v1/feed?after=901" {
		t.Errorf("next %s", got)
	}
	f.records = nil
	res, body = get(t, api.New(f, api.Options{}), "/v1/feed")
	if got := next(t, res); body != "[]\n" || got != "/v1/feed?after=899" {
		t.Errorf("%s, next %s", body, got)
	}
}

// A long poll ends with the first commit, with what that brought.
func TestFeedWaitCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := committed(1)
		h := api.New(f, api.Options{})
		answers := make(chan string, 1)
		began := time.Now()
		go func() {
			_, body := get(t, h, "/v1/feed?after=1&wait=30s")
			answers <- body
		}()
		synctest.Wait()
		time.Sleep(12 * time.Second) // of the bubble's clock
		r := reading(t0, telemetry.Int(2), 2)
		f.commit(api.Record{Position: 2, Reading: &r})
		if got := positions(t, <-answers); !slices.Equal(got, []int{2}) || time.Since(began) != 12*time.Second {
			t.Errorf("%v after %v", got, time.Since(began))
		}
	})
}

func TestFeedWaitOver(t *testing.T) {
	for wait, want := range map[string]time.Duration{"": 0, "0": 0, "250ms": 250 * time.Millisecond, "1m": time.Minute, "1h": time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			f := committed(1)
			h := api.New(f, api.Options{})
			began := time.Now()
			res, body := get(t, h, "/v1/feed?after=1&wait="+wait)
			if took := time.Since(began); body != "[]\n" || res.StatusCode != http.StatusOK || took != want {
				t.Errorf("wait=%s: %s after %v, want %v", wait, body, took, want)
			}
			// What is there is given at once.
			if _, body := get(t, h, "/v1/feed?wait=1m"); !slices.Equal(positions(t, body), []int{1}) || time.Since(began) != want {
				t.Errorf("wait=%s: waited although there was something", wait)
			}
		})
	}
}

// A commit that brings nothing new for this client (here: a rotation) does not end the wait.
func TestFeedWaitSpurious(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := committed(1)
		h := api.New(f, api.Options{})
		answers := make(chan string, 1)
		go func() {
			_, body := get(t, h, "/v1/feed?after=1&wait=30s")
			answers <- body
		}()
		for range 3 {
			synctest.Wait()
			f.commit()
		}
		synctest.Wait()
		select {
		case body := <-answers:
			t.Errorf("ended early with %s", body)
		default:
		}
		if got := <-answers; got != "[]\n" {
			t.Errorf("got %s", got)
		}
	})
}

// A client that goes away ends its long poll.
func TestFeedWaitGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := api.New(committed(1), api.Options{})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan any, 1)
		go func() {
			defer func() { ended <- recover() }()
			h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/v1/feed?after=1&wait=30s", nil).WithContext(ctx))
		}()
		synctest.Wait()
		began := time.Now()
		cancel()
		if got, _ := (<-ended).(error); !errors.Is(got, http.ErrAbortHandler) || time.Since(began) != 0 {
			t.Errorf("ended with %v after %v", got, time.Since(began))
		}
	})
}
