package measure_test

import (
	"testing"

	"fieldpost/measure"
)

// The measurement can be carried out, and all that was taken arrives. What it measures is for cmd/fieldpost-bench to show: no test is timed.
func TestOutage(t *testing.T) {
	r, err := measure.Outage(t.Context(), measure.OutageOptions{
		Bin: binaries(t), Dir: t.TempDir(), Backlog: 200_000, Events: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", r)
	if len(r.Event) != 1 || r.First <= 0 || r.Resident <= 0 || r.Draining <= 0 || r.Drain <= 0 || r.Used <= 0 {
		t.Errorf("something was not measured: %+v", r)
	}
}
