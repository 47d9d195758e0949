package dirlock_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"fieldpost/journal/dirlock"
)

func TestOneHolderAtATime(t *testing.T) {
	dir := t.TempDir()
	first, err := dirlock.Take(dir)
	if err != nil {
		t.Fatal(err)
	}
	// The kernel's lock belongs to the open file, so that a second try in this process stands for another process.
	if _, err := dirlock.Take(dir); !errors.Is(err, dirlock.ErrHeld) || !strings.Contains(err.Error(), fmt.Sprint(os.Getpid())) {
		t.Fatalf("second: %v, want ErrHeld and the holder's process id", err)
	}
	if err := first.Release(); err != nil {
		t.Fatal(err)
	}
	again, err := dirlock.Take(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Release(); err != nil {
		t.Fatal(err)
	}
	if _, err := dirlock.Take(dir + "/nowhere"); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("no folder: %v", err)
	}
}
