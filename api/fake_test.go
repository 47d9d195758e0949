package api_test

import (
	"context"
	"encoding/json"
	"flag"
	"io"
	"iter"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"fieldpost/api"
	"fieldpost/telemetry"
)

// fake is a Selector and EventSelector over slices. It is the plain definition of the contract.
type fake struct {
	nodes  []api.Node
	series []api.Series
	events []api.Event

	failAt  int   // Readings and Events fail in place of this row, counted from 1; 0: never
	err     error // with this; Nodes, Series and Feed fail with it when failAt is 0
	hole    uint64
	yielded func(n int) // called before each row of Readings

	mu       sync.Mutex
	readings []api.Reading
	records  []api.Record
	changed  chan struct{}
	asked    chan struct{} // one message per Feed, if not nil
}

func (f *fake) Nodes(context.Context) ([]api.Node, error) { return f.nodes, f.always() }

func (f *fake) always() error {
	if f.failAt == 0 {
		return f.err
	}
	return nil
}

func (f *fake) Series(_ context.Context, filter api.Filter) ([]api.Series, error) {
	var out []api.Series
	for _, s := range f.series {
		if passes(filter, s.Series) {
			out = append(out, s)
		}
	}
	return out, f.always()
}

func passes(f api.Filter, s telemetry.Series) bool {
	return (f.Node == "" || f.Node == s.Node) && (f.Device == "" || f.Device == s.Device) && (f.Metric == "" || f.Metric == s.Metric)
}

func (f *fake) Readings(ctx context.Context, q api.Query) iter.Seq2[api.Reading, error] {
	f.mu.Lock()
	all := slices.Clone(f.readings)
	f.mu.Unlock()
	all = slices.DeleteFunc(all, func(r api.Reading) bool { return !passes(q.Filter, r.Series) })
	return walk(ctx, f, all, q.From, q.To, q.Descending, q.After, func(r *api.Reading) api.Cursor { return r.Cursor() })
}

func (f *fake) Events(ctx context.Context, q api.EventQuery) iter.Seq2[api.Event, error] {
	all := slices.DeleteFunc(slices.Clone(f.events), func(e api.Event) bool {
		return q.Node != "" && q.Node != e.Node || q.Device != "" && q.Device != e.Device || q.State != nil && *q.State != e.State
	})
	return walk(ctx, f, all, q.From, q.To, q.Descending, q.After, func(e *api.Event) api.Cursor { return e.Cursor() })
}

func walk[T any](ctx context.Context, f *fake, all []T, from, to telemetry.Time, descending bool, after *api.Cursor, cursor func(*T) api.Cursor) iter.Seq2[T, error] {
	sign := 1
	if descending {
		sign = -1
	}
	slices.SortStableFunc(all, func(a, b T) int { return sign * cursor(&a).Compare(cursor(&b)) })
	return func(yield func(T, error) bool) {
		n := 0
		for i := range all {
			c := cursor(&all[i])
			if c.Time < from || c.Time >= to || after != nil && sign*c.Compare(*after) <= 0 {
				continue
			}
			n++
			if f.yielded != nil {
				f.yielded(n)
			}
			var none T
			if n == f.failAt {
				yield(none, f.err)
				return
			}
			if err := ctx.Err(); err != nil {
				yield(none, err)
				return
			}
			if !yield(all[i], nil) {
				return
			}
		}
	}
}

func (f *fake) Feed(_ context.Context, after uint64, limit int) ([]api.Record, uint64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.asked != nil {
		f.asked <- struct{}{}
	}
	if after < f.hole { // nothing is left below it
		return nil, f.hole, f.always()
	}
	var out []api.Record
	for _, r := range f.records {
		if r.Position > after && len(out) < limit {
			out = append(out, r)
			after = r.Position
		}
	}
	return out, after, f.always()
}

func (f *fake) Latest() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.records) == 0 {
		return f.hole
	}
	return f.records[len(f.records)-1].Position
}

func (f *fake) Changed() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.changed == nil {
		f.changed = make(chan struct{})
	}
	return f.changed
}

// commit adds records to the feed.
func (f *fake) commit(records ...api.Record) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.records = append(f.records, records...)
	if f.changed != nil {
		close(f.changed)
		f.changed = nil
	}
}

// breakDown makes the feed fail from now on, and wakes who waits for it.
func (f *fake) breakDown(err error) {
	f.mu.Lock()
	f.err = err
	f.mu.Unlock()
	f.commit()
}

// noEvents hides that a fake is an EventSelector.
type noEvents struct{ api.Selector }

const t0 = telemetry.Time(1_782_907_200_000_000_000) // 2026-07-01T12:00:00Z

const second = telemetry.Time(1e9)

// reading makes a reading of pi-7 boiler/temperature in the live lane.
func reading(at telemetry.Time, v telemetry.Value, seq uint64) api.Reading {
	return api.Reading{
		Reading: telemetry.Reading{Series: telemetry.Series{Node: "pi-7", Device: "boiler", Metric: "temperature"}, Time: at, Value: v},
		Unit:    "Cel", Epoch: 0xab, Lane: telemetry.Live, Seq: seq, StoredAt: t0 + 3600*second,
	}
}

