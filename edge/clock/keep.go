package clock

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"fieldpost/journal/durable"
)

// Keeper keeps the floor in a file of its own, for it is written each minute: one page in place of a database's seven. Safe for concurrent use.
//
// The file is two pages of 4,096 bytes, written in turn, so that a torn one leaves the other:
//
//	u32 CRC-32C of the rest | u64 number of the writing | u16 bytes | the Floor as JSON | zeros
//
// all big endian.
type Keeper struct {
	mu     sync.Mutex
	f      *os.File
	number uint64
	last   Floor
}

const pageSize = 4096

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Keep opens the file at path, or makes it. One that cannot be read is made anew: a node that has lost its floor is better than one that stands still.
func Keep(path string, log *slog.Logger) (*Keeper, error) {
	k, err := open(path)
	if err != nil {
		if !errors.Is(err, os.ErrNotExist) {
			log.Error("the file of the clock's floor cannot be read and is made anew; until a clock is vouched for, times may be marked that need not be", "path", path, "err", err)
		}
		if err = create(path); err == nil {
			k, err = open(path)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("make the file of the clock's floor: %w", err)
	}
	return k, nil
}

func open(path string) (*Keeper, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	k := &Keeper{f: f}
	if err := k.read(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return k, nil
}

// create makes the file with its pages in place, so that writing one later is writing data alone.
func create(path string) error {
	temp := path + ".tmp"
	if err := os.WriteFile(temp, make([]byte, 2*pageSize), 0o600); err != nil {
		return err
	}
	if err := durable.Sync(temp); err != nil {
		return err
	}
	return durable.Rename(temp, path)
}

// read finds the newest page that is whole. There may be none: then the floor is that of a node that has none yet.
func (k *Keeper) read() error {
	page := make([]byte, pageSize)
	for i := range int64(2) {
		if _, err := k.f.ReadAt(page, i*pageSize); err == io.EOF {
			continue
		} else if err != nil {
			return err
		}
		number := binary.BigEndian.Uint64(page[4:])
		n := int(binary.BigEndian.Uint16(page[12:]))
		if number < k.number || 14+n > pageSize || binary.BigEndian.Uint32(page) != crc32.Checksum(page[4:], castagnoli) {
			continue
		}
		var f Floor
		if json.Unmarshal(page[14:14+n], &f) == nil {
			k.number, k.last = number, f
		}
	}
	return nil
}

// Floor returns what was written last.
func (k *Keeper) Floor() Floor {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.last
}

// Write makes f durable, unless it is what was written last.
func (k *Keeper) Write(f Floor) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if f == k.last {
		return nil
	}
	text, err := json.Marshal(f)
	if err != nil {
		return fmt.Errorf("write the clock's floor: %w", err)
	}
	page := make([]byte, pageSize)
	binary.BigEndian.PutUint64(page[4:], k.number+1)
	binary.BigEndian.PutUint16(page[12:], uint16(len(text)))
	copy(page[14:], text)
	binary.BigEndian.PutUint32(page, crc32.Checksum(page[4:], castagnoli))
	if _, err = k.f.WriteAt(page, int64((k.number+1)%2)*pageSize); err == nil {
		err = unix.Fdatasync(int(k.f.Fd()))
	}
	if err != nil {
		return fmt.Errorf("write the clock's floor: %w", err) // the page before is as it was
	}
	k.number, k.last = k.number+1, f
	return nil
}

// Close closes the file.
func (k *Keeper) Close() error { return k.f.Close() }
