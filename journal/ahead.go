package journal

import (
	"errors"
	"fmt"
	"sort"
	"syscall"

	"fieldpost/journal/front"
	"fieldpost/telemetry/ranges"
)

// ahead is what is durable in the front file and not in the open segment yet. The lists only grow and are never changed in place, so that a
// reader may keep the one it saw.
type ahead struct {
	items   []item
	entries []item // of items
	bytes   int64  // of their cells
}

func (a *ahead) add(items []item) {
	a.items = append(a.items, items...)
	for _, it := range items {
		a.bytes += int64(len(it.value))
		if it.kind == entryCell {
			a.entries = append(a.entries, it)
		}
	}
}

// first returns the lowest position.
func (a ahead) first() (uint64, bool) {
	if len(a.entries) == 0 {
		return 0, false
	}
	return a.entries[0].key, true
}

// from returns the entries from the one that holds pos, or the first after it, on.
func (a ahead) from(pos uint64) []item {
	return a.entries[sort.Search(len(a.entries), func(i int) bool { return a.entries[i].last() >= pos }):]
}

// blob returns the data of a blob, nil if it is not there.
func (a ahead) blob(key uint64) []byte {
	for _, it := range a.items {
		if it.kind == blobCell && it.key == key {
			return append([]byte{}, it.data()...)
		}
	}
	return nil
}

// kept returns the positions.
func (a ahead) kept() (s ranges.Set) {
	for _, it := range a.entries {
		s.Add(ranges.Of(it.key, uint64(it.count)))
	}
	return s
}

// putAhead makes a small commit durable in front; false: it has to go through to the segment.
func (j *Journal) putAhead(c *commit) (bool, error) {
	if j.member == nil || c.bytes > front.Largest || len(c.items) == 0 || !j.w.recorded {
		return false, nil
	}
	payload := make([]byte, 0, c.bytes)
	for _, it := range c.items {
		payload = append(payload, it.value...)
	}
	err := j.member.Append(payload)
	if errors.Is(err, front.ErrFull) {
		return false, nil
	}
	return err == nil, err
}

// fold commits what is in front to the open segment.
func (j *Journal) fold() error {
	if j.member == nil || len(j.ahead.items) == 0 {
		return nil
	}
	if err := j.putThrough(&commit{}); err != nil {
		return fmt.Errorf("put what is in the front file into %s: %w", j.w.segment.path, err)
	}
	size := diskSize(j.w.segment.path)
	j.mu.Lock()
	j.ahead = ahead{}
	j.w.segment.size = size
	j.mu.Unlock()
	return nil
}

// askFold has the writer fold soon. It is the front that asks.
func (j *Journal) askFold() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed || j.failed != nil {
		return
	}
	for _, r := range j.queue {
		if r.fold {
			return
		}
	}
	j.queue = append(j.queue, &request{fold: true, done: make(chan struct{})})
	j.work.Signal()
}

// join takes over what stands in front of the journal, as far as it is neither in the open segment nor gone for good, and commits it there. latest and
// began are of the opening before this one.
func (j *Journal) join(latest, began uint64) (*Damage, error) {
	if j.o.Front == nil {
		return nil, nil
	}
	member, payloads, aside, err := j.o.Front.Join(j.o.Name, j.askFold)
	if err != nil {
		return nil, err
	}
	j.member, j.joined = member, payloads
	w := &j.w
	var c commit
	c.next = j.next
	var lost ranges.Set
	for _, p := range payloads {
		for len(p) > 0 {
			it, rest, err := nextItem(p)
			if err != nil {
				return nil, fmt.Errorf("front file: %w", err) // whole records have checksums of their own: a program error
			}
			p = rest
			j.rejoin(&c, it, &lost, latest, began)
		}
	}
	// Always, even if there was nothing: what a failed write of an earlier opening left in the front file is told from what this one
	// writes by the position at which this one began.
	w.began = c.next
	if !lost.Empty() { // the blobs of what is there may be among it
		c.add(newItem(cell{kind: metaCell, key: itemSalvaged}, nil))
		w.segment.salvaged = true
	}
	err = j.putThrough(&c)
	switch {
	case errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT):
		// It stays where it is and can be read. Nothing more goes in front of the segment before that knows of this opening.
		j.log.Warn("no room to put what is in the front file into its segment; trying again with the next commit", "path", w.segment.path, "err", err)
		j.ahead.add(c.items)
	case err != nil:
		return nil, err
	}
	w.count(c.items)
	w.segment.kept.AddAll(c.kept)
	w.segment.size = diskSize(w.segment.path)
	j.kept.AddAll(c.kept)
	j.next, j.durable, j.joined = c.next, c.next, nil
	if lost.Empty() {
		return nil, nil
	}
	return &Damage{Path: aside, Salvaged: c.kept.Clone(), Lost: lost, Cause: damaged("the front file has holes")}, nil
}

// rejoin takes one cell of the front file over.
func (j *Journal) rejoin(c *commit, it item, lost *ranges.Set, latest, began uint64) {
	switch it.kind {
	case blobCell:
		if _, there := j.w.blobs[it.key]; !there {
			c.add(it)
		}
	case metaCell:
		if it.key == itemNext && it.mark > c.next {
			c.next = it.mark
			c.add(it)
		}
	case entryCell:
		whole := ranges.Of(it.key, uint64(it.count))
		if it.opening < latest && it.last() >= began || it.key < j.w.segment.first ||
			!j.kept.Intersect(ranges.Make(whole)).Empty() || !c.kept.Intersect(ranges.Make(whole)).Empty() {
			return // never finished, gone with its segment, or there
		}
		if it.key > c.next {
			lost.Add(ranges.Range{From: c.next, To: it.key - 1})
		}
		lost.Remove(whole)
		c.add(it)
		c.kept.Add(whole)
		c.next = max(c.next, it.last()+1)
	}
}

// nextItem takes the cell apart that b begins with.
func nextItem(b []byte) (it item, rest []byte, err error) {
	head, err := parseHead(b)
	if err != nil {
		return item{}, nil, err
	}
	size := cellHead + int(head.length)
	if size > len(b) {
		return item{}, nil, damaged("cell of %d bytes in %d", size, len(b))
	}
	if _, _, err := parseCell(b[:size], head.kind); err != nil {
		return item{}, nil, err
	}
	return item{head, b[:size:size]}, b[size:], nil
}

// leave hands what was not folded back to the front.
func (j *Journal) leave() {
	if j.member == nil {
		return
	}
	payloads := j.joined
	for _, it := range j.ahead.items {
		payloads = append(payloads, it.value)
	}
	j.member.Leave(payloads)
	j.member = nil
}
