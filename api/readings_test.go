package api_test

import (
	"encoding/csv"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"fieldpost/api"
	"fieldpost/telemetry"
)

func TestReadingsGolden(t *testing.T) {
	h := api.New(sample(), api.Options{})
	for _, tt := range []struct{ query, file, contentType string }{
		{"", "readings.json", "application/json"},
		{"?format=json&order=desc", "readings_desc.json", "application/json"},
		{"?format=ndjson", "readings.ndjson", "application/x-ndjson"},
		{"?format=csv", "readings.csv", "text/csv; charset=utf-8; header=present"},
	} {
		res, body := get(t, h, "/v1/readings"+tt.query)
		if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != tt.contentType || res.Header.Get("Link") != "" {
			t.Errorf("%s: %s %v", tt.query, res.Status, res.Header)
		}
		golden(t, tt.file, body)
	}
}

// What the csv says reads back, whatever stands in a text.
func TestReadingsCSV(t *testing.T) {
	texts := []string{"", "plain", " lead", "trail ", `"`, `a"b`, "a,b", "a\nb", ",", "é"}
	f := &fake{}
	for i, s := range texts {
		f.readings = append(f.readings, reading(t0+telemetry.Time(i)*second, telemetry.Text(s), uint64(i+1)))
	}
	_, body := get(t, api.New(f, api.Options{}), "/v1/readings?format=csv")
	table, err := csv.NewReader(strings.NewReader(body)).ReadAll()
	if err != nil || len(table) != len(texts)+1 {
		t.Fatalf("%v: %s", err, body)
	}
	if got := strings.Join(table[0], ","); got != "time,node,device,metric,value,unit,quality" {
		t.Errorf("header is %s", got)
	}
	for i, s := range texts {
		if table[i+1][4] != s {
			t.Errorf("%q came back as %q", s, table[i+1][4])
		}
	}
}

func TestReadingsEmpty(t *testing.T) {
	h := api.New(&fake{}, api.Options{})
	for query, want := range map[string]string{
		"": "[]\n", "?format=ndjson": "", "?format=csv": "time,node,device,metric,value,unit,quality\n", "?format=csv&limit=3": "time,node,device,metric,value,unit,quality\n",
		"?step=1m": "[]\n", "?step=1m&format=csv": "time,node,device,metric,min,max,mean,count,unit\n", "?format=ndjson&limit=1": "",
	} {
		if res, body := get(t, h, "/v1/readings"+query); res.StatusCode != http.StatusOK || body != want {
			t.Errorf("%s: %s %q, want %q", query, res.Status, body, want)
		}
	}
}

func TestReadingsParameters(t *testing.T) {
	h := api.New(sample(), api.Options{})
	tests := []struct {
		query string
		want  []int // sequences; of pi-7 and others as in sample
	}{
		{"node=attic", []int{1}},
		{"node=nobody", []int{}},
		{"device=pump", []int{1}},
		{"metric=temperature&node=pi-7&device=boiler", []int{1, 3, 6}},
		{"node=pi-7&device=boiler&order=desc", []int{6, 5, 4, 3, 2, 1}},
		{"node=pi-7&device=boiler&order=asc", []int{1, 2, 3, 4, 5, 6}},
		{"node=pi-7&device=boiler&limit=2", []int{1, 2}},
		{"node=pi-7&device=boiler&limit=2&order=desc&format=ndjson", []int{6, 5}},
		{"node=&device=boiler&metric=note&from=&to=&step=&limit=&order=&format=", []int{5}},
		// half-open, to the nanosecond, in each way to write it
		{"node=pi-7&device=boiler&from=2026-07-01T12:00:00.000000001Z", []int{3, 4, 5, 6}},
		{"node=pi-7&device=boiler&to=2026-07-01T12:00:00.000000001Z", []int{1, 2}},
		{"node=pi-7&device=boiler&from=1782907200.000000001&to=1782907200.5", []int{3}},
		{"node=pi-7&device=boiler&from=1782907200.5&to=1782907200.500000001", []int{4}},
		{"node=pi-7&device=boiler&from=1782907201&to=1782907201", []int{}},
		{"node=pi-7&device=boiler&from=1782907202", []int{6}},
		{"node=pi-7&device=boiler&from=2026-07-01T14:00:01%2B02:00", []int{5, 6}},
		{"node=pi-7&device=boiler&from=2026-07-01T14:00:01+02:00", []int{5, 6}}, // + not written %2B
		{"node=pi-7&device=boiler&from=2026-07-01T10:00:01-02:00", []int{5, 6}},
		{"node=pi-7&device=boiler&from=-1.5&to=1782907200.0", []int{}},
		{"node=attic&from=0001-01-01T00:00:00Z&to=9999-01-01T00:00:00Z", []int{1}},
	}
	for _, tt := range tests {
		res, body := get(t, h, "/v1/readings?"+tt.query)
		if res.StatusCode != http.StatusOK {
			t.Errorf("%s: %s: %s", tt.query, res.Status, body)
			continue
		}
		if got := seqs(t, body); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.query, got, tt.want)
		}
	}
}

