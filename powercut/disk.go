package powercut

import (
	"maps"
	"sync"
	"syscall"
)

// Inode is a file's or folder's number. Root is 1.
type Inode uint64

// Root is the inode of the topmost folder.
const Root Inode = 1

// Disk is a file system with a memory of what is durable. Safe for concurrent use; errors are errno.
type Disk struct {
	mu    sync.Mutex
	nodes map[Inode]*node
	last  Inode
	moves []*move // of names, since their folders' last syncs, oldest first

	fail     syscall.Errno // of all that would change something; 0: none
	badSyncs int           // so many syncs fail
	lying    bool          // syncs do nothing and say that all is well
	trace    *Trace        // nil: nothing is recorded
}

// node is a file or a folder.
type node struct {
	dir     bool
	data    []byte           // of a file, as readers see it
	names   map[string]Inode // of a folder, as readers see it
	durable []byte
	entries map[string]Inode // durable names
	pending []write          // since the last sync, oldest first
}

// write is one unsynced change of a file: bytes at an offset, or a new length.
type write struct {
	offset int64
	data   []byte
	length int64 // of a truncation
	cut    bool
}

func (w write) apply(b []byte) []byte {
	if w.cut {
		return resize(b, w.length)
	}
	if end := w.offset + int64(len(w.data)); end > int64(len(b)) {
		b = resize(b, end)
	}
	copy(b[w.offset:], w.data)
	return b
}

func resize(b []byte, n int64) []byte {
	if n <= int64(len(b)) {
		clear(b[n:]) // should it grow again
		return b[:n]
	}
	if n <= int64(cap(b)) {
		old := len(b)
		b = b[:n]
		clear(b[old:])
		return b
	}
	grown := make([]byte, n, n+n/4)
	copy(grown, b)
	return grown
}

// move is one unsynced change of names: all of it is durable or nothing.
type move []entry

// entry is what a name in a folder stands for; 0: nothing.
type entry struct {
	Dir  Inode
	Name string
	To   Inode
}

// NewDisk returns an empty disk.
func NewDisk() *Disk {
	return &Disk{nodes: map[Inode]*node{Root: newDir()}, last: Root}
}

func newDir() *node { return &node{dir: true, names: map[string]Inode{}, entries: map[string]Inode{}} }

// Lookup finds a name.
func (d *Disk) Lookup(dir Inode, name string) (i Inode, isDir bool, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, err := d.folder(dir)
	if err != nil {
		return 0, false, err
	}
	i, ok := n.names[name]
	if !ok {
		return 0, false, syscall.ENOENT
	}
	return i, d.nodes[i].dir, nil
}

func (d *Disk) folder(i Inode) (*node, error) {
	n := d.nodes[i]
	switch {
	case n == nil:
		return nil, syscall.ESTALE
	case !n.dir:
		return nil, syscall.ENOTDIR
	}
	return n, nil
}

func (d *Disk) file(i Inode) (*node, error) {
	n := d.nodes[i]
	switch {
	case n == nil:
		return nil, syscall.ESTALE
	case n.dir:
		return nil, syscall.EISDIR
	}
	return n, nil
}

// Names returns what is in a folder.
func (d *Disk) Names(dir Inode) (map[string]Inode, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, err := d.folder(dir)
	if err != nil {
		return nil, err
	}
	return maps.Clone(n.names), nil
}

// Create makes a file or a folder.
func (d *Disk) Create(dir Inode, name string, isDir bool) (Inode, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, err := d.folder(dir)
	if err != nil {
		return 0, err
	}
	if d.fail != 0 {
		return 0, d.fail
	}
	if _, ok := n.names[name]; ok {
		return 0, syscall.EEXIST
	}
	d.last++
	made := &node{}
	if isDir {
		made = newDir()
	}
	d.nodes[d.last] = made
	d.rename(entry{dir, name, d.last})
	d.trace.add(Op{Kind: opCreate, Dir: dir, Name: name, Is: isDir})
	return d.last, nil
}

// rename changes names for readers at once, and on the disk some day.
func (d *Disk) rename(m ...entry) {
	for _, e := range m {
		d.nodes[e.Dir].set(e, false)
	}
	d.moves = append(d.moves, (*move)(&m))
}

func (n *node) set(e entry, durable bool) {
	names := n.names
	if durable {
		names = n.entries
	}
	if e.To == 0 {
		delete(names, e.Name)
	} else {
		names[e.Name] = e.To
	}
}

// Remove removes a file or an empty folder.
func (d *Disk) Remove(dir Inode, name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, err := d.folder(dir)
	if err != nil {
		return err
	}
	to, ok := n.names[name]
	switch {
	case !ok:
		return syscall.ENOENT
	case d.nodes[to].dir && len(d.nodes[to].names) > 0:
		return syscall.ENOTEMPTY
	case d.fail != 0 && d.fail != syscall.ENOSPC: // a full disk lets go
		return d.fail
	}
	d.rename(entry{dir, name, 0})
	d.trace.add(Op{Kind: opRemove, Dir: dir, Name: name})
	return nil
}

