package journal

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"

	"fieldpost/journal/internal/pages"
)

var (
	metaBucket  = []byte("meta")
	frameBucket = []byte("frames")
	blobBucket  = []byte("blobs")
)

const allocSize = 1 << 20 // bytes by which bbolt grows a file: small, as a segment is

// guard runs fn, in which bbolt works, and makes an error of a panic and of a fault in the memory map (a block of the file that
// cannot be read). It reaches this goroutine only, hence checkFile before bbolt opens a file that is not new.
func guard(fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = damaged("bbolt: %v", p)
		}
	}()
	return fn()
}

// database is a bbolt file open for writing.
type database struct {
	db     *bolt.DB
	file   *os.File
	broken bool // a transaction ended in a panic: bbolt's locks are in doubt
}

// openDatabase opens or creates the bbolt file at path; one that exists must have been proved.
func openDatabase(path string, mapSize int64) (*database, error) {
	d := &database{}
	err := guard(func() (err error) {
		d.db, err = bolt.Open(path, 0o600, &bolt.Options{
			Timeout:         time.Second,
			NoFreelistSync:  true,
			FreelistType:    bolt.FreelistMapType,
			InitialMmapSize: int(min(mapSize, 1<<30)),
			NoStatistics:    true,
			OpenFile: func(name string, flag int, mode os.FileMode) (*os.File, error) {
				f, err := os.OpenFile(name, flag, mode)
				d.file = f
				return f, err
			},
		})
		return err
	})
	if err != nil {
		if d.file != nil {
			d.file.Close()
		}
		return nil, fmt.Errorf("open %s: %w", path, diskError(err))
	}
	d.db.AllocSize = allocSize
	return d, nil
}

// update runs fn in one transaction and returns when it is on disk. After an error that comes from a panic d can only be closed.
func (d *database) update(fn func(tx *bolt.Tx) error) error {
	// Not bolt.DB.Update: on a panic it rolls back, which walks the tree again in a goroutine that nothing guards.
	panicked := true
	err := guard(func() error {
		tx, err := d.db.Begin(true)
		if err == nil {
			if err = fn(tx); err == nil {
				err = tx.Commit()
			} else {
				_ = tx.Rollback()
			}
		}
		panicked = false
		return err
	})
	d.broken = d.broken || panicked
	return diskError(err)
}

// view runs fn in a read transaction.
func (d *database) view(fn func(tx *bolt.Tx) error) error {
	return guard(func() error { return d.db.View(fn) })
}

func (d *database) close() error {
	if d.broken {
		// bbolt would wait for locks that the panic left. The memory map stays until the process ends, and would keep the file's lock.
		return errors.Join(syscall.Flock(int(d.file.Fd()), syscall.LOCK_UN), d.file.Close())
	}
	return guard(d.db.Close)
}

// checkFile proves that bbolt can open the file f, and calls each for every pair.
func checkFile(f *os.File, each func(bucket string, key, value []byte) error) error {
	p, err := openPages(f)
	if err != nil {
		return err
	}
	return p.Check(each)
}

func openPages(f *os.File) (*pages.File, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return pages.Open(f, info.Size())
}

// bucket returns a bucket of tx, creating it if need be, with pages filled to the brim: keys only ascend. bbolt does not keep FillPercent.
func bucket(tx *bolt.Tx, name []byte) (*bolt.Bucket, error) {
	b, err := tx.CreateBucketIfNotExists(name)
	if err == nil {
		b.FillPercent = 1
	}
	return b, err
}
