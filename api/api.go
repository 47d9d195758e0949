// Package api serves /v1 and the operational endpoints, the same on edge and gateway, over a small Selector.
// It stands at the right end of the flow: edge or gateway → Selector → people and systems.
//
// Every answer but /metrics and csv is JSON; an error is {"error": "…"}. Times are RFC 3339 in UTC with 3, 6 or 9 digits,
// and null where not known. Floats that are no numbers are the strings "NaN", "+Inf" and "-Inf"; integers are exact.
//
// Lists by time (/v1/readings, /v1/events) come in three formats. json is one array, a page of at most 10,000 unless limit says
// more. ndjson and csv stream without end unless there is a limit, which makes a page of them too. A page that was
// cut, by its limit or because it would hold more than 32 MiB, carries Link: <…>; rel="next". An answer that breaks
// off in its middle was broken by an error: the connection is cut, so that it cannot be taken for the whole.
//
// All is read-only. There is no CORS and no password: see Settings.
package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"fieldpost/api/metric"
	"fieldpost/telemetry"
)

// Options of the handler. The zero value serves what the Selector has.
type Options struct {
	// Health says what ails the process itself, such as a disk that cannot be written. It is /healthz, and the beginning of /readyz. A
	// restart is seldom the cure: it loses what waits in memory.
	Health func() []Check
	// Ready says whether the process can do its work now: /readyz.
	Ready func() []Check
	// Metrics are asked, one after the other, at each GET /metrics.
	Metrics []metric.Collector
	Log     *slog.Logger // nil: discard
}

// maxBuffered bounds the pages in memory at once: with maxPage, 128 MiB on the worst day, 8 MiB on a usual one.
const maxBuffered = 4

type server struct {
	sel   Selector
	opts  Options
	log   *slog.Logger
	pages chan struct{} // a place for each page in memory

	badMetrics atomic.Pointer[string] // last reported
}

// New returns the handler of all endpoints. /v1/events is there if sel is an EventSelector too, /v1/feed and
// /v1/stream if it is a FeedSelector.
func New(sel Selector, o Options) http.Handler {
	s := &server{sel: sel, opts: o, log: o.Log, pages: make(chan struct{}, maxBuffered)}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	mux := http.NewServeMux()
	get := func(path string, h func(http.ResponseWriter, *http.Request) error) {
		mux.Handle("GET "+path, s.handle(h)) // and HEAD
		mux.Handle(path, s.handle(methodNotAllowed))
	}
	get("/healthz", s.healthz)
	get("/readyz", s.readyz)
	get("/metrics", s.metrics)
	get("/v1/nodes", s.nodes)
	get("/v1/series", s.series)
	get("/v1/readings", s.readings)
	if feed, ok := sel.(FeedSelector); ok {
		get("/v1/feed", s.feed(feed))
		get("/v1/stream", s.stream(feed))
	}
	if events, ok := sel.(EventSelector); ok {
		get("/v1/events", s.events(events))
	}
	mux.Handle("/", s.handle(notFound))
	return mux
}

// httpError is an error with its own status.
type httpError struct {
	status int
	text   string
}

func (e httpError) Error() string { return e.text }

func methodNotAllowed(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Allow", "GET, HEAD")
	return httpError{http.StatusMethodNotAllowed, "method " + r.Method + ": use GET or HEAD"}
}

func notFound(_ http.ResponseWriter, r *http.Request) error {
	return httpError{http.StatusNotFound, "nothing at " + r.URL.Path}
}

// errSent is returned, with its cause, when the answer had begun before it went wrong.
var errSent = errors.New("answer cut off")

func (s *server) handle(h func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		if r.ContentLength != 0 { // a body nobody asked for: the server reads a little of it, but not for ever
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(headerTime))
		}
		err := h(w, r)
		if err == nil {
			return
		}
		var bad badRequest
		var own httpError
		switch {
		case errors.As(err, &bad):
			writeError(w, http.StatusBadRequest, bad.text)
			return
		case errors.As(err, &own):
			writeError(w, own.status, own.text)
			return
		}
		if r.Context().Err() == nil && !errors.Is(err, errWrite) {
			s.log.Error("answer a query", "path", r.URL.Path, "query", r.URL.RawQuery, "err", err)
		}
		if errors.Is(err, errSent) || errors.Is(err, context.Canceled) {
			panic(http.ErrAbortHandler) // so that the client sees a broken answer, not a short one
		}
		writeError(w, http.StatusInternalServerError, "reading what is stored went wrong; the log says how")
	})
}

func writeError(w http.ResponseWriter, status int, text string) {
	writeJSON(w, status, append(telemetry.AppendString([]byte(`{"error":`), strings.ToValidUTF8(text, "\uFFFD")), '}', '\n'))
}

func writeJSON(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// A client that has gone needs no answer.
	_, _ = w.Write(body)
}
