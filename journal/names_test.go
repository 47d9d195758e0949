package journal_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"fieldpost/journal"
	"fieldpost/powercut"
	"fieldpost/powercut/cuttest"
)

// TestNameGivenAndNotSynced opens what a process left that was killed between giving a file its name and syncing the folder: what is promised
// under that name from then on is there after a loss of power.
func TestNameGivenAndNotSynced(t *testing.T) {
	bareRun(t)
	m := cuttest.Mount(t)
	for _, c := range []struct {
		kind string
		put  func(dir string, value []byte) error
		get  func(dir string) ([]byte, error)
	}{
		{"segment", putEntry, lastEntry},
		{"state", putState, state},
	} {
		t.Run(c.kind, func(t *testing.T) {
			for seed := range uint64(20) {
				name := fmt.Sprint(c.kind, seed)
				dir := filepath.Join(m.Dir, name)
				check(t, c.put(dir, []byte("before")))
				takeNames(t, m, dir)
				want := []byte("promised")
				check(t, c.put(dir, want))
				left := filepath.Join(cuttest.TempDir(t), "left")
				_, err := m.Cut(name, left, seed)
				check(t, err)
				got, err := c.get(left)
				check(t, err)
				if !bytes.Equal(got, want) {
					t.Fatalf("seed %d: %q was promised, and %q is there", seed, want, got)
				}
				check(t, m.Forget(name))
			}
		})
	}
}

// takeNames gives the files in dir, of which the disk knows other names, their own names again.
func takeNames(t *testing.T, m *powercut.Mounted, dir string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.[sd][eb]*"))
	check(t, err)
	if len(files) == 0 {
		t.Fatal("there is no file")
	}
	for _, f := range files {
		check(t, os.Rename(f, f+".tmp"))
	}
	check(t, m.Settle())
	for _, f := range files {
		check(t, os.Rename(f+".tmp", f))
	}
}

func putEntry(dir string, value []byte) error {
	j, _, err := journal.Open(dir, journal.Options{Binding: binding})
	if err != nil {
		return err
	}
	if err := j.Append(journal.Entry{Count: 1, Data: value}); err != nil {
		return err
	}
	return j.Close()
}

func lastEntry(dir string) ([]byte, error) {
	j, _, err := journal.Open(dir, journal.Options{Binding: binding})
	if err != nil {
		return nil, err
	}
	entries, err := j.Read(0, 1<<20)
	if err != nil || len(entries) == 0 {
		return nil, err
	}
	return entries[len(entries)-1].Data, j.Close()
}

func putState(dir string, value []byte) error {
	s, _, err := journal.OpenState(filepath.Join(dir, "state.db"), binding)
	if err != nil {
		return err
	}
	if err := s.Update(map[string][]byte{"key": value}); err != nil {
		return err
	}
	return s.Close()
}

func state(dir string) ([]byte, error) {
	s, _, err := journal.OpenState(filepath.Join(dir, "state.db"), binding)
	if err != nil {
		return nil, err
	}
	value, err := s.Get("key")
	if err != nil {
		return nil, err
	}
	return value, s.Close()
}
