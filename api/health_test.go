package api_test

import (
	"net/http"
	"strings"
	"testing"

	"fieldpost/api"
	"fieldpost/api/metric"
)

func TestHealth(t *testing.T) {
	checks := func(cs ...api.Check) func() []api.Check { return func() []api.Check { return cs } }
	journal := api.Check{Name: "journal", OK: true}
	broken := api.Check{Name: "journal", Detail: "no space on /dev/sda1"}
	link := api.Check{Name: "link", OK: true, Detail: "lte"}
	noLink := api.Check{Name: "link", Detail: "never connected"}
	tests := []struct {
		name          string
		health, ready func() []api.Check
		path          string
		status        int
		body          string
	}{
		{"nothing to check", nil, nil, "/healthz", 200, `{"ok":true,"checks":[]}`},
		{"nothing to check", nil, nil, "/readyz", 200, `{"ok":true,"checks":[]}`},
		{"well", checks(journal), checks(link), "/healthz", 200, `{"ok":true,"checks":[{"name":"journal","ok":true,"detail":""}]}`},
		{"well", checks(journal), checks(link), "/readyz", 200, `{"ok":true,"checks":[{"name":"journal","ok":true,"detail":""},{"name":"link","ok":true,"detail":"lte"}]}`},
		{"not ready", checks(journal), checks(noLink), "/healthz", 200, `{"ok":true,"checks":[{"name":"journal","ok":true,"detail":""}]}`},
		{"not ready", checks(journal), checks(noLink), "/readyz", 503, `{"ok":false,"checks":[{"name":"journal","ok":true,"detail":""},{"name":"link","ok":false,"detail":"never connected"}]}`},
		{"ill", checks(broken), checks(link), "/healthz", 503, `{"ok":false,"checks":[{"name":"journal","ok":false,"detail":"no space on /dev/sda1"}]}`},
		{"ill", checks(broken), nil, "/readyz", 503, `{"ok":false,"checks":[{"name":"journal","ok":false,"detail":"no space on /dev/sda1"}]}`},
	}
	for _, tt := range tests {
		res, body := get(t, api.New(&fake{}, api.Options{Health: tt.health, Ready: tt.ready}), tt.path)
		if res.StatusCode != tt.status || body != tt.body+"\n" {
			t.Errorf("%s %s: %d %s", tt.name, tt.path, res.StatusCode, body)
		}
	}
}

func TestMetrics(t *testing.T) {
	log := &logbook{}
	h := api.New(&fake{}, api.Options{Log: log.logger(), Metrics: []metric.Collector{
		func(w *metric.Writer) {
			w.Gauge("fieldpost_node_up", "Whether the node is connected.", 1, metric.L("node", "pi-7"))
			w.Gauge("fieldpost_b", "B.", 2)
		},
		func(w *metric.Writer) {
			w.Gauge("fieldpost_node_up", "Whether the node is connected.", 0, metric.L("node", "attic"))
			w.Gauge("not a name", "", 1)
		},
	}})
	want := `# HELP fieldpost_b B.
# TYPE fieldpost_b gauge
fieldpost_b 2
# HELP fieldpost_node_up Whether the node is connected.
# TYPE fieldpost_node_up gauge
fieldpost_node_up{node="attic"} 0
fieldpost_node_up{node="pi-7"} 1
`
	for range 3 {
		res, body := get(t, h, "/metrics")
		if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "text/plain; version=0.0.4; charset=utf-8" || body != want {
			t.Errorf("%s %v:\n%s", res.Status, res.Header, body)
		}
	}
	if got := log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "not a name") {
		t.Errorf("the same mistake is logged once, not: %s", got)
	}
}
