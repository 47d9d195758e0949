// Package cuttest lets a package's tests lose power: see package powercut. Tests are short unless POWER_CUTS says how many cuts each campaign makes.
package cuttest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"fieldpost/powercut"
)

// serve names the folder on which a test binary shows a disk instead of testing.
const serve = "POWER_CUT_SERVE"

// Main is TestMain's body in packages that call Mount.
func Main(m *testing.M) {
	if !Served() {
		os.Exit(m.Run())
	}
}

// Served is for a TestMain that does more: it reports whether this process was a disk, and has been.
func Served() bool {
	dir := os.Getenv(serve)
	if dir == "" {
		return false
	}
	if err := powercut.Serve(dir, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return true
}

// Count is how many cuts a campaign makes.
func Count(t *testing.T) int {
	t.Helper()
	s := os.Getenv("POWER_CUTS")
	if s == "" {
		return 12
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		t.Fatalf("POWER_CUTS is %q, not a number of cuts", s)
	}
	return n
}

// Mount mounts a disk that can lose power for the duration of the test, which is skipped where FUSE cannot be had.
func Mount(t *testing.T) *powercut.Mounted {
	t.Helper()
	if f, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0); err != nil {
		t.Skipf("no FUSE here, so no power can be cut: %v; TestPowerCutReplayed, where there is one, plays a recorded disk all the same", err)
	} else {
		f.Close()
	}
	if os.Getuid() != 0 {
		t.Skip("mounting needs root; TestPowerCutReplayed, where there is one, plays a recorded disk all the same")
	}
	dir := filepath.Join(t.TempDir(), "disk")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), serve+"="+dir)
	cmd.Stderr = t.Output()
	m, err := powercut.Mount(dir, cmd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

// Copy makes dst, which may lie on a mounted disk, a copy of src.
func Copy(t *testing.T, dst, src string) {
	t.Helper()
	err := filepath.WalkDir(src, func(path string, d fs.DirEntry, err error) error {
		to := filepath.Join(dst, strings.TrimPrefix(path, src))
		if err != nil || d.IsDir() {
			return errors.Join(err, os.MkdirAll(to, 0o700))
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return powercut.WriteSparse(to, b)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TempDir is t.TempDir in memory where that can be had: what is read back after a cut need not be durable itself.
func TempDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "powercut-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}