// Following Link gives every reading once, in order, however times and sequences repeat, in both orders and every format.
func TestReadingsPages(t *testing.T) {
	f := &fake{}
	for i := range 60 {
		f.readings = append(f.readings, with(reading(t0+telemetry.Time(i/20)*second, telemetry.Int(int64(i)), uint64(i%5+1)), func(r *api.Reading) {
			r.Lane, r.Epoch = telemetry.Lane(1+i/5%2), telemetry.Epoch(1+i/10%2)
			if i%2 == 1 {
				r.Series.Node = "attic"
			}
			r.Series.Metric = fmt.Sprintf("m%d", i%3)
		}))
	}
	// Odd and even places have other nodes but may share (time, epoch, lane, sequence): make sure that some do.
	for i := range 10 {
		f.readings = append(f.readings, with(f.readings[i], func(r *api.Reading) { r.Series.Node, r.Value = "cellar", telemetry.Int(int64(100+i)) }))
	}
	h := api.New(f, api.Options{})
	for _, order := range []string{"asc", "desc"} {
		_, whole := get(t, h, "/v1/readings?order="+order)
		want := values(t, whole)
		if len(want) != 70 {
			t.Fatalf("%d readings", len(want))
		}
		for _, limit := range []int{1, 2, 7, 10, 69, 70, 71} {
			for _, format := range []string{"json", "ndjson"} {
				var got []string
				pages := 0
				for target := fmt.Sprintf("/v1/readings?format=%s&limit=%d&order=%s", format, limit, order); target != ""; pages++ {
					res, body := get(t, h, target)
					if res.StatusCode != http.StatusOK {
						t.Fatalf("%s: %s %s", target, res.Status, body)
					}
					page := values(t, body)
					target = next(t, res)
					if target != "" && len(page) != limit {
						t.Fatalf("a page of %d with more to come; limit %d", len(page), limit)
					}
					got = append(got, page...)
				}
				if !slices.Equal(got, want) || pages != (70+limit-1)/limit {
					t.Errorf("%s limit %d %s: %d pages gave %v, want %v", order, limit, format, pages, got, want)
				}
			}
		}
	}
}

func values(t *testing.T, body string) []string {
	t.Helper()
	out := []string{}
	for _, row := range rows(t, body) {
		out = append(out, fmt.Sprint(row["node"], row["value"]))
	}
	return out
}

// Without a limit json stops at 10,000 and says so; ndjson and csv give all.
func TestReadingsDefaultLimit(t *testing.T) {
	f := &fake{}
	for i := range 10_001 {
		f.readings = append(f.readings, reading(t0+telemetry.Time(i), telemetry.Int(int64(i)), uint64(i+1)))
	}
	h := api.New(f, api.Options{})
	res, body := get(t, h, "/v1/readings")
	if n := len(rows(t, body)); n != 10_000 {
		t.Errorf("%d rows", n)
	}
	res, body = get(t, h, next(t, res))
	if got := seqs(t, body); !slices.Equal(got, []int{10_001}) || next(t, res) != "" {
		t.Errorf("the rest is %v, next %q", got, next(t, res))
	}
	res, body = get(t, h, "/v1/readings?limit=10001")
	if n := len(rows(t, body)); n != 10_001 || next(t, res) != "" {
		t.Errorf("limit=10001: %d rows, next %q", n, next(t, res))
	}
	for format, want := range map[string]int{"ndjson": 10_001, "csv": 10_002} {
		if _, body := get(t, h, "/v1/readings?format="+format); strings.Count(body, "\n") != want {
			t.Errorf("%s: %d lines", format, strings.Count(body, "\n"))
		}
	}
}

