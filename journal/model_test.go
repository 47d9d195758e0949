package journal_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"fieldpost/journal"
	"fieldpost/telemetry/ranges"
)

// model is what a journal must be equivalent to.
type model struct {
	entries map[uint64]journal.Entry
	blobs   map[[2]uint64][]byte // of position and key
	next    uint64
	serial  uint64 // makes each content another
}

// TestModel runs random operations against a map. It proves: what Append returned for is read back as it was, once, in order, and
// nothing else, through rotation, reopening and holes; Kept is exactly that; Drop takes exactly its segment; damage takes
// only what Damage names, and what was saved is as it was.
func TestModel(t *testing.T) {
	for seed := range uint64(10) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 77))
			m := &model{entries: map[uint64]journal.Entry{}, blobs: map[[2]uint64][]byte{}, next: 1}
			dir := tempDir(t)
			o := journal.Options{SegmentSize: 128 << 10, OnDamage: func(d journal.Damage) { m.damage(t, d) }}
			j, _ := open(t, dir, o)
			for step := range 150 {
				switch op := r.IntN(100); {
				case op < 60:
					m.append(t, j, r)
				case op < 65:
					m.skip(t, j, r)
				case op < 75:
					check(t, j.Rotate())
				case op < 80:
					m.drop(t, j, r)
				case op < 88:
					m.read(t, j, r)
				case op < 94:
					mustClose(t, j)
					var damages []journal.Damage
					if j, damages = open(t, dir, o); len(damages) != 0 {
						t.Fatalf("step %d: damages %v", step, damages)
					}
					m.reopened(t, j)
				case op < 97:
					m.harmSealed(t, j, r)
				default:
					j = m.harmLast(t, j, r, dir, o)
				}
				if j.Next() != m.next {
					t.Fatalf("step %d: next %d, want %d", step, j.Next(), m.next)
				}
			}
			m.all(t, j)
		})
	}
}

func (m *model) append(t *testing.T, j *journal.Journal, r *rand.Rand) {
	es := make([]journal.Entry, 1+r.IntN(4))
	for i := range es {
		m.serial++
		es[i] = journal.Entry{Count: uint32(1 + r.IntN(50)), Mark: r.Uint64(), Data: payload(m.serial, 5, r.IntN(3000))}
		for range r.IntN(3) {
			key := uint64(r.IntN(5))
			es[i].Blobs = append(es[i].Blobs, journal.Blob{Key: key, Data: payload(key, 6, 200)})
		}
	}
	check(t, j.Append(es...))
	for _, e := range es {
		if e.Pos != m.next {
			t.Fatalf("appended at %d, want %d", e.Pos, m.next)
		}
		m.next += uint64(e.Count)
		m.entries[e.Pos] = e
	}
}

func (m *model) skip(t *testing.T, j *journal.Journal, r *rand.Rand) {
	to := m.next + uint64(r.IntN(100)) - 20
	if m.next < 20 {
		to = m.next
	}
	check(t, j.SkipTo(to))
	m.next = max(m.next, to)
}

func (m *model) drop(t *testing.T, j *journal.Journal, r *rand.Rand) {
	segs := j.Segments()
	if len(segs) < 2 {
		return
	}
	i := r.IntN(len(segs) - 1)
	check(t, j.Drop(segs[i].First))
	m.forget(ranges.Make(ranges.Range{From: segs[i].First, To: segs[i+1].First - 1}))
}

func (m *model) forget(s ranges.Set) {
	maps.DeleteFunc(m.entries, func(pos uint64, e journal.Entry) bool { return s.Has(pos) })
}

// damage takes out what was lost and asserts that saved and lost make up the segment.
func (m *model) damage(t *testing.T, d journal.Damage) {
	for pos, e := range m.entries {
		r := ranges.Of(pos, uint64(e.Count))
		if d.Lost.Has(pos) != d.Lost.HasAll(r) || d.Salvaged.Has(pos) != d.Salvaged.HasAll(r) {
			t.Errorf("half an entry at %v: saved %v, lost %v", r, d.Salvaged, d.Lost)
		}
	}
	m.forget(d.Lost)
}

func (m *model) harmSealed(t *testing.T, j *journal.Journal, r *rand.Rand) {
	segs := j.Segments()
	if len(segs) < 2 {
		return
	}
	s := segs[r.IntN(len(segs)-1)]
	before := j.Kept()
	m.harm(t, s.Path, r)
	_, err := j.Verify(t.Context())
	check(t, err)
	lost := before.Minus(j.Kept())
	var named ranges.Set
	for _, d := range j.Damages() {
		named.AddAll(d.Lost)
	}
	if !lost.Minus(named).Empty() {
		t.Fatalf("lost %v without a word", lost.Minus(named))
	}
}

