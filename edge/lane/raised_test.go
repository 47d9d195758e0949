package lane_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"fieldpost/edge/lane"
	"fieldpost/journal"
	"fieldpost/telemetry"
)

// tell adds events such as "+boiler/overheat" and "-node/x" and waits until they are on disk.
func tell(t *testing.T, b *lane.Book, changes ...string) {
	t.Helper()
	_, before := state(b, telemetry.Alarm)
	now, regime := b.Clock().Now()
	for _, c := range changes {
		device, pattern := filepath.Split(c[1:])
		e := telemetry.Event{Device: filepath.Clean(device), Pattern: pattern, Severity: telemetry.Critical, Time: now}
		if c[0] == '-' {
			e.State = telemetry.Cleared
		}
		if err := b.AddEvent(context.Background(), regime, e); err != nil {
			t.Fatal(err)
		}
	}
	wait(t, b, "the events", func() bool { _, l := state(b, telemetry.Alarm); return l.Next == before.Next+uint64(len(changes)) })
}

func raised(b *lane.Book) (names []string) {
	for _, r := range b.Raised() {
		names = append(names, r.Device+"/"+r.Pattern)
	}
	return names
}

func TestRaisedIsWhatTheAlarmLaneSays(t *testing.T) {
	dir := t.TempDir()
	b, stop := open(t, lane.Options{Dir: dir})
	tell(t, b, "+boiler/overheat", "+boiler/dry", "+tank/overheat")
	tell(t, b, "-boiler/dry", "+boiler/overheat", "+node/x", "-node/x")
	if got := raised(b); got != nil {
		t.Errorf("at the first opening: %v", got)
	}
	stop()

	want := []string{"tank/overheat", "boiler/overheat"}
	b, stop = open(t, lane.Options{Dir: dir})
	if got := raised(b); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if r := b.Raised()[0]; r.Severity != telemetry.Critical {
		t.Errorf("severity %v", r.Severity)
	}
	tell(t, b, "-tank/overheat")
	stop()
	b, _ = open(t, lane.Options{Dir: dir})
	if got := raised(b); !slices.Equal(got, []string{"boiler/overheat"}) {
		t.Errorf("got %v", got)
	}
}

// After a power cut there is no checkpoint of the last minute: the frames tell.
func TestRaisedSurvivesAPowerCut(t *testing.T) {
	dir, after := t.TempDir(), t.TempDir()
	b, _ := open(t, lane.Options{Dir: dir})
	tell(t, b, "+boiler/overheat")
	tell(t, b, "+boiler/dry")
	copyDisk(t, dir, after)
	tell(t, b, "-boiler/dry") // too late for the copy
	b, _ = open(t, lane.Options{Dir: after})
	if got := raised(b); !slices.Equal(got, []string{"boiler/overheat", "boiler/dry"}) {
		t.Errorf("got %v", got)
	}
}

// copyDisk copies a folder as a power cut would leave it, without its lock.
func copyDisk(t *testing.T, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(to, "lock")); err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
}

// A state file that is lost costs nothing: the alarm lane tells all.
func TestRaisedWithoutAStateFile(t *testing.T) {
	dir := t.TempDir()
	b, stop := open(t, lane.Options{Dir: dir})
	tell(t, b, "+boiler/overheat", "+boiler/dry", "-boiler/dry")
	stop()
	if err := os.Remove(filepath.Join(dir, "state.db")); err != nil {
		t.Fatal(err)
	}
	b, _ = open(t, lane.Options{Dir: dir})
	if got := raised(b); !slices.Equal(got, []string{"boiler/overheat"}) {
		t.Errorf("got %v", got)
	}
}

// The first stored form was a list of names, of devices that were silent.
func TestRaisedReadsItsFirstForm(t *testing.T) {
	for stored, want := range map[string][]string{
		`["boiler","tank"]`:          {"boiler/silent", "tank/silent"},
		`["boiler","boiler/melted"]`: {"boiler/silent", "boiler/melted"},
		`[]`:                         nil,
		`null`:                       nil,
		`"rubbish"`:                  nil,
	} {
		dir := t.TempDir()
		s, _, err := journal.OpenState(filepath.Join(dir, "state.db"), "pi-7")
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Update(map[string][]byte{"raised": []byte(stored)}); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		for range 2 { // the second opening reads what the first one wrote
			b, stop := open(t, lane.Options{Dir: dir})
			if got := raised(b); !slices.Equal(got, want) {
				t.Errorf("%s: got %v, want %v", stored, got, want)
			}
			stop()
		}
	}
}

// What comes after the first form was read is found again, though the power fails before the next checkpoint.
func TestRaisedAfterItsFirstForm(t *testing.T) {
	dir, after := t.TempDir(), t.TempDir()
	s, _, err := journal.OpenState(filepath.Join(dir, "state.db"), "pi-7")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Update(map[string][]byte{"raised": []byte(`["boiler"]`)}), s.Close()); err != nil {
		t.Fatal(err)
	}
	b, _ := open(t, lane.Options{Dir: dir})
	tell(t, b, "-boiler/silent", "+tank/silent")
	copyDisk(t, dir, after)
	b, _ = open(t, lane.Options{Dir: after})
	if got := raised(b); !slices.Equal(got, []string{"tank/silent"}) {
		t.Errorf("got %v", got)
	}
}

func TestPatternsAreRemembered(t *testing.T) {
	dir := t.TempDir()
	b, stop := open(t, lane.Options{Dir: dir})
	if got, err := b.Patterns(); err != nil || len(got) != 0 {
		t.Fatalf("%v, %v", got, err)
	}
	if err := b.SavePatterns(map[string]string{"boiler/overheat": "x"}); err != nil {
		t.Fatal(err)
	}
	stop()
	b, _ = open(t, lane.Options{Dir: dir})
	if got, err := b.Patterns(); err != nil || len(got) != 1 || got["boiler/overheat"] != "x" {
		t.Fatalf("%v, %v", got, err)
	}
}

// journal_damaged stands until an opening finds nothing wrong.
func TestDamageIsClearedByASoundOpening(t *testing.T) {
	dir := t.TempDir()
	b, stop := open(t, lane.Options{Dir: dir})
	tell(t, b, "+node/"+lane.DamagePattern)
	stop()
	b, stop = open(t, lane.Options{Dir: dir})
	if got := raised(b); !slices.Equal(got, []string{"node/journal_damaged"}) {
		t.Errorf("got %v", got)
	}
	wait(t, b, "the clearing", func() bool { _, l := state(b, telemetry.Alarm); return l.Next == 3 })
	stop()
	b, stop = open(t, lane.Options{Dir: dir, CommitEvery: time.Millisecond})
	if got := raised(b); got != nil {
		t.Errorf("got %v", got)
	}
	stop()
}
