package front

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"fieldpost/journal/durable"

	"golang.org/x/sys/unix"
)

const (
	prefix             = "front."
	tempSuffix         = ".tmp"
	damagedInfix       = ".damaged-"
	nameDigits         = 20
	block              = 4 << 10  // bytes: a page, and what a disk gives or not
	maxFile      int64 = 64 << 20 // bytes of a file that are read
)

// file is one generation.
type file struct {
	path       string
	generation uint64
	f          *os.File // nil: nothing is appended any more
	size       int64
	at         int64               // where the last record ends
	number     uint64              // of the last record
	waiting    map[string]struct{} // the journals that have something in it; under the front's mu
}

func (f *file) fits(n int) bool { return f.f != nil && f.place(n)+int64(n) <= f.size }

// place returns where a record of n bytes goes: next, but not into two blocks if one will do, for a sync writes all of both.
func (f *file) place(n int) int64 {
	if left := block - f.at%block; n <= block && int64(n) > left {
		return f.at + left
	}
	return f.at
}

// append writes a record of parts and makes it durable.
func (f *file) append(buf []byte, parts []part) ([]byte, error) {
	buf = appendRecord(buf[:0], f.generation, f.number+1, parts...)
	at := f.place(len(buf))
	if _, err := f.f.WriteAt(buf, at); err != nil {
		return buf, err
	}
	if err := unix.Fdatasync(int(f.f.Fd())); err != nil {
		return buf, &os.PathError{Op: "sync", Path: f.path, Err: err}
	}
	f.at = at + int64(len(buf))
	f.number++
	return buf, nil
}

// spend makes f one that is not appended to.
func (f *file) spend() {
	if f.f != nil {
		f.f.Close() // what was to be durable was synced
		f.f = nil
	}
}

func pathOf(dir string, generation uint64) string {
	return filepath.Join(dir, fmt.Sprintf("%s%0*d", prefix, nameDigits, generation))
}

// create makes the file of a generation: bytes written and synced, under its name durably, and with the binding in it.
func create(dir, binding string, generation uint64, size int64) (*file, error) {
	f := &file{path: pathOf(dir, generation), generation: generation, size: size, waiting: map[string]struct{}{}}
	temp := f.path + tempSuffix
	file, err := os.OpenFile(temp, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	first := appendRecord(nil, generation, 1, part{payload: []byte(binding)})
	image := make([]byte, max(size, int64(len(first))))
	copy(image, first)
	// Block by block: of one large write the kernel would make one large page, which every small write after it dirties whole.
	for at := 0; at < len(image) && err == nil; at += block {
		_, err = file.Write(image[at:min(at+block, len(image))])
	}
	if err == nil {
		err = file.Sync()
	}
	if err == nil {
		err = durable.Rename(temp, f.path)
	}
	if err != nil {
		_ = os.Remove(temp) // gives a full disk its room back
		_ = os.Remove(f.path)
		return nil, errors.Join(err, file.Close())
	}
	f.f, f.at, f.number = file, int64(len(first)), 1
	return f, nil
}

// list returns the generations in dir, oldest first, and what of them was being made.
func list(dir string) (generations []uint64, temps []string, err error) {
	names, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil, err
	}
	for _, n := range names {
		digits, ok := strings.CutPrefix(n.Name(), prefix)
		if !ok {
			continue
		}
		digits, temp := strings.CutSuffix(digits, tempSuffix)
		generation, err := strconv.ParseUint(digits, 10, 64)
		switch {
		case err != nil || len(digits) != nameDigits:
		case temp:
			temps = append(temps, filepath.Join(dir, n.Name()))
		default:
			generations = append(generations, generation)
		}
	}
	slices.Sort(generations)
	return generations, temps, nil
}

// read returns what is in the file at path, with zeros where the disk does not give its blocks, which makes it unsound.
func read(path string) (b []byte, sound bool, err error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0) // a pipe under this name would hold us for ever
	if err != nil {
		return nil, false, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, false, err
	}
	if !info.Mode().IsRegular() {
		return nil, false, nil
	}
	b = make([]byte, min(info.Size(), maxFile))
	sound = true
	for at := 0; at < len(b); at += block {
		part := b[at:min(at+block, len(b))]
		if _, err := f.ReadAt(part, int64(at)); err != nil && err != io.EOF {
			clear(part)
			sound = false
		}
	}
	return b, sound, nil
}

// setAside keeps the damaged file at path under another name as well, which it returns.
func setAside(path string) (aside string, err error) {
	for n := 1; ; n++ {
		aside = path + damagedInfix + strconv.Itoa(n)
		if err := os.Link(path, aside); !errors.Is(err, os.ErrExist) {
			return aside, err
		}
	}
}
