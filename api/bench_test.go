package api_test

import (
	"context"
	"iter"
	"net/http"
	"net/http/httptest"
	"testing"

	"fieldpost/api"
	"fieldpost/telemetry"
)

// steady yields b.N readings without making them anew.
type steady struct {
	api.Selector
	n int
}

func (s *steady) Readings(context.Context, api.Query) iter.Seq2[api.Reading, error] {
	return func(yield func(api.Reading, error) bool) {
		r := reading(t0, telemetry.Float(21.5), 0)
		for i := range s.n {
			r.Time += second
			r.Seq = uint64(i + 1)
			if !yield(r, nil) {
				return
			}
		}
	}
}

// sink is a ResponseWriter that counts.
type sink struct {
	header http.Header
	n      int64
}

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) Write(b []byte) (int, error) { s.n += int64(len(b)); return len(b), nil }
func (s *sink) WriteHeader(int)             {}

// BenchmarkReading is the price of one reading on its way from the Selector to the socket.
func BenchmarkReading(b *testing.B) {
	for _, query := range []string{"format=ndjson", "format=csv", "step=1h&format=csv"} {
		b.Run(query, func(b *testing.B) {
			h := api.New(&steady{n: b.N}, api.Options{})
			w := &sink{header: http.Header{}}
			r := httptest.NewRequest("GET", "/v1/readings?"+query, nil)
			b.ReportAllocs()
			b.ResetTimer()
			h.ServeHTTP(w, r)
			b.SetBytes(w.n / int64(b.N))
		})
	}
}

// BenchmarkPage is the usual full page of 10,000 readings in JSON.
func BenchmarkPage(b *testing.B) {
	h := api.New(&steady{n: 10_000}, api.Options{})
	r := httptest.NewRequest("GET", "/v1/readings", nil)
	b.ReportAllocs()
	for b.Loop() {
		w := &sink{header: http.Header{}}
		h.ServeHTTP(w, r)
		b.SetBytes(w.n)
	}
}
