package cost_test

import (
	"math"
	"testing"
	"time"

	"fieldpost/edge/cost"
)

const room, endurance = 2 << 30, 10e12

// What was measured (docs/benchmarks.md) is met within a third: that much an estimate is worth.
func TestAgainstMeasurements(t *testing.T) {
	for _, c := range []struct {
		load  cost.Load
		every time.Duration
		flash float64 // bytes a reading
	}{
		{cost.Load{PerSecond: 1, Series: 1}, time.Second, 2833},
		{cost.Load{PerSecond: 10, Series: 10}, time.Second, 297},
		{cost.Load{PerSecond: 100, Series: 10}, time.Second, 46.1},
		{cost.Load{PerSecond: 1000, Series: 10}, time.Second, 6.04},
	} {
		e := cost.Of(c.load, cost.Setup{CommitEvery: c.every, Room: room, Endurance: endurance})
		near(t, "flash", e.Flash/86400/c.load.PerSecond, c.flash)
		if e.Link != 0 || e.Payload != 0 {
			t.Errorf("a link that is not there takes %v bytes", e.Link)
		}
	}
	e := cost.Of(cost.Load{PerSecond: 10, Series: 10}, cost.Setup{CommitEvery: time.Second, SendEvery: time.Second, TLS: true, Linked: true, Room: room, Endurance: endurance})
	near(t, "payload", e.Payload/864000, 10.2)
	near(t, "link", e.Link/864000, 13.0)
	e = cost.Of(cost.Load{PerSecond: 30, Series: 3}, cost.Setup{CommitEvery: time.Second, SendEvery: time.Second, Linked: true, Dense: true, Room: room, Endurance: endurance})
	near(t, "dense payload", e.Payload/86400/30, 1.76)
}

func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if r := got / want; r < 0.67 || r > 1.33 {
		t.Errorf("%s: %.3g bytes a reading, and %.3g were measured", what, got, want)
	}
}

func TestShape(t *testing.T) {
	load := cost.Load{PerSecond: 0.01, Series: 3}
	often := cost.Of(load, cost.Setup{CommitEvery: time.Second, SendEvery: time.Second, Linked: true, Room: room, Endurance: endurance})
	seldom := cost.Of(load, cost.Setup{CommitEvery: time.Hour, SendEvery: time.Hour, Linked: true, Room: room, Endurance: endurance})
	if seldom.Link >= often.Link || seldom.Flash >= often.Flash || seldom.OutageDays <= often.OutageDays || seldom.CardYears <= often.CardYears {
		t.Errorf("waiting for company saves nothing: %+v, %+v", often, seldom)
	}
	if n := often.Flash / 2800; n > 864*1.5 {
		t.Errorf("%v commits a day of 864 readings", n)
	}
	if e := cost.Of(cost.Load{}, cost.Setup{}); e != (cost.Estimate{}) {
		t.Errorf("nothing costs %+v", e)
	}
	full := cost.Of(cost.Load{PerSecond: 1e5, Series: 100}, cost.Setup{CommitEvery: time.Second, SendEvery: time.Hour, Linked: true, Room: room, Endurance: endurance})
	if math.IsInf(full.OutageDays, 0) || full.Payload <= 0 {
		t.Errorf("%+v", full)
	}
}
