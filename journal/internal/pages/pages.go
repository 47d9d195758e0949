// Package pages reads bbolt's file format (version 2) without bbolt: with bounded memory and depth, through ReadAt, and
// never panicking whatever the bytes are.
//
// Why not bbolt for that? On a damaged file bbolt panics in goroutines of its own (it rebuilds the free list in one while
// opening), where no recover of ours reaches; it follows a branch page that points at itself until the stack ends; and it reads
// through a memory map, where a bad block of a card is a SIGBUS and not an error. So a file is proved with Check before bbolt opens
// it for writing, and files that are no longer written are read here, without a map, which also spares the address space of 32-bit machines.
//
// What is read, all in the byte order of the machine, as bbolt writes it:
//
//	page      u64 id | u16 flags (1 branch, 2 leaf, 4 meta) | u16 count | u32 overflow: pages that follow and belong to it | elements
//	meta      (pages 0 and 1) u32 magic ED0CDAED | u32 version 2 | u32 page size | u32 flags | u64 root page | u64 sequence |
//	          u64 freelist page | u64 pages in use | u64 transaction | u64 FNV-1a of the 56 bytes before
//	branch    count × (u32 pos | u32 key size | u64 page), keys
//	leaf      count × (u32 flags: 1 bucket | u32 pos | u32 key size | u32 value size), keys and values
//	bucket    (value in the root) u64 root page or 0 | u64 sequence | for 0: a leaf page, inline
//
// pos counts from the start of its element. Only files as Fieldpost writes them are read: buckets at the root hold plain
// pairs, and the free list is not stored.
package pages

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
)

// ErrDamaged is wrapped by every error that the content of the file gives. Errors of the reader underneath are passed on as they are.
var ErrDamaged = errors.New("damaged file")

const (
	magic      = 0xED0CDAED
	version    = 2
	noFreelist = 1<<64 - 1

	headerSize = 16 // of a page, and of a bucket
	elemSize   = 16 // of an element, branch and leaf alike
	metaSize   = 64

	branchFlag = 1
	leafFlag   = 2
	metaFlag   = 4
	bucketFlag = 1

	minPageSize = 1024
	maxPageSize = 64 << 10
	maxDepth    = 32      // a tree of the largest file with the fewest children per page is less deep
	maxBranch   = 1 << 20 // bytes of a branch page that are read at once
)

var order = binary.NativeEndian

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrDamaged, fmt.Sprintf(format, args...))
}

// File is an open file at its last whole transaction. It must not be written to meanwhile. Safe for concurrent use if r is.
type File struct {
	r        io.ReaderAt
	pageSize int
	root     uint64
	used     uint64 // pages in use: all ids are below
}

// Open reads the two meta pages of a file of size bytes and takes the later one that is whole, as bbolt does.
func Open(r io.ReaderAt, size int64) (*File, error) {
	m, err := readMeta(r, 0)
	if err != nil && !errors.Is(err, ErrDamaged) {
		return nil, err
	}
	// The second meta page lies one page further; if the first cannot say how long a page is, each length is tried.
	for n := minPageSize; n <= maxPageSize; n *= 2 {
		if m != nil && n != m.pageSize {
			continue
		}
		second, err := readMeta(r, int64(n))
		if err != nil && !errors.Is(err, ErrDamaged) {
			return nil, err
		}
		if second != nil && (m == nil || second.tx > m.tx) && second.pageSize == n {
			m = second
			break
		}
	}
	switch {
	case m == nil:
		return nil, fmt.Errorf("both meta pages are unusable: %w", err)
	case m.pageSize < minPageSize || m.pageSize > maxPageSize || m.pageSize&(m.pageSize-1) != 0:
		return nil, damaged("page size %d", m.pageSize)
	case m.freelist != noFreelist:
		return nil, damaged("a stored free list, which this program never writes")
	case m.used > uint64(size)/uint64(m.pageSize):
		return nil, damaged("cut off: %d pages of %d bytes in use, but the file is %d bytes long", m.used, m.pageSize, size)
	}
	return &File{r: r, pageSize: m.pageSize, root: m.root, used: m.used}, nil
}

// meta is what a meta page says.
type meta struct {
	pageSize                 int
	root, freelist, used, tx uint64
}

