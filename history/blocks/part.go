package blocks

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"sort"
	"sync"

	"fieldpost/telemetry"
)

// DamageError tells that a part turned out damaged or gone after it was opened. Forget it: the journal has all that was in it.
type DamageError struct {
	Path string
	Err  error // wraps ErrDamaged
	part *part
}

func (e *DamageError) Error() string { return fmt.Sprintf("blocks %s: %v", e.Path, e.Err) }
func (e *DamageError) Unwrap() error { return e.Err }

// part is one file. Only its trailer is in memory.
type part struct {
	trailer
	path string
	size int64

	users int  // views; the set's lock guards it
	gone  bool // replaced or dropped: to be unlinked by the last user

	check sync.Mutex
	sound bool // the directory's checksum was found right
}

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
	if !info.Mode().IsRegular() || info.Size() < trailerSize {
		return nil, damaged("not a whole file")
	}
	b := make([]byte, trailerSize)
	if _, err := f.ReadAt(b, info.Size()-trailerSize); err != nil {
		return nil, err
	}
	t, err := parseTrailer(b, info.Size())
	if err != nil {
		return nil, err
	}
	return &part{trailer: t, path: path, size: info.Size()}, nil
}

// fault makes the error of what went wrong when the part was read.
func (p *part) fault(err error) error {
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = damaged("%v", err)
	}
	if errors.Is(err, ErrDamaged) {
		return &DamageError{p.path, err, p}
	}
	return fmt.Errorf("read blocks: %w", err)
}

// smallDirectory is read whole, a larger one where a search leads.
const smallDirectory = 64 << 10

// find returns where the chunks of s are listed. Several entries can have one key.
func (p *part) find(f *os.File, s telemetry.Series) ([]entry, error) {
	if err := p.checkDirectory(f); err != nil {
		return nil, err
	}
	n := int(p.groups)
	var src io.ReaderAt = io.NewSectionReader(f, int64(p.directory), int64(n)*entrySize)
	if n*entrySize <= smallDirectory {
		b := make([]byte, n*entrySize)
		if _, err := src.ReadAt(b, 0); err != nil && !(err == io.EOF && n == 0) {
			return nil, err
		}
		src = inMemory(b)
	}
	var failed error
	at := func(i int) (e entry) {
		var b [entrySize]byte
		if _, err := src.ReadAt(b[:], int64(i)*entrySize); err != nil && failed == nil {
			failed = err
		}
		return parseEntry(b[:])
	}
	key := keyOf(s)
	i := sort.Search(n, func(i int) bool { return at(i).key >= key })
	var out []entry
	for ; i < n && failed == nil; i++ {
		e := at(i)
		if e.key != key {
			break
		}
		out = append(out, e)
	}
	return out, failed
}

type inMemory []byte

func (m inMemory) ReadAt(b []byte, off int64) (int, error) {
	if off+int64(len(b)) > int64(len(m)) {
		return 0, io.ErrUnexpectedEOF
	}
	return copy(b, m[off:]), nil
}

func (p *part) checkDirectory(f *os.File) error {
	p.check.Lock()
	defer p.check.Unlock()
	if p.sound {
		return nil
	}
	sum := crc32.New(castagnoli)
	n, err := io.Copy(sum, io.NewSectionReader(f, int64(p.directory), int64(p.groups)*entrySize))
	if err != nil {
		return err
	}
	if n != int64(p.groups)*entrySize || sum.Sum32() != p.sum {
		return damaged("directory has a bad checksum")
	}
	p.sound = true
	return nil
}

// chunks reads the group at e. It returns none if the group is another series'.
func (p *part) chunks(f *os.File, e entry, s telemetry.Series) ([]Chunk, error) {
	if e.off > p.directory || uint64(e.size) > p.directory-e.off {
		return nil, damaged("group at %d", e.off)
	}
	b := make([]byte, e.size)
	if _, err := f.ReadAt(b, int64(e.off)); err != nil {
		return nil, err
	}
	name, chunks, err := parseGroup(b, p)
	if err != nil || name != s {
		return nil, err
	}
	return chunks, nil
}
