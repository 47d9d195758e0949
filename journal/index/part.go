package index

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"sort"
	"sync"
	"sync/atomic"
)

// DamageError tells that a side file turned out damaged after Open. Drop its segment's postings, add them again and Seal.
type DamageError struct {
	First uint64 // of the segment
	Path  string
	Err   error // wraps ErrDamaged
}

func (e *DamageError) Error() string { return fmt.Sprintf("index %s: %v", e.Path, e.Err) }
func (e *DamageError) Unwrap() error { return e.Err }

// part is the side file of a sealed segment. Only its header is in memory.
type part struct {
	header
	path  string
	gone  atomic.Bool // dropped or replaced: that it cannot be read is no error
	check sync.Mutex
	sound bool // the directory's checksum was found right
}

// openPart reads the header.
func openPart(path string) (*part, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, damaged("not a file")
	}
	b := make([]byte, headerSize)
	if _, err := f.ReadAt(b, 0); err != nil && err != io.EOF {
		return nil, err
	}
	h, err := parseHeader(b, info.Size())
	if err != nil {
		return nil, err
	}
	return &part{header: h, path: path}, nil
}

// reader is a part open for reading.
type reader struct {
	*part
	f     *os.File
	users int // of a selection
}

// open opens the part and, the first time, checks its directory.
func (p *part) open() (*reader, error) {
	f, err := os.Open(p.path)
	if err != nil {
		return nil, err
	}
	if err := p.checkDirectory(f); err != nil {
		f.Close()
		return nil, err
	}
	return &reader{part: p, f: f}, nil
}

func (p *part) checkDirectory(f *os.File) error {
	p.check.Lock()
	defer p.check.Unlock()
	if p.sound {
		return nil
	}
	sum := crc32.New(castagnoli)
	n, err := io.Copy(sum, io.NewSectionReader(f, int64(p.directory), int64(p.series)*entrySize))
	if err != nil {
		return err
	}
	if n != int64(p.series)*entrySize || sum.Sum32() != p.sum {
		return damaged("directory has a bad checksum")
	}
	p.sound = true
	return nil
}

// fault gives an error of reading its place, or returns nil if the part was dropped or replaced meanwhile.
func (p *part) fault(err error) error {
	switch {
	case p.gone.Load():
		return nil
	case errors.Is(err, os.ErrNotExist):
		err = damaged("the file is gone")
	case !errors.Is(err, ErrDamaged):
		return fmt.Errorf("read index: %w", err)
	}
	return &DamageError{p.first, p.path, err}
}

func (r *reader) at(i int) (entry, error) {
	var b [entrySize]byte
	if err := r.read(b[:], r.directory+uint64(i)*entrySize); err != nil {
		return entry{}, err
	}
	return parseEntry(b[:]), nil
}

func (r *reader) read(b []byte, off uint64) error {
	if _, err := r.f.ReadAt(b, int64(off)); err == io.EOF {
		return damaged("cut off at %d", off)
	} else if err != nil {
		return err
	}
	return nil
}

// find looks a series up in the directory.
func (r *reader) find(series uint64) (e entry, ok bool, err error) {
	i := sort.Search(int(r.series), func(i int) bool {
		var b [8]byte
		if err2 := r.read(b[:], r.directory+uint64(i)*entrySize); err2 != nil {
			err = err2
			return true
		}
		return binary.BigEndian.Uint64(b[:]) >= series
	})
	if err != nil || i == int(r.series) {
		return e, false, err
	}
	e, err = r.at(i)
	return e, err == nil && e.series == series, err
}

// block reads the block of a series at off.
func (r *reader) block(series, off uint64) (block, error) {
	buf := make([]byte, blockHead+maxPayload)
	if off < headerSize || off >= r.directory {
		return block{}, damaged("block at %d", off)
	}
	b := buf[:min(uint64(len(buf)), r.directory-off)]
	if err := r.read(b, off); err != nil {
		return block{}, err
	}
	return parseBlock(b, series, r.first, r.next)
}
