package blocks

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"fieldpost/telemetry/ranges"
)

const suffix = ".blk"

// Set is the parts of one journal. Safe for concurrent use.
type Set struct {
	dir string
	log *slog.Logger

	mu    sync.Mutex
	parts []*part // by first position; no two overlap
}

// Open opens the parts in dir, the journal's. holds says whether the journal's positions first … next-1 are still those of which proof was made, and
// lie in the segment that begins at segment; whole: are all of it. Other parts, and what was not finished, are removed.
func Open(dir string, holds func(segment, first, next uint64, whole bool, proof Proof) bool, log *slog.Logger) (*Set, error) {
	s := &Set{dir: dir, log: log}
	names, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("open blocks: %w", err)
	}
	var found []*part
	for _, n := range names {
		path := filepath.Join(dir, n.Name())
		if filepath.Ext(strings.TrimSuffix(n.Name(), ".tmp")) != suffix {
			continue
		}
		segment, whole, ok := parseName(n.Name())
		if ok {
			p, err := openPart(path)
			if err == nil && holds(segment, p.first, p.next, whole, p.proof) {
				found = append(found, p)
				continue
			}
			if err != nil && !errors.Is(err, ErrDamaged) {
				return nil, fmt.Errorf("open blocks: %w", err)
			}
			log.Info("blocks of a segment are made again", "path", path, "err", err)
		}
		if err := os.RemoveAll(path); err != nil {
			return nil, fmt.Errorf("open blocks: %w", err)
		}
	}
	// The larger one first: it has what the smaller ones have.
	slices.SortFunc(found, func(a, b *part) int { return cmp.Compare(b.next-b.first, a.next-a.first) })
	for _, p := range found {
		s.insert(p)
	}
	return s, nil
}

// path names a part: a whole segment's like the segment, another one by its end too.
func (s *Set) path(segment, next uint64, whole bool) string {
	if whole {
		return filepath.Join(s.dir, fmt.Sprintf("%020d%s", segment, suffix))
	}
	return filepath.Join(s.dir, fmt.Sprintf("%020d.%020d%s", segment, next, suffix))
}

func parseName(name string) (segment uint64, whole, ok bool) {
	base, ok := strings.CutSuffix(name, suffix)
	first, end, stretch := strings.Cut(base, ".")
	segment, err := strconv.ParseUint(first, 10, 64)
	if stretch && err == nil {
		_, err = strconv.ParseUint(end, 10, 64)
	}
	return segment, !stretch, ok && err == nil
}

// take opens a finished part and makes it a member.
func (s *Set) take(path string) error {
	p, err := openPart(path)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.insert(p)
	return nil
}

// insert adds p in place of those that it covers. One that overlaps others otherwise is dropped: which cannot be, unless somebody put files there.
func (s *Set) insert(p *part) {
	keep := make([]*part, 0, len(s.parts)+1)
	var covered []*part
	for _, o := range s.parts {
		switch {
		case o.next <= p.first || o.first >= p.next:
			keep = append(keep, o)
		case o.first >= p.first && o.next <= p.next:
			covered = append(covered, o)
		default:
			s.remove(p)
			return
		}
	}
	for _, o := range covered {
		if o.path != p.path {
			s.remove(o)
		}
	}
	keep = append(keep, p)
	slices.SortFunc(keep, func(a, b *part) int { return cmp.Compare(a.first, b.first) })
	s.parts = keep // readers have the old list
}

// remove unlinks p, once nobody reads it any more.
func (s *Set) remove(p *part) {
	if p.gone = true; p.users > 0 {
		return
	}
	if err := os.Remove(p.path); err != nil && !errors.Is(err, os.ErrNotExist) {
		s.log.Warn("blocks that are not needed stay on disk", "path", p.path, "err", err)
	}
}

// Covered returns the positions that are in parts.
func (s *Set) Covered() ranges.Set {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.covered()
}

func (s *Set) covered() (covered ranges.Set) {
	for _, p := range s.parts {
		covered.Add(ranges.Range{From: p.first, To: p.next - 1})
	}
	return covered
}

// Whole reports whether there is one part of exactly these positions.
func (s *Set) Whole(first, next uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.parts, func(p *part) bool { return p.first == first && p.next == next })
}

// Size returns the bytes of all parts.
func (s *Set) Size() (n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.parts {
		n += p.size
	}
	return n
}

// Drop removes the parts of the positions up to before.
func (s *Set) Drop(before uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	keep := make([]*part, 0, len(s.parts))
	for _, p := range s.parts {
		if p.next <= before {
			s.remove(p)
			continue
		}
		keep = append(keep, p)
	}
	s.parts = keep
}

// Oldest returns where the oldest part ends, for Drop; 0 if there is none.
func (s *Set) Oldest() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.parts) == 0 {
		return 0
	}
	return s.parts[0].next
}

// Mend removes the part of which err tells that it is damaged, and returns nil; it returns any other error.
func (s *Set) Mend(err error) error {
	var d *DamageError
	if !errors.As(err, &d) {
		return err
	}
	s.log.Warn("blocks damaged or gone; they are made again", "path", d.Path, "err", d.Err)
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.Index(s.parts, d.part); i >= 0 {
		s.parts = slices.Delete(slices.Clone(s.parts), i, i+1)
		s.remove(d.part)
	}
	return nil
}
