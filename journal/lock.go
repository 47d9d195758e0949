package journal

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// lock takes the lock file at path, which names the process that holds it. The lock goes with the process, the file stays.
func lock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		defer f.Close()
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		if b, _ := os.ReadFile(path); len(b) > 0 {
			return nil, fmt.Errorf("%s: %w (process %s): stop it first", path, ErrHeld, strings.TrimSpace(string(b)))
		}
		return nil, fmt.Errorf("%s: %w: stop it first", path, ErrHeld)
	}
	// Only for the message above: a full disk is no reason to stop here.
	if f.Truncate(0) == nil {
		_, _ = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	return f, nil
}
