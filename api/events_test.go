package api_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"

	"fieldpost/api"
	"fieldpost/telemetry"
)

func TestEventsGolden(t *testing.T) {
	h := api.New(sample(), api.Options{})
	for query, file := range map[string]string{"": "events.json", "?format=ndjson&order=desc": "events_desc.ndjson", "?format=csv": "events.csv"} {
		_, body := get(t, h, "/v1/events"+query)
		golden(t, file, body)
	}
}

func TestEventsParameters(t *testing.T) {
	h := api.New(sample(), api.Options{})
	tests := []struct {
		query string
		want  []int
	}{
		{"", []int{9, 1, 10}}, // at the same time by epoch
		{"node=pi-7", []int{9, 10}},
		{"device=node", []int{1}},
		{"state=raised", []int{9, 1}},
		{"state=cleared", []int{10}},
		{"state=standing", []int{1}}, // 9 was cleared by 10
		{"state=standing&to=2026-07-01T12:01:00Z", []int{9}},
		{"state=standing&from=2026-07-01T12:02:00Z", []int{}},
		{"state=standing&order=desc&node=pi-7", []int{}},
		{"from=2026-07-01T12:00:01Z&to=2026-07-01T12:01:00Z", []int{9}},
		{"from=1782907260", []int{1, 10}},
		{"node=pi-7&order=desc", []int{10, 9}},
		{"limit=1", []int{9}},
		{"node=nobody", []int{}},
	}
	for _, tt := range tests {
		res, body := get(t, h, "/v1/events?"+tt.query)
		if res.StatusCode != http.StatusOK || !slices.Equal(seqs(t, body), tt.want) {
			t.Errorf("%s: %s %s, want %v", tt.query, res.Status, body, tt.want)
		}
	}
}

func TestEventsPages(t *testing.T) {
	f := &fake{}
	for i := range 30 {
		f.events = append(f.events, api.Event{
			Event: telemetry.Event{Device: "boiler", Pattern: "p", Time: t0 + telemetry.Time(i/10)}, Node: []string{"a", "b", "c"}[i%3], Epoch: 1, Lane: telemetry.Alarm, Seq: uint64(i / 3 % 4),
		})
	}
	// Identities must be unique for the order to be total.
	slices.SortFunc(f.events, func(a, b api.Event) int { return a.Cursor().Compare(b.Cursor()) })
	f.events = slices.CompactFunc(f.events, func(a, b api.Event) bool { return a.Cursor() == b.Cursor() })
	h := api.New(f, api.Options{})
	for _, order := range []string{"asc", "desc"} {
		_, whole := get(t, h, "/v1/events?order="+order)
		for limit := 1; limit <= len(f.events)+1; limit++ {
			var got []map[string]any
			for target := fmt.Sprintf("/v1/events?order=%s&limit=%d", order, limit); target != ""; {
				res, body := get(t, h, target)
				got = append(got, rows(t, body)...)
				target = next(t, res)
			}
			if fmt.Sprint(got) != fmt.Sprint(rows(t, whole)) {
				t.Fatalf("%s limit %d: %v", order, limit, got)
			}
		}
	}
}