func readMeta(r io.ReaderAt, off int64) (*meta, error) {
	var b [metaSize]byte
	if _, err := r.ReadAt(b[:], off+headerSize); err == io.EOF {
		return nil, damaged("no meta page at %d", off)
	} else if err != nil {
		return nil, err
	}
	sum := fnv.New64a()
	sum.Write(b[:56])
	switch {
	case order.Uint32(b[:]) != magic:
		return nil, damaged("meta page at %d has no magic", off)
	case order.Uint32(b[4:]) != version:
		return nil, damaged("meta page at %d has version %d", off, order.Uint32(b[4:]))
	case sum.Sum64() != order.Uint64(b[56:]):
		return nil, damaged("meta page at %d has a bad checksum", off)
	}
	return &meta{
		pageSize: int(order.Uint32(b[8:])), root: order.Uint64(b[16:]),
		freelist: order.Uint64(b[32:]), used: order.Uint64(b[40:]), tx: order.Uint64(b[48:]),
	}, nil
}

// page is one page, or the leaf that lies inside a bucket's value. Elements are read as needed: of a long leaf only the first page is held.
type page struct {
	f     *File
	id    uint64
	leaf  bool
	count int
	size  int    // bytes, overflow included
	buf   []byte // the leading bytes
}

// load reads page id into p, using p's buffer again.
func (f *File) load(id uint64, p *page) error {
	if id < 2 || id >= f.used {
		return damaged("page %d of %d", id, f.used)
	}
	if cap(p.buf) < f.pageSize {
		p.buf = make([]byte, f.pageSize)
	}
	p.buf = p.buf[:f.pageSize]
	if err := f.readAt(p.buf, int64(id)*int64(f.pageSize)); err != nil {
		return err
	}
	flags, overflow := order.Uint16(p.buf[8:]), order.Uint32(p.buf[12:])
	if got := order.Uint64(p.buf); got != id {
		return damaged("page %d calls itself %d", id, got)
	}
	if flags != branchFlag && flags != leafFlag {
		return damaged("page %d has flags %#x", id, flags)
	}
	if uint64(overflow) >= f.used-id {
		return damaged("page %d is %d pages long, beyond the end", id, uint64(overflow)+1)
	}
	p.f, p.id, p.leaf = f, id, flags == leafFlag
	p.count = int(order.Uint16(p.buf[10:]))
	size := (int64(overflow) + 1) * int64(f.pageSize)
	if size > 1<<30 || !p.leaf && size > maxBranch {
		return damaged("page %d is %d bytes long", id, size)
	}
	p.size = int(size)
	if headerSize+p.count*elemSize > p.size {
		return damaged("page %d has no room for %d elements", id, p.count)
	}
	if !p.leaf && p.count == 0 {
		return damaged("branch page %d is empty", id)
	}
	return nil
}

func (f *File) readAt(b []byte, off int64) error {
	if n, err := f.r.ReadAt(b, off); err == io.EOF && n < len(b) {
		return damaged("cut off at byte %d", off+int64(n))
	} else if err != nil && err != io.EOF {
		return err
	}
	return nil
}

// bytes returns n bytes at off of the page: a part of its buffer where it reaches so far, else freshly read.
func (p *page) bytes(off, n int) ([]byte, error) {
	if off < 0 || n < 0 || off > p.size || n > p.size-off {
		return nil, damaged("page %d: %d bytes at %d of %d", p.id, n, off, p.size)
	}
	if off+n <= len(p.buf) {
		return p.buf[off : off+n : off+n], nil
	}
	b := make([]byte, n)
	return b, p.f.readAt(b, int64(p.id)*int64(p.f.pageSize)+int64(off))
}

// elem is one element; off is where its key begins.
type elem struct {
	off, ksize, vsize int
	bucket            bool
	child             uint64
}

func (p *page) elem(i int) (e elem, key []byte, err error) {
	at := headerSize + i*elemSize
	b, err := p.bytes(at, elemSize)
	if err != nil {
		return e, nil, err
	}
	var pos uint32
	if p.leaf {
		flags := order.Uint32(b)
		if flags > bucketFlag {
			return e, nil, damaged("page %d: element %d has flags %#x", p.id, i, flags)
		}
		e.bucket = flags == bucketFlag
		pos = order.Uint32(b[4:])
		e.ksize, e.vsize = int(order.Uint32(b[8:])), int(order.Uint32(b[12:]))
	} else {
		pos, e.ksize, e.child = order.Uint32(b), int(order.Uint32(b[4:])), order.Uint64(b[8:])
	}
	end := headerSize + p.count*elemSize
	if pos > 1<<30 || e.ksize < 1 || e.ksize > 1<<15 || e.vsize < 0 || e.vsize > p.size || at+int(pos) < end || at+int(pos)+e.ksize > p.size-e.vsize {
		return e, nil, damaged("page %d: element %d lies outside", p.id, i)
	}
	e.off = at + int(pos)
	key, err = p.bytes(e.off, e.ksize)
	return e, key, err
}
