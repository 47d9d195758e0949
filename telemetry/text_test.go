package telemetry_test

import (
	"encoding/json"
	"math"
	"testing"

	"fieldpost/telemetry"
)

// A time inside a JSON document is the text of String, and reads back the same.
func TestTimeJSON(t *testing.T) {
	for _, at := range []telemetry.Time{0, 1, -1, 1_782_907_200_123_456_000, math.MaxInt64, math.MinInt64} {
		b, err := json.Marshal(at)
		if err != nil || string(b) != `"`+at.String()+`"` {
			t.Errorf("Marshal(%d) = %s, %v", int64(at), b, err)
		}
		var back telemetry.Time
		if err := json.Unmarshal(b, &back); err != nil || back != at {
			t.Errorf("%s reads back as %d, %v", b, int64(back), err)
		}
	}
	kept := telemetry.Time(7)
	for _, bad := range []string{`""`, `"now"`, `"2026-07-01"`, `"2026-07-01T12:00:00"`} {
		if err := json.Unmarshal([]byte(bad), &kept); err == nil || kept != 7 {
			t.Errorf("%s gave %d, %v", bad, int64(kept), err)
		}
	}
	if got := telemetry.Time(1_500_000_000).Seconds(); got != 1.5 {
		t.Errorf("Seconds() = %v", got)
	}
}
