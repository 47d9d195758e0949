package blocks

import (
	"bufio"
	"cmp"
	"errors"
	"hash/crc32"
	"os"
	"slices"

	"fieldpost/journal/durable"
	"fieldpost/telemetry"
)

// Writer writes a part. Until Finish nothing of it counts. For one goroutine.
type Writer struct {
	set    *Set
	path   string
	f      *os.File
	w      *bufio.Writer
	at     trailer
	off    uint64
	groups map[telemetry.Series][]Chunk
	buf    []byte
	err    error
}

// Create begins the part of the positions first … next-1 of the segment that begins at segment, of which proof holds. whole: they are all of
// the segment, which is sealed, and the part takes the place of those that the segment had.
func (s *Set) Create(segment, first, next uint64, whole bool, proof Proof) (*Writer, error) {
	w := &Writer{set: s, path: s.path(segment, next, whole), at: trailer{first: first, next: next, reach: nowhere, proof: proof}, groups: map[telemetry.Series][]Chunk{}}
	var err error
	if w.f, err = os.OpenFile(w.temp(), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600); err != nil {
		return nil, err
	}
	w.w = bufio.NewWriterSize(w.f, 256<<10)
	return w, nil
}

func (w *Writer) temp() string { return w.path + ".tmp" }

// Add appends readings of s, not older in position than those of s before. An error sticks, and Finish returns it.
func (w *Writer) Add(s telemetry.Series, c Chunk, content *Content) {
	w.buf = content.append(w.buf[:0])
	c.off, c.size = w.off, uint32(len(w.buf))
	w.groups[s] = append(w.groups[s], c)
	w.write(w.buf)
}

// Fail makes err what Finish returns.
func (w *Writer) Fail(err error) { w.err = cmp.Or(w.err, err) }

func (w *Writer) write(b []byte) {
	if w.err == nil {
		_, w.err = w.w.Write(b)
	}
	w.off += uint64(len(b))
}

// Finish makes the part durable and a member of its set.
func (w *Writer) Finish() error {
	type named struct {
		key uint64
		telemetry.Series
	}
	order := make([]named, 0, len(w.groups))
	for s := range w.groups {
		order = append(order, named{keyOf(s), s})
	}
	slices.SortFunc(order, func(a, b named) int {
		return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.Node, b.Node), cmp.Compare(a.Device, b.Device), cmp.Compare(a.Metric, b.Metric))
	})
	var directory []byte
	for _, n := range order {
		chunks := w.groups[n.Series]
		e := entry{key: n.key, off: w.off, reach: nowhere}
		for i := range chunks {
			e.add(reach{chunks[i].Min, chunks[i].Max, chunks[i].Doubtful})
		}
		w.at.add(e.reach)
		w.buf = appendGroup(w.buf[:0], n.Series, chunks)
		e.size = uint32(len(w.buf))
		w.write(w.buf)
		directory = e.append(directory)
	}
	w.at.groups, w.at.directory, w.at.sum = uint32(len(order)), w.off, crc32.Checksum(directory, castagnoli)
	w.write(w.at.append(directory))
	if w.err == nil {
		w.err = w.w.Flush()
	}
	if w.err == nil {
		w.err = w.f.Sync()
	}
	if err := errors.Join(w.err, w.f.Close()); err != nil {
		_ = os.Remove(w.temp())
		return err
	}
	if err := durable.Rename(w.temp(), w.path); err != nil {
		_ = os.Remove(w.temp())
		return err
	}
	return w.set.take(w.path)
}

// Abandon removes what was written.
func (w *Writer) Abandon() {
	_ = w.f.Close()
	_ = os.Remove(w.temp())
}
