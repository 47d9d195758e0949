package clock_test

import (
	"os"
	"path/filepath"
	"testing"

	"fieldpost/edge/clock"
	"fieldpost/telemetry"
)

func keep(t *testing.T, path string) *clock.Keeper {
	t.Helper()
	k, err := clock.Keep(path, quiet())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { k.Close() })
	return k
}

// What was written last is what is read, and where its page was torn at any byte, what was written before.
func TestKeeper(t *testing.T) {
	path := filepath.Join(t.TempDir(), "clock.floor")
	if got := keep(t, path).Floor(); got != (clock.Floor{}) {
		t.Fatalf("a new one: %+v", got)
	}
	floor := func(n telemetry.Time) clock.Floor {
		return clock.Floor{Time: n * 1e9, Boot: 1<<64 - 1, Base: -n, Place: 5, Last: 1<<63 - 1}
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for n := telemetry.Time(1); n < 6; n++ {
		k := keep(t, path)
		if err := k.Write(floor(n)); err != nil {
			t.Fatal(err)
		}
		after, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := keep(t, path).Floor(); got != floor(n) {
			t.Fatalf("read %+v, wrote %+v", got, floor(n))
		}
		for cut := range after {
			if after[cut] == before[cut] {
				continue
			}
			if err := os.WriteFile(path, append(after[:cut:cut], before[cut:]...), 0o600); err != nil {
				t.Fatal(err)
			}
			k := keep(t, path)
			want := floor(n - 1)
			if n == 1 {
				want = clock.Floor{}
			}
			if got := k.Floor(); got != want && got != floor(n) {
				t.Fatalf("torn at %d: read %+v, want %+v or %+v", cut, got, want, floor(n))
			}
			k.Close()
		}
		if err := os.WriteFile(path, after, 0o600); err != nil {
			t.Fatal(err)
		}
		before = after
	}
	// A folder in its place, or a file cut short, is no reason to stand still.
	if err := os.Truncate(path, 100); err != nil {
		t.Fatal(err)
	}
	k := keep(t, path)
	if err := k.Write(floor(9)); err != nil || k.Floor() != floor(9) {
		t.Fatalf("after it was cut short: %+v, %v", k.Floor(), err)
	}
}
