// Package dirlock keeps two processes from the same data folder.
package dirlock

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// ErrHeld is wrapped by Take when another process holds the folder.
var ErrHeld = errors.New("held by another process")

// Lock is a folder held by this process. The kernel lets go of it when the process ends, however it ends.
type Lock struct{ file *os.File }

// Take locks dir, which must exist, through the file `lock` in it, which names the holder's process id.
func Take(dir string) (*Lock, error) {
	name := filepath.Join(dir, "lock")
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock folder %s: %w", dir, err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		defer f.Close()
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("lock folder %s: %w", dir, err)
		}
		holder := "another process"
		if b, err := os.ReadFile(name); err == nil && len(b) > 0 {
			holder = "process " + strings.TrimSpace(string(b))
		}
		return nil, fmt.Errorf("folder %s is in use by %s; stop that one first, or use another folder: %w", dir, holder, ErrHeld)
	}
	if err := errors.Join(f.Truncate(0), writeAt(f, fmt.Sprintf("%d\n", os.Getpid()))); err != nil {
		// A full disk must not keep a node from starting: the lock holds without the name in it.
		return &Lock{f}, nil //nolint:nilerr
	}
	return &Lock{f}, nil
}

func writeAt(f *os.File, s string) error {
	_, err := f.WriteAt([]byte(s), 0)
	return err
}

// Release lets go of the folder. The file stays, so that nobody can lock a name that was just unlinked.
func (l *Lock) Release() error { return l.file.Close() }
