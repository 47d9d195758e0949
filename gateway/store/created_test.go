package store

import (
	"bytes"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
)

// A new store is told with its folder: nodes do not take it for the one that they know. An old one is not new.
func TestNewStoreIsTold(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	for start, want := range []bool{true, false} {
		var log bytes.Buffer
		s, err := Open(dir, RetentionSettings{}, slog.New(slog.NewTextHandler(&log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if told := strings.Contains(log.String(), `msg="new store created" dir=`+dir+" store="+s.ID().String()); told != want {
			t.Errorf("start %d: told is %v\n%s", start, told, &log)
		}
	}
}
