package journal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"
)

// mend deals with damage found in the segment that v shows: an open segment is sealed first, a sealed one is replaced by what can
// be salvaged of it.
func (j *Journal) mend(v view, cause error) error {
	if v.db != nil {
		err := j.submit(&request{rotate: true, spoilt: true}, func() error { return nil })
		if err != nil {
			return fmt.Errorf("read %s: %w; to set it aside: %w", v.path, cause, err)
		}
		return nil
	}
	d, err := j.replace(v, cause)
	if err != nil {
		return fmt.Errorf("set %s aside (%w): %w", v.path, cause, err)
	}
	if d != nil {
		j.log.Error("segment damaged", "path", d.Path, "salvaged", d.Salvaged.Len(), "lost", d.Lost.String(), "err", d.Cause)
		if j.o.OnDamage != nil {
			j.o.OnDamage(*d)
		}
	}
	return nil
}

// replace repairs the sealed segment that v shows; nil if that was done meanwhile.
func (j *Journal) replace(v view, cause error) (*Damage, error) {
	j.mending.Lock()
	defer j.mending.Unlock()
	j.mu.Lock()
	i := slices.Index(j.segments, v.segment)
	if j.closed || i < 0 || v.segment.version != v.version {
		j.mu.Unlock()
		return nil, nil
	}
	bound := j.segments[i+1].first // a sealed segment is never the last
	j.mu.Unlock()

	r, err := repair(v.path, j.o.Binding, v.first, bound, &v.kept, j.w.opening, cause)
	if err != nil {
		return nil, err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	s := v.segment
	j.kept.RemoveAll(s.kept)
	j.kept.AddAll(r.kept)
	s.kept, s.salvaged, s.size = r.kept, true, diskSize(s.path)
	s.version++
	j.damages = append(j.damages, r.damage)
	j.notify()
	return &r.damage, nil
}

// verifyShare is the part of the time, one in so many, that Verify may keep the disk busy.
const verifyShare = 10

// Verify proves the sealed segments one after the other, slowly: it takes about a tenth of the disk's time. Damage is dealt with as
// when a read meets it, and returned. It ends with the context's error if that ends before.
func (j *Journal) Verify(ctx context.Context) ([]Damage, error) {
	j.mu.Lock()
	var views []view
	for _, s := range j.segments {
		if s.db == nil {
			views = append(views, j.view(s))
		}
	}
	found := len(j.damages)
	j.mu.Unlock()
	for _, v := range views {
		if err := ctx.Err(); err != nil {
			return j.Damages()[found:], err
		}
		began := time.Now()
		if err := j.verify(v); err != nil {
			return j.Damages()[found:], err
		}
		pause := time.NewTimer((verifyShare - 1) * time.Since(began))
		select {
		case <-ctx.Done():
		case <-pause.C:
		}
		pause.Stop()
	}
	return j.Damages()[found:], ctx.Err()
}

func (j *Journal) verify(v view) error {
	c, err := inspect(v.path, v.first, false)
	if err == nil && !c.kept.Equal(v.kept) {
		err = damaged("holds the positions %v instead of %v", c.kept, v.kept)
	}
	switch {
	case err == nil || j.outdated(v):
		return nil
	case !isDamage(err) && !errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("verify %s: %w", v.path, err)
	}
	return j.mend(v, err)
}
