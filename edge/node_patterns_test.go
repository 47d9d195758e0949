package edge

import (
	"testing"
	"time"

	"fieldpost/edge/lane"
	"fieldpost/telemetry"
)

// said writes a verdict as +, - or nothing.
func said(v verdict) string {
	switch {
	case v.raise:
		return "+"
	case v.clear:
		return "-"
	}
	return ""
}

func TestClockUnset(t *testing.T) {
	for s, want := range map[telemetry.ClockState]string{
		telemetry.ClockUnset: "+", telemetry.ClockFloor: "+", telemetry.ClockLocal: "-", telemetry.ClockSync: "-",
	} {
		if got := said(judgeClock(s)); got != want {
			t.Errorf("%s: got %q", s, got)
		}
	}
}

func TestDiskShort(t *testing.T) {
	const gib = 1 << 30
	for _, c := range []struct {
		name string
		room room
		want string
	}{
		{"plenty", room{0, 2 * gib, 20 * gib, 32 * gib}, "-"},
		{"journal at the mark", room{0.9 * 2 * gib, 2 * gib, 20 * gib, 32 * gib}, ""},
		{"journal beyond it", room{0.91 * 2 * gib, 2 * gib, 20 * gib, 32 * gib}, "+"},
		{"journal between the marks", room{0.81 * 2 * gib, 2 * gib, 20 * gib, 32 * gib}, ""},
		{"journal eased", room{0.8 * 2 * gib, 2 * gib, 20 * gib, 32 * gib}, "-"},
		{"disk nearly full", room{0, 2 * gib, gib/4 - 1, 32 * gib}, "+"},
		{"disk between the marks", room{0, 2 * gib, gib / 4, 32 * gib}, ""},
		{"disk eased", room{0, 2 * gib, gib / 2, 32 * gib}, "-"},
		{"a small disk that is not full", room{0, gib / 8, gib / 8, gib}, "-"},
		{"a small disk that is", room{0, gib / 8, gib / 32, gib}, "+"},
		{"no answer", room{0, 2 * gib, 0, 0}, "-"},
	} {
		if got := said(c.room.judge()); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestUnsent(t *testing.T) {
	s := lane.Status{Lanes: []lane.LaneStatus{
		{Lane: "alarm", Size: 100}, {Lane: "live", Size: 1000, Stored: 10, Waiting: 4}, {Lane: "bulk", Size: 500, Stored: 5, Waiting: 5},
		{Lane: "archive", Size: 9000, Stored: 9, Waiting: 9},
	}}
	if got := unsent(s); got != 900 {
		t.Errorf("got %v", got)
	}
}

func TestBacklogOld(t *testing.T) {
	b := newBacklog()
	start := int64(500 * time.Hour)
	look := func(after time.Duration, next, behind, waiting uint64) string {
		return said(b.judge(start+int64(after), []lane.LaneStatus{
			{Lane: "alarm", Next: 1}, {Lane: "live", Next: next, Behind: behind, Waiting: waiting}, {Lane: "archive", Next: 99, Behind: 1, Waiting: 98},
		}))
	}
	// Records 1 to 9 are there at the start, and nothing is known of how old they are.
	for _, c := range []struct {
		after                time.Duration
		next, first, waiting uint64
		want                 string
	}{
		{0, 10, 1, 9, ""},
		{59 * time.Minute, 20, 1, 19, ""},
		{time.Hour, 20, 1, 19, "+"},
		{time.Hour + time.Second, 20, 9, 11, "+"},     // the last of them
		{time.Hour + 2*time.Second, 20, 10, 10, "-"},  // what came since the start
		{time.Hour + 59*time.Minute, 30, 20, 10, "-"}, // came within the hour
		{2*time.Hour + 58*time.Minute, 30, 20, 10, "-"},
		{2*time.Hour + 59*time.Minute, 30, 20, 10, "+"}, // and has waited for one
		{3 * time.Hour, 30, 0, 0, "-"},                  // all gone
		{200 * time.Hour, 5000, 4999, 1, "-"},           // nobody saw it come: not old for all we know
		{201*time.Hour - 1, 9000, 4999, 1, "-"},
		{201 * time.Hour, 9000, 4999, 1, "+"},
	} {
		if got := look(c.after, c.next, c.first, c.waiting); got != c.want {
			t.Errorf("after %v, %d of %d: got %q, want %q", c.after, c.first, c.next, got, c.want)
		}
	}
	if n := len(b.marks[telemetry.Live]); n > backlogGrain+2 {
		t.Errorf("%d marks", n)
	}
}
