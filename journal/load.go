package journal

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"fieldpost/journal/durable"

	bolt "go.etcd.io/bbolt"
)

// loaded is a segment file met at opening.
type loaded struct {
	first uint64
	path  string
	content
	err error // damage
}

// load reads the folder and gets the journal ready for append.
func (j *Journal) load() ([]Damage, error) {
	files, temps, err := j.list()
	if err != nil {
		return nil, err
	}
	// Look first, change nothing: the folder may be another's.
	opening := uint64(0)
	for i := range files {
		f := &files[i]
		f.content, f.err = inspect(f.path, f.first, i < len(files)-1)
		if f.err != nil && !isDamage(f.err) {
			return nil, fmt.Errorf("read %s: %w", f.path, f.err)
		}
		if f.bound && f.binding != j.o.Binding {
			return nil, bindingError(f.path, f.binding, j.o.Binding)
		}
		opening = max(opening, f.opening)
	}
	for _, t := range temps {
		if err := os.Remove(t); err != nil {
			return nil, err
		}
	}
	if err := durable.Names(j.dir); err != nil {
		return nil, err
	}
	var damages []Damage
	for i := range files {
		f := &files[i]
		bound := uint64(noBound)
		if i < len(files)-1 {
			bound = files[i+1].first
		}
		if f.err != nil {
			r, err := repair(f.path, j.o.Binding, f.first, bound, nil, opening, f.err)
			if err != nil {
				return nil, fmt.Errorf("set %s aside: %w", f.path, err)
			}
			// What the disk gives back, not what it was given.
			if f.content, err = inspect(f.path, f.first, bound != noBound); err != nil {
				return nil, fmt.Errorf("read %s, just made of what was salvaged: %w", f.path, err)
			}
			opening = max(opening, f.opening)
			damages = append(damages, r.damage)
		} else if bound != noBound && !f.sealed {
			j.finishSeal(f)
		}
	}
	latest, began := uint64(0), uint64(0)
	for _, f := range files {
		if f.opening >= latest {
			latest, began = f.opening, f.began
		}
	}
	if err := j.begin(files, opening+1); err != nil {
		return nil, err
	}
	damage, err := j.join(latest, began)
	if damage != nil {
		damages = append(damages, *damage)
	}
	return damages, err
}

// list returns the segments by first position, and leftover temporary files.
func (j *Journal) list() (files []loaded, temps []string, err error) {
	names, err := os.ReadDir(j.dir)
	if err != nil {
		return nil, nil, err
	}
	for _, n := range names {
		path := filepath.Join(j.dir, n.Name())
		if first, ok := parseName(n.Name()); ok && first < math.MaxUint64 {
			files = append(files, loaded{first: first, path: path})
		} else if name, ok := strings.CutSuffix(n.Name(), tempSuffix); ok {
			if _, ok := parseName(name); ok {
				temps = append(temps, path)
			}
		}
	}
	slices.SortFunc(files, func(a, b loaded) int { return strings.Compare(a.path, b.path) })
	return files, temps, nil
}

// finishSeal writes down what f holds, so that the next opening need not read it. A crash came before that; a full disk may too.
func (j *Journal) finishSeal(f *loaded) {
	d, err := openDatabase(f.path, allocSize)
	if err == nil {
		err = d.update(func(tx *bolt.Tx) error { return putMeta(tx, cell{key: itemKept}, appendRanges(nil, f.kept)) })
		err = errors.Join(err, d.close())
	}
	if err != nil {
		j.log.Warn("segment not sealed", "path", f.path, "err", err)
	}
}

// begin takes over the segments that were found and opens the last for append, creating it if there is none.
func (j *Journal) begin(files []loaded, opening uint64) error {
	j.next = 1
	for _, f := range files {
		s := &segment{first: f.first, path: f.path, kept: f.kept, size: diskSize(f.path), salvaged: f.salvaged}
		j.segments = append(j.segments, s)
		j.kept.AddAll(f.kept)
		j.next = max(j.next, s.next(), f.facts.next)
	}
	j.durable = j.next
	j.w = writer{opening: opening, began: j.next}
	if len(files) == 0 {
		return j.addSegment(j.next)
	}
	last, f := j.segments[len(j.segments)-1], files[len(files)-1]
	d, err := openDatabase(last.path, j.mapSize())
	if err != nil {
		return err
	}
	last.db = d
	last.kept = last.kept.Clone() // grows from now on
	j.w.blobs, j.w.bytes, j.w.db, j.w.segment = f.blobs, f.bytes, d, last
	return nil
}

// mapSize returns the bytes of memory map that the open segment begins with: enough that it rarely grows, for which readers
// and writer would have to wait for each other.
func (j *Journal) mapSize() int64 { return j.o.SegmentSize + j.o.SegmentSize/2 }

// addSegment creates the segment that begins at first and makes it the open one. What is in front belongs to it then.
func (j *Journal) addSegment(first uint64) error {
	path := filepath.Join(j.dir, baseName(first)+segmentSuffix)
	moved := j.ahead.kept()
	// What moves may refer to blobs that stay behind.
	salvaged := !moved.Empty()
	err := createSegment(path, facts{binding: j.o.Binding, first: first, opening: j.w.opening, began: j.w.began, salvaged: salvaged})
	if err != nil {
		return err
	}
	d, err := openDatabase(path, j.mapSize())
	if err != nil {
		return err
	}
	s := &segment{first: first, path: path, kept: moved, size: diskSize(path), salvaged: salvaged, db: d}
	j.mu.Lock()
	if n := len(j.segments); n > 0 && salvaged {
		j.segments[n-1].kept = j.segments[n-1].kept.Minus(moved)
	}
	j.segments = append(j.segments, s)
	j.mu.Unlock()
	j.w.blobs, j.w.bytes, j.w.db, j.w.segment, j.w.recorded = map[uint64]struct{}{}, 0, d, s, true
	j.w.count(j.ahead.items)
	return nil
}
