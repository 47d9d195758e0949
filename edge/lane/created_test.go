package lane_test

import (
	"bytes"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"fieldpost/edge/lane"
)

// A new journal is told with its folder, so that an edge that was started with the wrong config is noticed. An old one is not new.
func TestNewJournalIsTold(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "journal")
	for start, want := range []bool{true, false, false} {
		var log bytes.Buffer
		b, err := lane.Open(lane.Options{
			Dir: dir, Node: "pi-7", MaxSize: 64 << 20, Clock: newTicker(), BootID: 77, Log: slog.New(slog.NewTextHandler(&log, nil)),
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		if told := strings.Contains(log.String(), `msg="new journal created" node=pi-7 dir=`+dir); told != want {
			t.Errorf("start %d: told is %v\n%s", start, told, &log)
		}
	}
}
