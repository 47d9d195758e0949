package store

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"fieldpost/configs/setting"
	"fieldpost/telemetry/ranges"
)

// A time server gone mad for a minute costs no data, and neither does what was committed in that minute.
func TestRetentionIgnoresALeapOfTheClock(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	right, up := now, time.Duration(0)
	s := open(t, t.TempDir(), RetentionSettings{MaxAge: setting.Duration(30 * 24 * time.Hour)}, &now)
	s.uptime = func() time.Duration { return up }
	upkeep := func() {
		t.Helper()
		if err := errors.Join(s.Checkpoint(), s.Retain()); err != nil {
			t.Fatal(err)
		}
	}
	s.mustAppend(t, makeFrame(t, "pi", 1, 10))
	upkeep()
	if err := s.disk.journal.Rotate(); err != nil {
		t.Fatal(err)
	}
	now = right.AddDate(12, 0, 0)
	s.mustAppend(t, makeFrame(t, "pi", 11, 10))
	upkeep()
	up += time.Minute
	upkeep()
	now = right.Add(up)
	upkeep()
	s.wantSequences(t, "pi", set(1, 20))

	// A clock that stays there was right.
	now = right.AddDate(1, 0, 0)
	upkeep()
	up += trustAfter
	upkeep()
	s.wantSequences(t, "pi", set(11, 20))
}

func TestCalendar(t *testing.T) {
	wall := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	const day = 24 * time.Hour
	log := slog.New(slog.DiscardHandler)
	for name, tt := range map[string]struct {
		newest time.Time
		steps  [][3]time.Duration // wall and uptime since the start, and the time believed
	}{
		"empty journal":       {time.Time{}, [][3]time.Duration{{0, 0, 0}, {5 * day, 5 * day, 5 * day}}},
		"was off for a while": {wall.Add(-60 * day), [][3]time.Duration{{0, 0, -59 * day}, {day - 1, day - 1, -58*day - 1}, {day, day, day}}},
		"clock set back":      {wall.Add(60 * day), [][3]time.Duration{{0, 0, 0}}},
		"leap and return":     {wall, [][3]time.Duration{{0, 0, 0}, {99 * day, 1, day + 1}, {1, 2, 1}, {99 * day, day + 2, 2*day + 1}, {99 * day, day + 3, 2*day + 2}}},
		"leap of a few hours": {wall, [][3]time.Duration{{6 * time.Hour, 0, 6 * time.Hour}}},
	} {
		c := startCalendar(wall, tt.newest, 0)
		for i, step := range tt.steps {
			if got, want := c.now(wall.Add(step[0]), step[1], log), wall.Add(step[2]); !got.Equal(want) {
				t.Errorf("%s, step %d: believes %s, want %s", name, i, got, want)
			}
		}
	}
}

// What the state file did not take must not be acknowledged by the next ack of the lane.
func TestQuarantineThatIsNotOnDiskIsNotAcknowledged(t *testing.T) {
	s := open(t, t.TempDir(), RetentionSettings{}, nil)
	s.mustAppend(t, makeFrame(t, "pi", 1, 10))
	bad := makeFrame(t, "pi", 11, 5)
	if err := s.disk.state.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Quarantine(bad.Header, bad.Data); err == nil {
		t.Fatal("no error from a closed state file")
	}
	s.wantStored(t, "pi", set(1, 10))
	if err := s.Reopen(); err != nil {
		t.Fatal(err)
	}
	s.wantStored(t, "pi", set(1, 10))
	if err := s.Quarantine(bad.Header, bad.Data); err != nil {
		t.Fatal(err)
	}
	s.wantStored(t, "pi", set(1, 15))
	if err := s.Reopen(); err != nil {
		t.Fatal(err)
	}
	s.wantStored(t, "pi", set(1, 15))
	if lost := s.list(t, "pi").Lanes[0].Lost; len(lost) != 1 || lost[0].Range != (ranges.Range{From: 11, To: 15}) {
		t.Fatalf("lost %+v", lost)
	}
}
