package dense

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// What all recordings are coded to, warm, in frames of 60 records each. Whatever changes one of these changes the format: frames that are under way, and states
// that a gateway keeps, are worth nothing then.
var golden = map[Effort]string{
	Light: "69a09b4aded5dd711b3e5f9369daa2c365627a7e324ee7ad572efeca2a33f64a",
	Full:  "3db640a7ecf9d3b165b9938706bae2ffdbcd710d5efa1988fa2e1ebe6031bff5",
}

func TestGolden(t *testing.T) {
	for effort, want := range golden {
		sum := sha256.New()
		for _, r := range all(t) {
			recs := recordsOf(t, r)
			l := &link{t: t, e: NewEncoder(effort), next: 1}
			for at := 0; at < min(len(recs), 2400); at += 60 {
				b, s := l.send(recs[at:min(at+60, len(recs))], l.last)
				sum.Write(b)
				l.last = s
			}
		}
		if got := hex.EncodeToString(sum.Sum(nil)); got != want {
			t.Errorf("effort %d: frames have the sum %s, want %s", effort, got, want)
		}
	}
}

// The same frames on every processor that an edge or a gateway runs on, and on one that counts its bytes the other way. Determinism is safety here: two
// processors that err by one last digit have two models.
func TestOtherProcessors(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and emulates three processors")
	}
	for _, p := range []struct{ arch, arm, emulator string }{{"arm64", "", "qemu-aarch64"}, {"arm", "6", "qemu-arm"}, {"s390x", "", "qemu-s390x"}} {
		t.Run(p.arch, func(t *testing.T) {
			t.Parallel()
			emulator, err := exec.LookPath(p.emulator)
			if err != nil {
				t.Skipf("no %s here; scripts/setup installs it", p.emulator)
			}
			binary := filepath.Join(t.TempDir(), "dense.test")
			build := exec.CommandContext(t.Context(), "go", "test", "-c", "-o", binary, ".")
			build.Env = append(os.Environ(), "GOOS=linux", "CGO_ENABLED=0", "GOARCH="+p.arch, "GOARM="+p.arm)
			if out, err := build.CombinedOutput(); err != nil {
				t.Fatalf("build: %v\n%s", err, out)
			}
			if out, err := exec.CommandContext(t.Context(), emulator, binary, "-test.run", "^TestGolden$").CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}
