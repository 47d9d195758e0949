package powercut

import (
	"context"
	"errors"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// inode shows a Disk's file or folder to the kernel. The kernel keeps no write back: each reaches the Disk before it returns, mapped writes apart,
// which nobody here makes.
type inode struct {
	fs.Inode
	d *Disk
	i Inode
}

var (
	_ fs.NodeLookuper  = (*inode)(nil)
	_ fs.NodeReaddirer = (*inode)(nil)
	_ fs.NodeGetattrer = (*inode)(nil)
	_ fs.NodeSetattrer = (*inode)(nil)
	_ fs.NodeCreater   = (*inode)(nil)
	_ fs.NodeMkdirer   = (*inode)(nil)
	_ fs.NodeUnlinker  = (*inode)(nil)
	_ fs.NodeRmdirer   = (*inode)(nil)
	_ fs.NodeRenamer   = (*inode)(nil)
	_ fs.NodeOpener    = (*inode)(nil)
	_ fs.NodeReader    = (*inode)(nil)
	_ fs.NodeWriter    = (*inode)(nil)
	_ fs.NodeFsyncer   = (*inode)(nil)
	_ fs.NodeStatfser  = (*inode)(nil)
)

// mount shows d at dir until that is unmounted.
func mount(d *Disk, dir string) error {
	long := time.Hour // nobody else changes anything
	_, err := fs.Mount(dir, &inode{d: d, i: Root}, &fs.Options{
		MountOptions: fuse.MountOptions{FsName: "powercut", Name: "powercut", DirectMount: true},
		EntryTimeout: &long, AttrTimeout: &long,
		RootStableAttr: &fs.StableAttr{Ino: uint64(Root), Mode: syscall.S_IFDIR},
	})
	return err
}

// errno is what the kernel is told.
func errno(err error) syscall.Errno {
	var e syscall.Errno
	switch {
	case err == nil:
		return 0
	case errors.As(err, &e):
		return e
	}
	return syscall.EIO
}

func (n *inode) child(ctx context.Context, i Inode, dir bool, out *fuse.EntryOut) *fs.Inode {
	c := &inode{d: n.d, i: i}
	c.attributes(&out.Attr)
	return n.NewInode(ctx, c, fs.StableAttr{Mode: out.Mode & syscall.S_IFMT, Ino: uint64(i)})
}

func (n *inode) attributes(out *fuse.Attr) {
	out.Ino, out.Nlink, out.Mode, out.Blksize = uint64(n.i), 1, syscall.S_IFREG|0o600, 4096
	if _, err := n.d.Names(n.i); err == nil {
		out.Mode = syscall.S_IFDIR | 0o700
	}
	if size, err := n.d.Size(n.i); err == nil {
		out.Size, out.Blocks = uint64(size), uint64(n.d.Allocated(n.i)/512)
	}
}

// Lookup is fs.NodeLookuper.
func (n *inode) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	i, dir, err := n.d.Lookup(n.i, name)
	if err != nil {
		return nil, errno(err)
	}
	return n.child(ctx, i, dir, out), 0
}

// Readdir is fs.NodeReaddirer.
func (n *inode) Readdir(context.Context) (fs.DirStream, syscall.Errno) {
	names, err := n.d.Names(n.i)
	var list []fuse.DirEntry
	for name, i := range names {
		c := inode{d: n.d, i: i}
		var a fuse.Attr
		c.attributes(&a)
		list = append(list, fuse.DirEntry{Name: name, Ino: uint64(i), Mode: a.Mode})
	}
	return fs.NewListDirStream(list), errno(err)
}

// Getattr is fs.NodeGetattrer.
func (n *inode) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	n.attributes(&out.Attr)
	return 0
}

// Setattr is fs.NodeSetattrer. Only a length means anything here.
func (n *inode) Setattr(_ context.Context, _ fs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	if size, ok := in.GetSize(); ok {
		if err := n.d.Truncate(n.i, int64(size)); err != nil {
			return errno(err)
		}
	}
	n.attributes(&out.Attr)
	return 0
}

// Create is fs.NodeCreater.
func (n *inode) Create(ctx context.Context, name string, _, _ uint32, out *fuse.EntryOut) (*fs.Inode, fs.FileHandle, uint32, syscall.Errno) {
	i, err := n.d.Create(n.i, name, false)
	if err != nil {
		return nil, nil, 0, errno(err)
	}
	return n.child(ctx, i, false, out), nil, fuse.FOPEN_KEEP_CACHE, 0
}

// Mkdir is fs.NodeMkdirer.
func (n *inode) Mkdir(ctx context.Context, name string, _ uint32, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	i, err := n.d.Create(n.i, name, true)
	if err != nil {
		return nil, errno(err)
	}
	return n.child(ctx, i, true, out), 0
}

// Unlink is fs.NodeUnlinker.
func (n *inode) Unlink(_ context.Context, name string) syscall.Errno {
	return errno(n.d.Remove(n.i, name))
}

// Rmdir is fs.NodeRmdirer.
func (n *inode) Rmdir(_ context.Context, name string) syscall.Errno {
	return errno(n.d.Remove(n.i, name))
}

// Rename is fs.NodeRenamer.
func (n *inode) Rename(_ context.Context, name string, to fs.InodeEmbedder, newName string, flags uint32) syscall.Errno {
	target, ok := to.(*inode)
	if !ok || flags != 0 {
		return syscall.EINVAL
	}
	return errno(n.d.Rename(n.i, name, target.i, newName))
}

// Open is fs.NodeOpener.
func (n *inode) Open(context.Context, uint32) (fs.FileHandle, uint32, syscall.Errno) {
	return nil, fuse.FOPEN_KEEP_CACHE, 0
}

// Read is fs.NodeReader.
func (n *inode) Read(_ context.Context, _ fs.FileHandle, dest []byte, offset int64) (fuse.ReadResult, syscall.Errno) {
	got, err := n.d.ReadAt(n.i, dest, offset)
	return fuse.ReadResultData(dest[:got]), errno(err)
}

// Write is fs.NodeWriter.
func (n *inode) Write(_ context.Context, _ fs.FileHandle, b []byte, offset int64) (uint32, syscall.Errno) {
	if err := n.d.WriteAt(n.i, b, offset); err != nil {
		return 0, errno(err)
	}
	return uint32(len(b)), 0
}

// Fsync is fs.NodeFsyncer, of files and folders.
func (n *inode) Fsync(context.Context, fs.FileHandle, uint32) syscall.Errno {
	return errno(n.d.Sync(n.i))
}

// Statfs is fs.NodeStatfser: there is room.
func (n *inode) Statfs(_ context.Context, out *fuse.StatfsOut) syscall.Errno {
	out.Bsize, out.Frsize, out.Blocks, out.Bfree, out.Bavail = 4096, 4096, 1<<24, 1<<24, 1<<24
	out.Files, out.Ffree, out.NameLen = 1<<20, 1<<20, 255
	return 0
}
