package torture_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"fieldpost/torture"
)

// TestSchedules is the campaign in short, always the same: fieldpost-bench torture runs as many schedules as one likes.
func TestSchedules(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute")
	}
	bin := t.TempDir()
	build := exec.Command("go", "build", "-o", bin+"/", "../cmd/fieldpost-edge", "../cmd/fieldpost-gateway", "../cmd/fieldpost-bench")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the commands: %v\n%s", err, out)
	}
	// Two links and a clock that steps, an outside broker, little room, a plain site, a bridging broker.
	for _, seed := range []uint64{1, 2, 3, 4, 22} {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			report, err := torture.Run(t.Context(), torture.Options{
				Edge: filepath.Join(bin, "fieldpost-edge"), Gateway: filepath.Join(bin, "fieldpost-gateway"), Bench: filepath.Join(bin, "fieldpost-bench"),
				Dir: filepath.Join(t.TempDir(), "site"), Seed: seed, Actions: 12, Log: t.Output(),
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := torture.Print(t.Output(), []torture.Report{report}); err != nil {
				t.Fatal(err)
			}
			if report.Failed() {
				t.Error("the promise was broken")
			}
			for _, a := range report.Lanes {
				least := 100
				if a.Lane == "alarm" {
					least = 5
				}
				if a.Committed < least || a.Delivered < least {
					t.Errorf("lane %s: only %d committed and %d delivered", a.Lane, a.Committed, a.Delivered)
				}
			}
		})
	}
}