// A page never grows beyond 32 MiB: it is cut there, and goes on at its Link.
func TestReadingsBigPage(t *testing.T) {
	f := &fake{}
	for i := range 40 {
		f.readings = append(f.readings, reading(t0+telemetry.Time(i), telemetry.Text(strings.Repeat("x", 1<<20)), uint64(i+1)))
	}
	h := api.New(f, api.Options{})
	var got []int
	pages := 0
	for target := "/v1/readings?limit=100"; target != ""; pages++ {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", target, nil))
		if w.Body.Len() > 34<<20 {
			t.Errorf("a page of %d bytes", w.Body.Len())
		}
		for _, m := range regexp.MustCompile(`"seq":(\d+)`).FindAllSubmatch(w.Body.Bytes(), -1) {
			seq, _ := strconv.Atoi(string(m[1]))
			got = append(got, seq)
		}
		target = next(t, w.Result())
	}
	if pages != 2 || len(got) != 40 || got[0] != 1 || got[39] != 40 {
		t.Errorf("%d pages gave %v", pages, got)
	}
}

func TestBadRequests(t *testing.T) {
	h := api.New(sample(), api.Options{})
	recordCursor := "cgAAAAAAAAAAAAAAAAAAAAABAQAAAAAAAAABcGk"
	tests := []struct{ target, want string }{
		{"/v1/readings?stpe=1m", `unknown parameter "stpe"; use node, device, metric, from, to, step, limit, order, format, cursor`},
		{"/v1/readings?node=a&node=b", `parameter node: given more than once`},
		{"/v1/readings?node=a/b", `parameter node: node name "a/b"`},
		{"/v1/readings?device=9a", `parameter device: name "9a"`},
		{"/v1/readings?metric=Temp", `parameter metric: name "Temp"`},
		{"/v1/readings?from=yesterday", `parameter from: "yesterday": want RFC 3339`},
		{"/v1/readings?from=2026-07-01", `parameter from: "2026-07-01": want RFC 3339`},
		{"/v1/readings?from=2026-07-01T12:00:00", `parameter from:`},
		{"/v1/readings?from=2026-13-01T12:00:00Z", `parameter from:`},
		{"/v1/readings?to=1.", `parameter to: "1."`},
		{"/v1/readings?to=.5", `parameter to: ".5"`},
		{"/v1/readings?to=-", `parameter to: "-"`},
		{"/v1/readings?to=1.2.3", `parameter to: "1.2.3"`},
		{"/v1/readings?to=1e9", `parameter to: "1e9"`},
		{"/v1/readings?to=1.1234567891", `parameter to: "1.1234567891": at most nine digits`},
		{"/v1/readings?to=1782907200000", `parameter to: "1782907200000": beyond the year 2262 or before 1677; want seconds`},
		{"/v1/readings?to=99999999999999999999", `parameter to: "99999999999999999999": beyond`},
		{"/v1/readings?from=2&to=1", `parameter to: before from`},
		{"/v1/readings?step=5x", `parameter step: duration "5x"`},
		{"/v1/readings?step=0", `parameter step: at least 1ms`},
		{"/v1/readings?step=-1m", `parameter step:`},
		{"/v1/readings?limit=0", `parameter limit: "0": want a whole number from 1 on`},
		{"/v1/readings?limit=-1", `parameter limit: "-1"`},
		{"/v1/readings?limit=1.5", `parameter limit: "1.5"`},
		{"/v1/readings?limit=99999999999", `parameter limit:`},
		{"/v1/readings?order=up", `parameter order: "up": want asc or desc`},
		{"/v1/readings?format=xml", `parameter format: "xml": want one of json, ndjson, csv`},
		{"/v1/readings?format=JSON", `parameter format: "JSON"`},
		{"/v1/readings?cursor=!", `parameter cursor: not one of ours`},
		{"/v1/readings?cursor=AAAA", `parameter cursor: not one of ours`},
		{"/v1/readings?step=1m&cursor=" + recordCursor, `parameter cursor: not one of ours`},
		{"/v1/readings?a=%zz", `query: invalid URL escape`},
		{"/v1/readings?a=1;b=2", `query: invalid semicolon`},
		{"/v1/readings?%22=1", `unknown parameter "\""`},
		{"/v1/events?state=on", `parameter state: unknown state "on"`},
		{"/v1/events?metric=a", `unknown parameter "metric"; use node, device, from`},
		{"/v1/events?step=1m", `unknown parameter "step"`},
		{"/v1/series?format=csv", `unknown parameter "format"; use node, device, metric`},
		{"/v1/series?node=A", `parameter node:`},
		{"/v1/nodes?node=a", `unknown parameter "node"; there are none here`},
		{"/v1/feed?after=x", `parameter after: "x": want the position of a record`},
		{"/v1/feed?after=-1", `parameter after:`},
		{"/v1/feed?wait=5", `parameter wait: duration "5"`},
		{"/v1/feed?format=csv", `parameter format: "csv": want one of json, ndjson`},
		{"/v1/feed?node=pi-7", `unknown parameter "node"; use after, limit, wait, format`},
		{"/healthz?verbose=1", `unknown parameter "verbose"`},
		{"/readyz?a", `unknown parameter "a"`},
		{"/metrics?name=a", `unknown parameter "name"`},
	}
	for _, tt := range tests {
		res, body := get(t, h, tt.target)
		if res.StatusCode != http.StatusBadRequest || res.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %s %s", tt.target, res.Status, body)
			continue
		}
		if got, _ := rows(t, body)[0]["error"].(string); !strings.HasPrefix(got, tt.want) {
			t.Errorf("%s: error %q, want %q", tt.target, got, tt.want)
		}
	}
}

