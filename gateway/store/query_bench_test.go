package store_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"fieldpost/api"
	"fieldpost/gateway/store"
	"fieldpost/history"
	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
)

const (
	benchNodes   = 10
	benchMetrics = 20
	benchDays    = 7 // of the first node; the others have one
)

var benchBegan = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

// filled is a store of readings once a second: the first node's for benchDays, the others' for the first day, a minute a frame, in the order in which they came.
func filled(b *testing.B, bySeries bool) *store.Store {
	b.Helper()
	st, err := store.Open(b.TempDir(), store.RetentionSettings{BySeries: bySeries}, nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { st.Close() })
	device := frame.Device{Name: "plant"}
	for m := range benchMetrics {
		device.Metrics = append(device.Metrics, frame.Metric{Name: fmt.Sprintf("m%02d", m), Unit: "Cel", Kind: telemetry.KindFloat})
	}
	encoded, err := (&frame.Table{Devices: []frame.Device{device}}).Encode()
	if err != nil {
		b.Fatal(err)
	}
	table, err := history.ParseTable(encoded)
	if err != nil {
		b.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	level := [benchNodes][benchMetrics]int{}
	recs := make([]frame.Record, 60*benchMetrics)
	var batch []store.Frame
	flush := func() {
		if err := st.Append(batch); err != nil {
			b.Fatal(err)
		}
		batch = batch[:0]
	}
	for minute := range benchDays * 24 * 60 {
		for n := range benchNodes {
			if n > 0 && minute >= 24*60 {
				continue
			}
			for i := range recs {
				m := i % benchMetrics
				level[n][m] += random.IntN(3) - 1
				at := benchBegan.Add(time.Duration(minute)*time.Minute + time.Duration(i/benchMetrics)*time.Second)
				recs[i] = frame.Record{Series: uint32(m), Time: telemetry.TimeOf(at), Value: telemetry.Float(float64(200+level[n][m]) / 10)}
			}
			data, err := frame.Encode(nil, frame.Header{
				Node: fmt.Sprintf("n%d", n), Epoch: 9, Lane: telemetry.Live, First: 1 + uint64(minute*len(recs)), Clock: telemetry.ClockSync, Table: table.Hash,
			}, recs)
			if err != nil {
				b.Fatal(err)
			}
			h, err := frame.ParseHeader(data)
			if err != nil {
				b.Fatal(err)
			}
			batch = append(batch, store.Frame{Header: h, Data: data, Table: table, Encoded: encoded, Spans: history.Spans(recs)})
		}
		if len(batch) >= 200 {
			flush()
		}
	}
	flush()
	if bySeries {
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error)
		go func() { done <- st.Run(ctx) }()
		b.Cleanup(func() { cancel(); <-done })
		for tick := time.Tick(100 * time.Millisecond); st.Status().Unblocked > 0; <-tick {
		}
	}
	return st
}

// BenchmarkQuery asks the HTTP handler over a store of 27.6 million readings, the first node's week and nine more nodes' day: an hour of one
// metric, a day, and steps over a week. p50 and p95 are of the single questions.
func BenchmarkQuery(b *testing.B) {
	for _, bySeries := range []bool{false, true} {
		b.Run(fmt.Sprintf("by_series=%v", bySeries), func(b *testing.B) { benchmarkQuery(b, filled(b, bySeries)) })
	}
}

func benchmarkQuery(b *testing.B, st *store.Store) {
	h := api.New(st, api.Options{})
	random := rand.New(rand.NewPCG(3, 4))
	for _, c := range []struct {
		name string
		span time.Duration
		days int // from which the span is taken
		more string
		node bool // the first only
	}{
		{"hour", time.Hour, 1, "&format=ndjson", false},
		{"day", 24 * time.Hour, 1, "&format=ndjson", false},
		{"day_by_minutes", 24 * time.Hour, 1, "&step=1m", false},
		{"week_by_hours", 7 * 24 * time.Hour, benchDays, "&step=1h", true},
	} {
		b.Run(c.name, func(b *testing.B) {
			var took []time.Duration
			for b.Loop() {
				from := benchBegan
				if room := time.Duration(c.days)*24*time.Hour - c.span; room > 0 {
					from = from.Add(time.Duration(random.Int64N(int64(room))).Truncate(time.Second))
				}
				n := 0
				if !c.node {
					n = random.IntN(benchNodes)
				}
				url := fmt.Sprintf("/v1/readings?node=n%d&device=plant&metric=m%02d&from=%d&to=%d%s", n, random.IntN(benchMetrics), from.Unix(), from.Add(c.span).Unix(), c.more)
				w := httptest.NewRecorder()
				began := time.Now()
				h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, url, nil))
				took = append(took, time.Since(began))
				if w.Code != http.StatusOK || w.Body.Len() < 1000 {
					b.Fatalf("%s: %d, %d bytes", url, w.Code, w.Body.Len())
				}
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "p95-ms")
		})
	}
}
