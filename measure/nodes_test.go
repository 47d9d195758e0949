package measure_test

import (
	"testing"
	"time"

	"fieldpost/measure"
)

func TestNodes(t *testing.T) {
	o := measure.NodesOptions{Bin: binaries(t), Nodes: 40, Seconds: 3, Outage: 10 * time.Minute, Away: time.Second, Browsers: 4}
	r, err := measure.Nodes(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", r)
	if backlog := uint64(o.Nodes) * 60 * 100; r.Backlog < backlog || r.Records < r.Backlog || r.Ack.Number == 0 || r.Followed == 0 || r.All < r.Half || r.Steady.Resident == 0 {
		t.Errorf("something was not measured: %+v", r)
	}
}
