package measure_test

import (
	"os"
	"os/exec"
	"testing"

	"fieldpost/measure"
)

// The measurement can be carried out, and all that was taken arrives. What it measures is for cmd/fieldpost-bench to show: no test is timed.
func TestOutage(t *testing.T) {
	bin := t.TempDir()
	build := exec.Command("go", "build", "-o", bin+"/", "fieldpost/cmd/fieldpost-edge", "fieldpost/cmd/fieldpost-gateway")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the commands: %v\n%s", err, out)
	}
	r, err := measure.Outage(t.Context(), measure.OutageOptions{
		Bin: bin, Dir: t.TempDir(), Backlog: 200_000, Events: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", r)
	if len(r.Event) != 1 || r.First <= 0 || r.Resident <= 0 || r.Draining <= 0 || r.Drain <= 0 || r.Used <= 0 {
		t.Errorf("something was not measured: %+v", r)
	}
}