func with(r api.Reading, change func(*api.Reading)) api.Reading {
	change(&r)
	return r
}

// sample is one of everything.
func sample() *fake {
	readings := []api.Reading{
		reading(t0, telemetry.Float(21.5), 1),
		with(reading(t0, telemetry.Int(math.MaxInt64), 2), func(r *api.Reading) { r.Series.Metric, r.Unit = "count", "" }),
		with(reading(t0+1, telemetry.Float(math.NaN()), 3), func(r *api.Reading) { r.Quality = telemetry.Bad }),
		with(reading(t0+second/2, telemetry.Bool(true), 4), func(r *api.Reading) { r.Series.Metric, r.Unit, r.Quality = "burner", "", telemetry.Uncertain }),
		with(reading(t0+second, telemetry.Text("a,\"b\"\né"), 5), func(r *api.Reading) { r.Series.Metric, r.Unit = "note", "" }),
		with(reading(t0+2*second, telemetry.Float(math.Inf(-1)), 6), func(r *api.Reading) { r.ClockUnset, r.StoredAt = true, 0 }),
		with(reading(t0, telemetry.Float(-0.25), 1), func(r *api.Reading) { r.Series.Node, r.Lane = "attic", telemetry.Bulk }),
		with(reading(t0+second, telemetry.Int(math.MinInt64), 1), func(r *api.Reading) { r.Series.Device, r.Epoch = "pump", math.MaxUint64 }),
	}
	events := []api.Event{
		{
			Event: telemetry.Event{
				Device: "boiler", Pattern: "overheat", State: telemetry.Raised, Severity: telemetry.Critical, Time: t0 + second, Message: "boiler at 81.5 °C > 80",
				Cause: []telemetry.Cause{{Metric: "temperature", Unit: "Cel", Time: t0, Value: telemetry.Float(81.5)}, {Metric: "temperature", Unit: "Cel", Time: t0 + second, Value: telemetry.Float(math.NaN()), Quality: telemetry.Uncertain}},
			},
			Node: "pi-7", Epoch: 0xab, Lane: telemetry.Alarm, Seq: 9, StoredAt: t0 + 2*second,
		},
		{
			Event: telemetry.Event{Device: "boiler", Pattern: "overheat", State: telemetry.Cleared, Severity: telemetry.Critical, Time: t0 + 60*second, Message: "well, \"again\""},
			Node:  "pi-7", Epoch: 0xab, Lane: telemetry.Alarm, Seq: 10, ClockUnset: true,
		},
		{
			Event: telemetry.Event{Device: "node", Pattern: "disk_short", Severity: telemetry.Warning, Time: t0 + 60*second},
			Node:  "attic", Epoch: 1, Lane: telemetry.Alarm, Seq: 1, StoredAt: t0 + 61*second,
		},
	}
	f := &fake{readings: readings, events: events}
	for i := range readings {
		f.records = append(f.records, api.Record{Position: uint64(i + 1), Reading: &readings[i]})
	}
	f.records = append(f.records, api.Record{Position: 20, Event: &events[0]})
	return f
}

// get asks h and returns the answer with its body read.
func get(t *testing.T, h http.Handler, target string) (*http.Response, string) {
	t.Helper()
	return do(t, h, http.MethodGet, target)
}

func do(t *testing.T, h http.Handler, method, target string) (*http.Response, string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, target, nil))
	res := w.Result()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasPrefix(res.Header.Get("Content-Type"), "application/json") && len(body) > 0 && !json.Valid(body) {
		t.Errorf("%s %s: not JSON: %s", method, target, body)
	}
	if got := res.Header.Get("X-Content-Type-Options"); got != "nosniff" {
		t.Errorf("%s %s: X-Content-Type-Options is %q", method, target, got)
	}
	return res, string(body)
}

var update = flag.Bool("update", false, "write the golden files")

// golden compares with testdata/name.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; got:\n%s\nwant:\n%s", path, got, want)
	}
}

// next returns the target of the Link header, or "".
func next(t *testing.T, res *http.Response) string {
	t.Helper()
	link := res.Header.Get("Link")
	if link == "" {
		return ""
	}
	target, ok := strings.CutSuffix(link, `>; rel="next"`)
	if !ok || !strings.HasPrefix(target, "</") {
		t.Fatalf("Link is %s", link)
	}
	return target[1:]
}

// rows decodes a JSON array or JSON lines.
func rows(t *testing.T, body string) []map[string]any {
	t.Helper()
	var out []map[string]any
	if strings.HasPrefix(body, "[") {
		if err := json.Unmarshal([]byte(body), &out); err != nil || out == nil {
			t.Fatalf("not an array: %v: %s", err, body)
		}
		return out
	}
	for line := range strings.Lines(body) {
		var row map[string]any
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			t.Fatalf("not a line of JSON: %v: %s", err, line)
		}
		out = append(out, row)
	}
	return out
}

// seqs are the sequences of rows.
func seqs(t *testing.T, body string) []int {
	t.Helper()
	out := []int{}
	for _, row := range rows(t, body) {
		out = append(out, int(row["seq"].(float64)))
	}
	return out
}
