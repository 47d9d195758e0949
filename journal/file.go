package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"fieldpost/journal/durable"
)

const (
	segmentSuffix = ".seg"
	tempSuffix    = ".tmp"
	damagedInfix  = ".damaged-"
	nameDigits    = 20
)

// baseName returns the name of a segment's files without their suffix.
func baseName(first uint64) string { return fmt.Sprintf("%0*d", nameDigits, first) }

// parseName returns the first position that a segment file's name tells.
func parseName(name string) (first uint64, ok bool) {
	digits, ok := strings.CutSuffix(name, segmentSuffix)
	if !ok || len(digits) != nameDigits {
		return 0, false
	}
	first, err := strconv.ParseUint(digits, 10, 64)
	return first, err == nil
}

// openRead opens a segment to read. A file that forbids it, though it is ours, is made readable. What is not a file is damage.
func openRead(path string) (*os.File, error) {
	open := func() (*os.File, error) {
		// Without O_NONBLOCK a pipe under this name would hold us for ever.
		return os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	}
	f, err := open()
	if errors.Is(err, fs.ErrPermission) && os.Chmod(path, 0o600) == nil {
		f, err = open()
	}
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = damaged("%s is not a file", path)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// diskSize returns the bytes that path takes on disk; bbolt's files have holes.
func diskSize(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return st.Blocks * 512
	}
	return info.Size()
}

// place makes the finished temporary file temp durable under path.
func place(temp, path string) error {
	if err := durable.Sync(temp); err != nil {
		return err
	}
	return durable.Rename(temp, path)
}

// setAside gives the damaged file at path another name, which it returns, and keeps it at path too where it can, so that
// place replaces it in one step. An earlier attempt that a crash cut off is taken up again.
func setAside(path string) (aside string, err error) {
	for n := 1; ; n++ {
		aside = path + damagedInfix + strconv.Itoa(n)
		old, err := os.Lstat(aside)
		if errors.Is(err, fs.ErrNotExist) {
			break
		}
		if now, err2 := os.Lstat(path); err == nil && err2 == nil && os.SameFile(old, now) {
			return aside, nil
		}
	}
	if os.Link(path, aside) == nil {
		return aside, nil
	}
	// A folder, or a file system without links.
	return aside, os.Rename(path, aside)
}

// removeSiblings removes what others keep beside the segment at path (an index) and is worth nothing without it. The segment's
// damaged forms stay.
func removeSiblings(path string, except ...string) error {
	base := strings.TrimSuffix(path, segmentSuffix)
	found, err := filepath.Glob(globQuote(base) + ".*")
	if err != nil {
		return err
	}
	var errs []error
	for _, p := range found {
		if p != path && !slices.Contains(except, p) && !strings.Contains(filepath.Base(p), damagedInfix) {
			errs = append(errs, os.Remove(p))
		}
	}
	return errors.Join(errs...)
}

// globQuote makes a path safe as a pattern.
func globQuote(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}