// Rename gives a file another name; what had it is replaced.
func (d *Disk) Rename(from Inode, name string, to Inode, newName string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	a, err := d.folder(from)
	if err != nil {
		return err
	}
	if _, err := d.folder(to); err != nil {
		return err
	}
	i, ok := a.names[name]
	if !ok {
		return syscall.ENOENT
	}
	if d.fail != 0 {
		return d.fail
	}
	d.rename(entry{from, name, 0}, entry{to, newName, i})
	d.trace.add(Op{Kind: opRename, Dir: from, Name: name, To: to, NewName: newName})
	return nil
}

// Size returns a file's length.
func (d *Disk) Size(i Inode) (int64, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := d.nodes[i]
	if n == nil {
		return 0, syscall.ESTALE
	}
	return int64(len(n.data)), nil
}

// Allocated returns how many bytes a file takes, in whole pages: those that are zeros take none, as in a file with holes.
func (d *Disk) Allocated(i Inode) (n int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f := d.nodes[i]
	if f == nil {
		return 0
	}
	for at := 0; at < len(f.data); at += page {
		if !zero(f.data[at:min(at+page, len(f.data))]) {
			n += page
		}
	}
	return n
}

// ReadAt fills b and returns how much there was.
func (d *Disk) ReadAt(i Inode, b []byte, offset int64) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, err := d.file(i)
	if err != nil || offset >= int64(len(n.data)) {
		return 0, err
	}
	return copy(b, n.data[offset:]), nil
}

// WriteAt writes b, which stays the caller's.
func (d *Disk) WriteAt(i Inode, b []byte, offset int64) error {
	return d.change(i, write{offset: offset, data: append([]byte(nil), b...)}, Op{Kind: opWrite, Dir: i, Offset: offset, Data: b})
}

// Truncate gives a file another length.
func (d *Disk) Truncate(i Inode, length int64) error {
	return d.change(i, write{length: length, cut: true}, Op{Kind: opTruncate, Dir: i, Offset: length})
}

func (d *Disk) change(i Inode, w write, op Op) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, err := d.file(i)
	if err != nil {
		return err
	}
	if d.fail != 0 {
		return d.fail
	}
	n.data = w.apply(n.data)
	n.pending = append(n.pending, w)
	d.trace.add(op)
	return nil
}

// Sync makes what a file holds, or the names in a folder, durable.
func (d *Disk) Sync(i Inode) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := d.nodes[i]
	switch {
	case n == nil:
		return syscall.ESTALE
	case d.fail == syscall.EIO || d.fail == syscall.EROFS && len(n.pending) > 0:
		return syscall.EIO
	case d.badSyncs > 0 && len(n.pending) > 0:
		d.badSyncs--
		n.pending = nil
		return syscall.EIO
	case d.lying:
		return nil
	}
	d.keep(i)
	d.trace.add(Op{Kind: opSync, Dir: i})
	return nil
}

func (d *Disk) keep(i Inode) {
	n := d.nodes[i]
	for _, w := range n.pending {
		n.durable = w.apply(n.durable)
	}
	n.pending = nil
	if !n.dir {
		return
	}
	left := d.moves[:0]
	for _, m := range d.moves {
		if !m.of(i) {
			left = append(left, m)
			continue
		}
		m.keep(d)
	}
	clear(d.moves[len(left):])
	d.moves = left
}

func (m *move) of(dir Inode) bool {
	for _, e := range *m {
		if e.Dir == dir {
			return true
		}
	}
	return false
}

func (m *move) keep(d *Disk) {
	for _, e := range *m {
		d.nodes[e.Dir].set(e, true)
	}
}

// Settle makes everything durable.
func (d *Disk) Settle() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, n := range d.nodes {
		if !n.dir {
			d.keep(i)
		}
	}
	for _, m := range d.moves {
		m.keep(d)
	}
	d.moves = nil
	d.trace.add(Op{Kind: opSettle})
}

// Forget makes an empty folder again of one in the root that nobody uses any more, now and on the disk.
func (d *Disk) Forget(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	root := d.nodes[Root]
	delete(root.names, name)
	delete(root.entries, name)
	seen := map[Inode]bool{}
	var mark func(Inode)
	mark = func(i Inode) {
		if seen[i] || d.nodes[i] == nil {
			return
		}
		seen[i] = true
		for _, names := range []map[string]Inode{d.nodes[i].names, d.nodes[i].entries} {
			for _, to := range names {
				mark(to)
			}
		}
	}
	mark(Root)
	left := d.moves[:0]
	for _, m := range d.moves {
		if seen[(*m)[0].Dir] && !(m.of(Root) && (*m)[0].Name == name) {
			left = append(left, m)
			for _, e := range *m {
				mark(e.To)
			}
		}
	}
	d.moves = left
	for i := range d.nodes {
		if !seen[i] {
			delete(d.nodes, i)
		}
	}
}

// Faults are what a disk may do beside losing power. The zero value is none.
type Faults struct {
	Errno    syscall.Errno // EIO, EROFS or ENOSPC: of all that would change something
	BadSyncs int           // so many syncs of files fail, and what they should have saved is lost unless it is written again
	Lying    bool          // syncs do nothing and say that all is well
}

// Suffer sets the faults.
func (d *Disk) Suffer(f Faults) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fail, d.badSyncs, d.lying = f.Errno, f.BadSyncs, f.Lying
}
