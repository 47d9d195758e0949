package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"fieldpost/journal/dirlock"
	"fieldpost/journal/durable"
	"fieldpost/telemetry/ranges"
)

var stateBucket = []byte("state")

// State is a small durable map beside a journal (epochs, boot table, checkpoints, cursors): one bbolt file, each value checked by CRC-32C.
// A damaged file is set aside and begun anew: its owner must be able to go on without it. Safe for concurrent use.
//
// The file has two buckets: meta, with a binding as in a segment, and state:
//
//	key    the caller's
//	value  u32 CRC-32C (big endian) of key and data | data
type State struct {
	path string
	lock *dirlock.Lock
	d    *database

	mu     sync.Mutex // held by Update
	failed error      // set once the file is in doubt
}

// OpenState opens or creates the state file at path for binding (see Options.Binding; ErrBinding). damage is nil unless the file had to be set aside.
// Beside it lies path.lock.
func OpenState(path, binding string) (s *State, damage *Damage, err error) {
	if err := durable.MkdirAll(filepath.Dir(path)); err != nil {
		return nil, nil, fmt.Errorf("create state: %w", err)
	}
	s = &State{path: path}
	if s.lock, err = dirlock.TakeFile(path + ".lock"); err != nil {
		return nil, nil, fmt.Errorf("open state: %w", err)
	}
	if damage, err = s.open(binding); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("open state %s: %w", path, err), s.lock.Release())
	}
	return s, damage, nil
}

func (s *State) open(binding string) (damage *Damage, err error) {
	meta, cause := inspectState(s.path)
	switch {
	case meta.bound && meta.binding != binding:
		return nil, bindingError(s.path, meta.binding, binding)
	case cause == nil:
		if err := durable.Names(filepath.Dir(s.path)); err != nil {
			return nil, err
		}
		s.d, err = openDatabase(s.path, 0)
		return nil, err
	case !isDamage(cause) && !errors.Is(cause, os.ErrNotExist):
		return nil, cause
	}
	temp, err := createTemp(s.path, facts{binding: binding, opening: 1}, nil)
	if err != nil {
		return nil, err
	}
	if !errors.Is(cause, os.ErrNotExist) {
		damage = &Damage{Cause: cause, Salvaged: ranges.Set{}, Lost: ranges.Set{}}
		if damage.Path, err = setAside(s.path); err != nil {
			return nil, err
		}
	}
	if err := place(temp, s.path); err != nil {
		return nil, err
	}
	s.d, err = openDatabase(s.path, 0)
	return damage, err
}

// inspectState proves the file.
func inspectState(path string) (facts, error) {
	var meta facts
	f, err := openRead(path)
	if err != nil {
		return meta, err
	}
	defer f.Close()
	err = checkFile(f, func(bucket string, key, value []byte) error {
		switch bucket {
		case string(metaBucket):
			return meta.noteValue(key, value)
		case string(stateBucket):
			_, err := stateData(key, value)
			return err
		}
		return nil
	})
	if err == nil && !meta.bound {
		err = damaged("no binding")
	}
	return meta, err
}

// stateData checks value and returns its data, a part of it.
func stateData(key, value []byte) ([]byte, error) {
	if len(value) < 4 || binary.BigEndian.Uint32(value) != stateSum(key, value[4:]) {
		return nil, damaged("the value of %q has a bad checksum", key)
	}
	return value[4:], nil
}

func stateSum(key, data []byte) uint32 {
	return crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, data)
}

// wrap says where, and names a closed file by our own error.
func (s *State) wrap(what string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, berrors.ErrDatabaseNotOpen):
		err = ErrClosed
	}
	return fmt.Errorf("%s state %s: %w", what, s.path, err)
}

// Get returns a copy of key's value, or nil.
func (s *State) Get(key string) ([]byte, error) {
	var data []byte
	err := s.d.view(func(tx *bolt.Tx) error {
		b := tx.Bucket(stateBucket)
		if b == nil {
			return nil
		}
		v := b.Get([]byte(key))
		if v == nil {
			return nil
		}
		found, err := stateData([]byte(key), v)
		data = append([]byte{}, found...)
		return err
	})
	if err != nil {
		return nil, s.wrap("read", err)
	}
	return data, nil
}

// Update puts and deletes (nil value) in one durable commit. After an error nothing has changed; after a full disk (syscall.ENOSPC) it can be
// tried again, after any other write error the file has to be closed and opened again.
func (s *State) Update(puts map[string][]byte) error {
	if len(puts) == 0 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed != nil {
		return s.failed
	}
	err := s.d.update(func(tx *bolt.Tx) error {
		b, err := tx.CreateBucketIfNotExists(stateBucket)
		if err != nil {
			return err
		}
		for _, key := range slices.Sorted(maps.Keys(puts)) { // bbolt's pages fill in order; at random, many new keys cost their square
			data := puts[key]
			if data == nil {
				err = b.Delete([]byte(key))
			} else {
				value := binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(data)), stateSum([]byte(key), data))
				err = b.Put([]byte(key), append(value, data...))
			}
			if err != nil {
				return fmt.Errorf("key %q: %w", key, err)
			}
		}
		return nil
	})
	err = s.wrap("write", err)
	if isDamage(err) {
		s.failed = err // bbolt's locks, or what is on disk, cannot be relied on
	}
	return err
}

// Each calls f for each key with prefix in order, until f returns an error (returned as is; ErrStop ends quietly);
// value is valid during the call only. f must not call s.
func (s *State) Each(prefix string, f func(key string, value []byte) error) error {
	// f runs on copies: what it panics with is its own, and no transaction waits for it.
	type pair struct {
		key  string
		data []byte
	}
	var pairs []pair
	err := s.d.view(func(tx *bolt.Tx) error {
		b := tx.Bucket(stateBucket)
		if b == nil {
			return nil
		}
		c := b.Cursor()
		for k, v := c.Seek([]byte(prefix)); k != nil && strings.HasPrefix(string(k), prefix); k, v = c.Next() {
			data, err := stateData(k, v)
			if err != nil {
				return err
			}
			pairs = append(pairs, pair{string(k), bytes.Clone(data)})
		}
		return nil
	})
	if err != nil {
		return s.wrap("read", err)
	}
	for _, p := range pairs {
		if err := f(p.key, p.data); errors.Is(err, ErrStop) {
			return nil
		} else if err != nil {
			return err
		}
	}
	return nil
}

// Close closes the file. A second Close does nothing.
func (s *State) Close() error {
	if err := errors.Join(s.d.close(), s.lock.Release()); err != nil && !errors.Is(err, os.ErrClosed) {
		return s.wrap("close", err)
	}
	return nil
}
