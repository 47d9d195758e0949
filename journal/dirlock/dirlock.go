// Package dirlock keeps two processes from the same data.
package dirlock

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// ErrHeld is wrapped by Take when another process holds the folder.
var ErrHeld = errors.New("held by another process")

// Lock is a folder or file held by this process. The kernel lets go of it when the process ends, however it ends.
type Lock struct{ file *os.File }

// Take locks dir, which must exist, through the file `lock` in it.
func Take(dir string) (*Lock, error) {
	l, err := TakeFile(filepath.Join(dir, "lock"))
	if err != nil {
		return nil, fmt.Errorf("use folder %s: %w", dir, err)
	}
	return l, nil
}

// TakeFile locks through the file at path, which names the holder's process id. If the file may not be written the error says whose it is.
func TakeFile(path string) (*Lock, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, explain(path, err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		defer f.Close()
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		holder := ""
		if b, err := os.ReadFile(path); err == nil && len(b) > 0 {
			holder = " (process " + strings.TrimSpace(string(b)) + ")"
		}
		return nil, fmt.Errorf("%s: %w%s: stop that one first, or use another folder", path, ErrHeld, holder)
	}
	// Only for the message above: a full disk must not keep a node from starting.
	if f.Truncate(0) == nil {
		_, _ = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	return &Lock{f}, nil
}

// explain adds what an operator can do about a lock that this process may not write.
func explain(path string, err error) error {
	switch {
	case errors.Is(err, unix.EROFS):
		return fmt.Errorf("%w; mount it for writing, name a folder elsewhere, or add it to ReadWritePaths of the service", err)
	case errors.Is(err, os.ErrPermission):
		folder := filepath.Dir(path)
		return fmt.Errorf("%w; this process runs as %s, and %s: run it as the service's user, or give that user the folder with all that is in it (chown -R)",
			err, userName(os.Geteuid()), ownership(path, folder))
	}
	return err
}

// ownership says whose the lock file is, or else the folder.
func ownership(path, folder string) string {
	for _, name := range []string{path, folder} {
		var st unix.Stat_t
		if unix.Stat(name, &st) == nil {
			return fmt.Sprintf("%s belongs to %s (mode %04o)", name, userName(int(st.Uid)), st.Mode&0o7777)
		}
	}
	return folder + " cannot be looked into"
}

// userName is a user's name, or the number where the system knows no name.
func userName(id int) string {
	n := strconv.Itoa(id)
	if u, err := user.LookupId(n); err == nil {
		return "user " + u.Username
	}
	return "user " + n
}

// Release lets go. The file stays, so that nobody can lock a name that was just unlinked.
func (l *Lock) Release() error { return l.file.Close() }
