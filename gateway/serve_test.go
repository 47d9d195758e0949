package gateway

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

// One address serves the dashboard, the API and the stream over the store.
func TestPages(t *testing.T) {
	g, err := Open(Config{Data: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	})
	h, err := g.pages()
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	for _, c := range []struct {
		path   string
		status int
		kind   string
	}{
		{"/", 200, "text/html"},
		{"/v1/nodes", 200, "application/json"},
		{"/v1/stream", 426, "application/json"},
		{"/healthz", 200, "application/json"},
		{"/metrics", 200, "text/plain"},
		{"/assets/none.js", 404, "text/plain"},
		{"/none", 404, "application/json"},
	} {
		res, err := s.Client().Get(s.URL + c.path)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != c.status || !strings.HasPrefix(res.Header.Get("Content-Type"), c.kind) {
			t.Errorf("%s: %s, %s", c.path, res.Status, res.Header.Get("Content-Type"))
		}
	}
	conn, _, err := websocket.Dial(t.Context(), s.URL+"/v1/stream?after=0", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(websocket.StatusNormalClosure, ""); err != nil {
		t.Error(err)
	}
}
