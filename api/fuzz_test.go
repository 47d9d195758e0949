package api_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"fieldpost/api"
)

// FuzzQuery shows that every query is answered with 200 or 400 and JSON or the format asked for, never a panic.
func FuzzQuery(f *testing.F) {
	for _, seed := range []string{
		"", "node=pi-7&device=boiler&metric=temperature", "from=1.5&to=2026-07-01T12:00:00Z", "step=1m&order=desc", "limit=1&format=csv", "cursor=cgAAAAA", "step=1ms&cursor=YgAA", "after=3&wait=0", "state=raised",
		"from=2026-07-01T14:00:01 02:00", "from=-9223372036.854775808", "to=-0", "step=292w3d", "%zz", ";", "a[]=1", "step=99999999999999w", "limit=2147483647",
		"step=1s&cursor=YhivFIbWk2AABAAAAAA", "cursor=chivFIbWk2AAAAAAAAAAAKsBAAAAAAAAAAFwaS03",
	} {
		f.Add(seed)
	}
	h := api.New(sample(), api.Options{})
	f.Fuzz(func(t *testing.T, query string) {
		for _, path := range []string{"/v1/readings", "/v1/events", "/v1/series", "/v1/nodes"} {
			r := httptest.NewRequest("GET", path, nil)
			r.URL.RawQuery = query
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != http.StatusOK && w.Code != http.StatusBadRequest {
				t.Errorf("%s?%s: %d %s", path, query, w.Code, w.Body)
			}
			if w.Header().Get("Content-Type") == "application/json" {
				rows(t, w.Body.String())
			}
		}
	})
}

// FuzzCursor shows that no cursor, however made, repeats a reading or leaves the order.
func FuzzCursor(f *testing.F) {
	h := api.New(sample(), api.Options{})
	for _, target := range []string{"/v1/readings?limit=1", "/v1/readings?limit=4&order=desc", "/v1/readings?limit=1&step=1s", "/v1/readings?limit=3&step=1s&order=desc"} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", target, nil))
		link := w.Header().Get("Link")
		r := httptest.NewRequest("GET", link[1:len(link)-len(`>; rel="next"`)], nil)
		f.Add(r.URL.Query().Get("cursor"))
	}
	f.Fuzz(func(t *testing.T, cursor string) {
		for _, base := range []string{"", "order=desc", "step=1s", "step=1s&order=desc"} {
			r := httptest.NewRequest("GET", "/v1/readings", nil)
			r.URL.RawQuery = base
			q := r.URL.Query()
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			all := rows(t, w.Body.String())
			q.Set("cursor", cursor)
			r.URL.RawQuery = q.Encode()
			w = httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code == http.StatusBadRequest {
				continue
			}
			got := rows(t, w.Body.String())
			if len(got) > len(all) {
				t.Fatalf("%s gave %d of %d", r.URL, len(got), len(all))
			}
			tail := all[len(all)-len(got):]
			if !slices.EqualFunc(got, tail, func(a, b map[string]any) bool {
				return a["time"] == b["time"] && a["seq"] == b["seq"] && a["node"] == b["node"] && a["metric"] == b["metric"]
			}) {
				t.Fatalf("%s gave %v, not an end of %v", r.URL, got, all)
			}
		}
	})
}
