package measure_test

import (
	"testing"
	"time"

	"fieldpost/measure"
)

// The measurement can be carried out; what it measures is for cmd/fieldpost-bench to show.
func TestLink(t *testing.T) {
	all, err := measure.Link(t.Context(), measure.LinkOptions{Bin: binaries(t), Seconds: 8, Every: []time.Duration{time.Second, 3 * time.Second}})
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range all {
		t.Logf("%+v", r)
		if r.Readings < 30 || r.Up <= 0 || r.Down <= 0 || r.Connect <= 0 || i < 2 && (r.Payload <= 0 || r.MQTT <= 0 || r.TLS <= 0) {
			t.Errorf("something was not measured: %+v", r)
		}
	}
}