func TestRouting(t *testing.T) {
	h := api.New(sample(), api.Options{})
	for _, path := range []string{"/healthz", "/readyz", "/metrics", "/v1/nodes", "/v1/series", "/v1/readings", "/v1/events", "/v1/feed"} {
		full, body := get(t, h, path)
		if full.StatusCode != http.StatusOK || body == "" && path != "/metrics" {
			t.Errorf("GET %s: %s", path, full.Status)
		}
		if got := full.Header.Get("Cache-Control"); got != "no-store" {
			t.Errorf("GET %s: Cache-Control is %q", path, got)
		}
		for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS", "BREW"} {
			res, body := do(t, h, method, path)
			if res.StatusCode != http.StatusMethodNotAllowed || res.Header.Get("Allow") != "GET, HEAD" || !strings.Contains(body, `"error"`) {
				t.Errorf("%s %s: %s Allow %q %s", method, path, res.Status, res.Header.Get("Allow"), body)
			}
		}
	}
	for _, path := range []string{"/", "/v1", "/v1/", "/v1/nothing", "/v1/nodes/", "/v2/nodes", "/index.html", "/v1/%ff"} {
		res, body := get(t, h, path)
		if res.StatusCode != http.StatusNotFound || res.Header.Get("Content-Type") != "application/json" || !strings.Contains(body, `"error"`) {
			t.Errorf("GET %s: %s %s", path, res.Status, body)
		}
	}
	if res, _ := get(t, api.New(noEvents{sample()}, api.Options{}), "/v1/events"); res.StatusCode != http.StatusNotFound {
		t.Errorf("events without an EventSelector: %s", res.Status)
	}
}

// An error before the first byte is a plain 500 that does not tell strangers what is inside.
func TestErrorBeforeFirstByte(t *testing.T) {
	boom := errors.New("segment 17 is gone")
	for _, tt := range []struct {
		target string
		failAt int
	}{
		{"/v1/nodes", 0}, {"/v1/series", 0}, {"/v1/feed", 0}, {"/v1/feed?format=ndjson", 0},
		{"/v1/readings", 3}, {"/v1/readings?format=csv", 3}, {"/v1/readings?format=ndjson", 1}, {"/v1/readings?step=1ms", 3}, {"/v1/events", 2}, {"/v1/readings?format=csv&limit=5", 4},
	} {
		f := sample()
		f.failAt, f.err = tt.failAt, boom
		log := &logbook{}
		res, body := get(t, api.New(f, api.Options{Log: log.logger()}), tt.target)
		if res.StatusCode != http.StatusInternalServerError || strings.Contains(body, "segment") || res.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %s %v %s", tt.target, res.Status, res.Header, body)
		}
		if got := log.String(); !strings.Contains(got, "segment 17 is gone") || strings.Count(got, "\n") != 1 {
			t.Errorf("%s: log is %s", tt.target, got)
		}
	}
}
