package journal

import (
	"errors"
	"fmt"
	"strings"
	"syscall"

	"fieldpost/journal/dirlock"
	"fieldpost/journal/internal/pages"
)

// Errors that callers decide by. They are wrapped with detail. A full disk is syscall.ENOSPC.
var (
	ErrBinding  = errors.New("journal belongs to another")
	ErrNotFound = errors.New("not in the journal")
	ErrClosed   = errors.New("journal closed")
	ErrHeld     = dirlock.ErrHeld
	ErrDamaged  = errors.New("damaged")
	ErrStop     = errors.New("stop") // returned by a callback to end an iteration quietly
)

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrDamaged, fmt.Sprintf(format, args...))
}

// diskError gives back the errno that bbolt turns into text where it grows or maps a file.
func diskError(err error) error {
	if err == nil {
		return nil
	}
	for _, no := range []syscall.Errno{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG, syscall.EROFS, syscall.EIO, syscall.ENOMEM} {
		if !errors.Is(err, no) && strings.HasSuffix(err.Error(), ": "+no.Error()) {
			return fmt.Errorf("%s: %w", strings.TrimSuffix(err.Error(), ": "+no.Error()), no)
		}
	}
	return err
}

// isDamage reports whether err is about what is in a file, or on its blocks, and not about this process or the disk as a whole.
func isDamage(err error) bool {
	for _, e := range []error{ErrDamaged, pages.ErrDamaged, syscall.EIO, syscall.EISDIR, syscall.ELOOP, syscall.EACCES, syscall.EPERM, syscall.EUCLEAN} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
