package emulate_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"
)

// A pattern such as "temperature > 80 for 5s, clear below 75" is raised and cleared within a minute of the start, whatever the seed, and again
// within six.
func TestPumpOverheats(t *testing.T) {
	const pump = 2
	for seed := range uint64(5) {
		hot, spells := false, 0
		var first, cleared time.Duration
		for n, line := range hear(t, pump, seed, 600, nil) {
			var degrees float64
			if _, err := fmt.Sscanf(string(line), "temp=%f", &degrees); err != nil {
				t.Fatal(err)
			}
			at := time.Duration(n) * instruments[pump].period
			switch {
			case !hot && degrees > 80:
				hot = true
				if spells++; spells == 1 {
					first = at
				}
			case hot && degrees < 75:
				hot = false
				if spells == 1 {
					cleared = at
				}
				if spell := at - first; spells == 1 && spell < 20*time.Second {
					t.Errorf("seed %d: hot for %v only", seed, spell)
				}
			}
			if blocked := bytes.Contains(line, []byte("state=blocked")); degrees > 80 && n < 10 && !blocked {
				t.Errorf("seed %d: hot before it is blocked", seed)
			}
		}
		if first == 0 || cleared == 0 || cleared > time.Minute || spells < 2 {
			t.Errorf("seed %d: hot from %v to %v, %d times in ten minutes", seed, first, cleared, spells)
		}
	}
}
