package measure_test

import (
	"testing"
	"time"

	"fieldpost/measure"
)

// The measurements can be carried out, and all that was taken arrives. What they measure is for cmd/fieldpost-bench to show: no test is timed.
func TestStream(t *testing.T) {
	bin := binaries(t)
	for _, o := range []measure.StreamOptions{
		{Readings: 300_000},
		{Readings: 300_000, TLS: true, Backlog: true},
		{Readings: 30_000, Lines: true},
	} {
		o.Bin, o.Dir = bin, t.TempDir()
		r, err := measure.Stream(t.Context(), o)
		if err != nil {
			t.Fatalf("%+v: %v", o, err)
		}
		t.Logf("%+v", r)
		if r.Seconds <= 0 || r.Edge.Resident <= 0 || r.Gateway.Resident <= 0 || r.Disk <= 0 || (r.Fill > 0) != o.Backlog {
			t.Errorf("something was not measured: %+v", r)
		}
	}
}

func TestFlash(t *testing.T) {
	all, err := measure.Flash(t.Context(), measure.FlashOptions{Bin: binaries(t), Seconds: 4, Rates: []int{1, 100}, Every: []time.Duration{time.Second}})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all.Edges {
		t.Logf("%+v", r)
		if r.Readings < r.Rate || r.Seconds <= 0 || r.Written <= 0 {
			t.Errorf("something was not measured: %+v", r)
		}
	}
}
