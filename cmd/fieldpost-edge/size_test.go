package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"fieldpost/configs/schema"
)

// budget is the most that a stripped edge may weigh, in bytes. What takes it up unnoticed fails here. It was 12 MiB until patterns came:
// github.com/expr-lang/expr brings 2.4 MB, most of it functions that no pattern may call, but which the linker cannot tell from those that may.
const budget = 14 << 20

// TestEdgeStaysSmall builds the edge as it ships, for each target, and weighs it.
func TestEdgeStaysSmall(t *testing.T) {
	if testing.Short() {
		t.Skip("cross-compiles three times")
	}
	for _, arch := range []string{"amd64", "arm64", "arm"} {
		out := filepath.Join(t.TempDir(), "edge")
		build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", out, ".")
		build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch, "GOARM=6", "GOFLAGS=-buildvcs=false")
		if msg, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", arch, err, msg)
		}
		s, err := os.Stat(out)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d bytes", arch, s.Size())
		if s.Size() > budget {
			t.Errorf("%s: the edge weighs %d bytes, more than its budget of %d", arch, s.Size(), budget)
		}
		linked, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(linked, []byte(schema.Device)) || bytes.Contains(linked, []byte(schema.Gateway)) {
			t.Errorf("%s: the edge must hold the schema of device files, and not that of gateways", arch)
		}
	}
}

// TestEdgeLinksNoGateway looks at everything the edge links.
func TestEdgeLinksNoGateway(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, pkg := range strings.Fields(string(out)) {
		for prefix, reason := range map[string]string{
			"fieldpost/gateway":             "a Pi must not carry the gateway",
			"fieldpost/configs/gatewayfile": "its form is not the edge's",
			"fieldpost/configs/schema/":     "schemas are made by tests",
			"go/parser":                     "source is read by tests",
			"github.com/mochi-mqtt":         "the broker is the gateway's",
			"github.com/creack/pty":         "ptys are for tests and the demo",
			"golang.org/x/crypto/bcrypt":    "passwords are checked at the gateway",
		} {
			if strings.HasPrefix(pkg, prefix) {
				t.Errorf("the edge links %s: %s", pkg, reason)
			}
		}
	}
}
