package journal

import (
	"errors"
	"fmt"
	"os"

	bolt "go.etcd.io/bbolt"
)

// putMeta puts one cell into the bucket meta.
func putMeta(tx *bolt.Tx, c cell, data []byte) error {
	b, err := bucket(tx, metaBucket)
	if err != nil {
		return err
	}
	c.kind = metaCell
	return b.Put(wordKey(c.key), appendCell(nil, c, data))
}

// putFacts writes what a new segment says of itself.
func putFacts(tx *bolt.Tx, f facts) error {
	items := []struct {
		write bool
		cell  cell
		data  []byte
	}{
		{true, cell{key: itemBinding}, []byte(f.binding)},
		{true, cell{key: itemFirst, mark: f.first}, nil},
		{true, cell{key: itemOpening, opening: f.opening, mark: f.began}, nil},
		{f.next != 0, cell{key: itemNext, mark: f.next}, nil},
		{f.sealed, cell{key: itemKept}, appendRanges(nil, f.kept)},
		{f.salvaged, cell{key: itemSalvaged}, nil},
	}
	for _, it := range items {
		if it.write {
			if err := putMeta(tx, it.cell, it.data); err != nil {
				return err
			}
		}
	}
	return nil
}

// createTemp writes a segment that says f, and what fill puts in, beside path and returns its name, for place.
func createTemp(path string, f facts, fill func(*database) error) (temp string, err error) {
	temp = path + tempSuffix
	if err := os.Remove(temp); err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	d, err := openDatabase(temp, allocSize)
	if err != nil {
		_ = os.Remove(temp)
		return "", err
	}
	err = d.update(func(tx *bolt.Tx) error { return putFacts(tx, f) })
	if err == nil && fill != nil {
		err = fill(d)
	}
	if err = errors.Join(err, d.close()); err != nil {
		_ = os.Remove(temp) // gives a full disk its room back
		return "", fmt.Errorf("create %s: %w", path, err)
	}
	return temp, nil
}

// createSegment makes the empty segment at path durable.
func createSegment(path string, f facts) error {
	temp, err := createTemp(path, f, nil)
	if err != nil {
		return err
	}
	if err := place(temp, path); err != nil {
		_ = os.Remove(temp)
		return fmt.Errorf("create %s: %w", path, err)
	}
	return nil
}
