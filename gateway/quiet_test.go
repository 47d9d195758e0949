package gateway

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestQuietBoundsEachMessage(t *testing.T) {
	var out bytes.Buffer
	h := newQuiet(slog.NewTextHandler(&out, nil)).WithAttrs([]slog.Attr{slog.String("node", "pi-1")})
	at := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	emit := func(message string, at time.Time) {
		t.Helper()
		if err := h.Handle(context.Background(), slog.NewRecord(at, slog.LevelWarn, message, 0)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 1000 {
		emit("corrupt frame", at.Add(time.Duration(i)*time.Millisecond))
	}
	emit("another thing", at)
	emit("corrupt frame", at.Add(time.Minute))
	emit("corrupt frame", at.Add(time.Minute+time.Second))
	emit("corrupt frame", at.Add(-time.Hour)) // the clock was set back: not silent for an hour

	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != quietLines+4 {
		t.Fatalf("%d lines, want %d", len(lines), quietLines+4)
	}
	for i, l := range lines {
		told := strings.Contains(l, "unlogged=970")
		if told != (i == quietLines+1) {
			t.Errorf("line %d: %s", i, l)
		}
		if !strings.Contains(l, "node=pi-1") {
			t.Errorf("line %d lost its attributes: %s", i, l)
		}
	}
	if !strings.Contains(lines[quietLines], "another thing") {
		t.Errorf("one message silenced another: %s", lines[quietLines])
	}
}
