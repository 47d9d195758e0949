package api

import (
	"bytes"
	"net/http"
	"slices"
	"strconv"

	"fieldpost/api/metric"
	"fieldpost/telemetry"
)

// Check is one answer to "are you well?".
type Check struct {
	Name   string
	OK     bool
	Detail string // what is wrong and what to do, or nothing
}

// healthz serves GET /healthz: 200 while every Health check holds, else 503; {"ok":…,"checks":[{"name","ok","detail"}]}.
func (s *server) healthz(w http.ResponseWriter, r *http.Request) error {
	return writeChecks(w, r, s.opts.Health)
}

// readyz serves GET /readyz: the same over Health and Ready.
func (s *server) readyz(w http.ResponseWriter, r *http.Request) error {
	return writeChecks(w, r, s.opts.Health, s.opts.Ready)
}

func writeChecks(w http.ResponseWriter, r *http.Request, sources ...func() []Check) error {
	if p := readParams(r); p.err != nil {
		return p.err
	}
	var checks []Check
	for _, source := range sources {
		if source != nil {
			checks = append(checks, source()...)
		}
	}
	status := http.StatusOK
	if slices.ContainsFunc(checks, func(c Check) bool { return !c.OK }) {
		status = http.StatusServiceUnavailable
	}
	b := strconv.AppendBool([]byte(`{"ok":`), status == http.StatusOK)
	b = append(b, `,"checks":[`...)
	for i, c := range checks {
		if i > 0 {
			b = append(b, ',')
		}
		b = telemetry.AppendString(append(b, `{"name":`...), c.Name)
		b = strconv.AppendBool(append(b, `,"ok":`...), c.OK)
		b = append(telemetry.AppendString(append(b, `,"detail":`...), c.Detail), '}')
	}
	writeJSON(w, status, append(b, "]}\n"...))
	return nil
}

// metrics serves GET /metrics.
func (s *server) metrics(w http.ResponseWriter, r *http.Request) error {
	if p := readParams(r); p.err != nil {
		return p.err
	}
	var m metric.Writer
	for _, collect := range s.opts.Metrics {
		collect(&m)
	}
	var b bytes.Buffer
	_, _ = m.WriteTo(&b) // a Buffer takes all
	if err := m.Err(); err != nil {
		s.reportMetrics(err.Error())
	}
	w.Header().Set("Content-Type", metric.ContentType)
	w.Header().Set("Content-Length", strconv.Itoa(b.Len()))
	_, _ = w.Write(b.Bytes()) // a client that has gone needs no answer
	return nil
}

// reportMetrics logs what could not be exposed, once for as long as it is the same.
func (s *server) reportMetrics(text string) {
	if last := s.badMetrics.Swap(&text); last == nil || *last != text {
		s.log.Error("metrics left out", "err", text)
	}
}
