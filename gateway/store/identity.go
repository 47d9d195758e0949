package store

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"fieldpost/journal/durable"
	"fieldpost/telemetry/wire"
)

// idFile holds the store's id.
const idFile = "id"

// readID returns the store's id out of the file `id` in dir, drawing one the first time. The id outlives all else in the folder: with another
// one, every node's link would stop until its config admits it.
func readID(dir string) (wire.StoreID, error) {
	path := filepath.Join(dir, idFile)
	var id wire.StoreID
	b, err := os.ReadFile(path)
	switch {
	case err == nil:
		n, err := hex.Decode(id[:], []byte(strings.TrimSpace(string(b))))
		if err != nil || n != len(id) {
			return id, fmt.Errorf("read store id: %s should hold 32 hexadecimal digits; put it back from a backup, or write in the id that the nodes know", path)
		}
		return id, nil
	case !errors.Is(err, fs.ErrNotExist):
		return id, fmt.Errorf("read store id: %w", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "journal")); err == nil {
		return id, fmt.Errorf("read store id: %s is missing beside a journal; put it back from a backup, or write in the id that the nodes know", path)
	}
	rand.Read(id[:])
	if err := writeFile(path, []byte(id.String()+"\n")); err != nil {
		return id, fmt.Errorf("write store id: %w", err)
	}
	return id, nil
}

func drawGeneration() uint64 {
	var b [8]byte
	for {
		rand.Read(b[:])
		if g := binary.BigEndian.Uint64(b[:]); g != 0 {
			return g
		}
	}
}

// writeFile makes a small file durable in one step.
func writeFile(path string, data []byte) error {
	temp := path + ".tmp"
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(temp))
	}
	return durable.Rename(temp, path)
}
