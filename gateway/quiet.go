package gateway

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// quietLines is how many lines of one message a minute the log takes: more than any trouble of the gateway's own needs, and so few
// that a client which sends what nobody can read does not fill the disk on which its readings should be.
const quietLines = 30

// quiet is a slog.Handler that passes on at most quietLines of one message in a minute. Messages are fixed texts here, so that there are
// few of them. The first line after a pause says under "unlogged" how many of its message were left out.
type quiet struct {
	slog.Handler
	said *said
}

func newQuiet(h slog.Handler) slog.Handler { return quiet{h, &said{byMessage: map[string]*saying{}}} }

// Handle is slog.Handler's.
func (q quiet) Handle(ctx context.Context, r slog.Record) error {
	unlogged, pass := q.said.take(r.Message, r.Time)
	if !pass {
		return nil
	}
	if unlogged > 0 {
		r.AddAttrs(slog.Int("unlogged", unlogged))
	}
	return q.Handler.Handle(ctx, r)
}

// WithAttrs is slog.Handler's.
func (q quiet) WithAttrs(attrs []slog.Attr) slog.Handler {
	return quiet{q.Handler.WithAttrs(attrs), q.said}
}

// WithGroup is slog.Handler's.
func (q quiet) WithGroup(name string) slog.Handler { return quiet{q.Handler.WithGroup(name), q.said} }

// said counts lines by message. Safe for concurrent use.
type said struct {
	mu        sync.Mutex
	byMessage map[string]*saying
}

type saying struct {
	window   time.Time // when the current minute began
	lines    int       // passed on in it
	unlogged int       // left out since the last one passed on
}

func (s *said) take(message string, now time.Time) (unlogged int, pass bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.byMessage[message]
	if m == nil {
		m = new(saying)
		s.byMessage[message] = m
	}
	if d := now.Sub(m.window); d >= time.Minute || d < 0 { // the clock may be set back
		m.window, m.lines = now, 0
	}
	if m.lines >= quietLines {
		m.unlogged++
		return 0, false
	}
	m.lines++
	unlogged, m.unlogged = m.unlogged, 0
	return unlogged, true
}
