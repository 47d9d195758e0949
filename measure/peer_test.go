package measure_test

import (
	"testing"

	"fieldpost/measure"
)

func TestPeerStream(t *testing.T) {
	r, err := measure.PeerStream(t.Context(), 5000)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", r)
	if r.Arrived == 0 || r.Arrived > r.Readings || r.Seconds <= 0 || r.Near.Resident <= 0 || r.Far.Resident <= 0 {
		t.Errorf("something was not measured: %+v", r)
	}
}
