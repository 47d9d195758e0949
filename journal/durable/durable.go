// Package durable makes names durable: a file's content is on the disk once it is synced, its name only once the folder is, and the folder's own name once the
// folder above it is.
package durable

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// Sync makes a file's content and size, or a folder's names, durable.
func Sync(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Names makes the names in dir durable that are found there. Whoever goes on with a file that is there already needs it: the process before may have been killed,
// or its disk have failed, between giving the name and syncing the folder, and a loss of power takes such a name with all that was put under it since.
func Names(dir string) error {
	if err := Sync(dir); err != nil && !errors.Is(err, syscall.EINVAL) { // some file systems cannot sync a folder
		return fmt.Errorf("make the names in %s durable: %w", dir, err)
	}
	return nil
}

// Rename gives the file at temp, whose content is durable already, the name path in the same folder.
func Rename(temp, path string) error {
	if err := os.Rename(temp, path); err != nil {
		return err
	}
	return Sync(filepath.Dir(path))
}

// MkdirAll makes dir and what is missing above it, for the owner only. The name of dir is durable then, also if a process that was killed had made it; so are
// those that were made above it.
func MkdirAll(dir string) error {
	dir = filepath.Clean(dir)
	above := filepath.Dir(dir)
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) && above != dir {
		if _, err := os.Stat(above); errors.Is(err, os.ErrNotExist) {
			if err := MkdirAll(above); err != nil {
				return err
			}
		}
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	// Who may not read the folder above has not made this one; some file systems cannot sync a folder.
	if err := Sync(above); err != nil && !errors.Is(err, os.ErrPermission) && !errors.Is(err, syscall.EINVAL) {
		return err
	}
	return nil
}
