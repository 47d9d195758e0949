package store

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"fieldpost/configs/setting"
)

// ErrFull is wrapped where the disk has too little room for more. Nothing was touched, and it may be tried again.
var ErrFull = errors.New("disk is full")

// reserve is kept free on the disk: the state file, an index and bbolt's own growth need room while nothing more is taken in, and so that
// opening works after.
const reserve = 32 << 20

// roomFor returns nil if n bytes more fit on the disk, or an error that wraps ErrFull.
func (s *Store) roomFor(n int64) error {
	free, err := s.free()
	if err != nil {
		return fmt.Errorf("ask for free space in %s: %w", s.dir, err)
	}
	for free < n+s.reserve && s.disk.reader.DropOldestBlock() {
		if free, err = s.free(); err != nil {
			return fmt.Errorf("ask for free space in %s: %w", s.dir, err)
		}
	}
	if free >= n+s.reserve {
		if s.full.Swap(nil) != nil {
			s.log.Info("disk has room again")
		}
		return nil
	}
	e := fmt.Errorf("%w: %s free in %s, %s are kept in reserve; make room, or set retention max_size or max_age",
		ErrFull, setting.Size(free>>20<<20), s.dir, setting.Size(s.reserve))
	if s.full.Swap(&e) == nil {
		s.log.Error("disk is full: nothing more is taken in, and nodes keep what they have", "err", e)
	}
	return e
}

// freeSpace returns the bytes that this process may still write to the file system of dir.
func freeSpace(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return int64(st.Bavail) * int64(st.Bsize), nil
}