// harmLast damages the open segment while the journal is closed. Its tail may be lost without being known.
func (m *model) harmLast(t *testing.T, j *journal.Journal, r *rand.Rand, dir string, o journal.Options) *journal.Journal {
	segs := j.Segments()
	last := segs[len(segs)-1]
	mustClose(t, j)
	m.harm(t, last.Path, r)
	j, damages := open(t, dir, o)
	kept := j.Kept()
	for _, d := range damages {
		m.damage(t, d)
		for pos := range m.entries {
			if pos >= last.First && !kept.Has(pos) {
				if !d.Lost.Empty() && pos < d.Lost.Ranges()[0].From {
					t.Fatalf("lost %d before %v", pos, d.Lost)
				}
				delete(m.entries, pos)
			}
		}
	}
	m.next = j.Next()
	m.all(t, j)
	return j
}

func (m *model) harm(t *testing.T, path string, r *rand.Rand) {
	b := readFile(t, path)
	for range 1 + r.IntN(4) {
		at, n := r.IntN(used(b)), 1+r.IntN(3000)
		switch r.IntN(2) {
		case 0:
			clear(b[at:min(at+n, len(b))])
		case 1:
			copy(b[at:], payload(uint64(at), 8, n))
		}
	}
	// In place, as a disk would: the journal may have the file open.
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	check(t, err)
	_, err = f.WriteAt(b, 0)
	check(t, errors.Join(err, f.Close()))
}

func (m *model) reopened(t *testing.T, j *journal.Journal) {
	// A hole behind all that is kept may be forgotten with the segment that it was in, never an entry.
	if j.Next() > m.next {
		t.Fatalf("next %d, want at most %d", j.Next(), m.next)
	}
	m.next = j.Next()
	m.all(t, j)
}

func (m *model) positions() []uint64 { return slices.Sorted(maps.Keys(m.entries)) }

// read compares a Read from anywhere.
func (m *model) read(t *testing.T, j *journal.Journal, r *rand.Rand) {
	pos, budget := uint64(r.IntN(int(m.next)+10)), r.IntN(8000)
	got, err := j.Read(pos, budget)
	check(t, err)
	at := m.positions()
	at = slices.DeleteFunc(at, func(p uint64) bool { return p+uint64(m.entries[p].Count) <= pos })
	if len(got) == 0 && len(at) > 0 || len(got) > len(at) {
		t.Fatalf("read %d entries from %d, have %d", len(got), pos, len(at))
	}
	size := 0
	for i, e := range got {
		check(t, same(e, m.entries[at[i]]))
		if size += len(e.Data); i > 0 && size > budget {
			t.Fatalf("read %d bytes, asked for %d", size, budget)
		}
	}
}

// all compares everything.
func (m *model) all(t *testing.T, j *journal.Journal) {
	t.Helper()
	at := m.positions()
	got := readFrom(t, j, 0)
	var heads []uint64
	check(t, j.Heads(0, 10, func(e journal.Entry) error {
		want := m.entries[e.Pos]
		if e.Count != want.Count || e.Mark != want.Mark || !bytes.Equal(e.Data, want.Data[:min(10, len(want.Data))]) {
			t.Fatalf("head at %d", e.Pos)
		}
		heads = append(heads, e.Pos)
		return nil
	}))
	if !slices.Equal(heads, at) {
		t.Fatalf("heads at %v, want %v; read %d, kept %v, next %d, segs %v damages %v", heads, at, len(got), j.Kept(), j.Next(), j.Segments(), j.Damages())
	}
	var kept ranges.Set
	for i, pos := range at {
		if i >= len(got) || got[i].Pos != pos {
			t.Fatalf("entry %d is not the one at %d, of %d, want %d", i, pos, len(got), len(at))
		}
		e := m.entries[pos]
		check(t, same(got[i], e))
		kept.Add(ranges.Of(pos, uint64(e.Count)))
		for _, b := range e.Blobs {
			data, err := j.Blob(pos, b.Key)
			if err != nil && !errors.Is(err, journal.ErrNotFound) || err == nil && !bytes.Equal(data, b.Data) {
				t.Fatalf("blob %d at %d: %v", b.Key, pos, err)
			}
		}
	}
	if len(got) != len(at) || !j.Kept().Equal(kept) {
		t.Fatalf("%d entries, want %d; kept %v, want %v", len(got), len(at), j.Kept(), kept)
	}
}
