package measure_test

import (
	"os"
	"os/exec"
	"testing"
)

// binaries builds what is measured.
func binaries(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	build := exec.Command("go", "build", "-o", dir+"/", "fieldpost/cmd/fieldpost-edge", "fieldpost/cmd/fieldpost-gateway", "fieldpost/cmd/fieldpost-bench")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the commands: %v\n%s", err, out)
	}
	return dir
}
