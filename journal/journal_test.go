package journal_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"fieldpost/journal"
	"fieldpost/journal/front"
	"fieldpost/telemetry/ranges"
)

func TestAppendReadReopen(t *testing.T) {
	dir := t.TempDir()
	j, damages := open(t, dir, journal.Options{})
	if len(damages) != 0 || j.Next() != 1 || !j.Kept().Empty() {
		t.Fatalf("new journal: damages %v, next %d, kept %v", damages, j.Next(), j.Kept())
	}
	at := fill(t, j, 40)
	wantEntries(t, j, at)
	next := j.Next()
	mustClose(t, j)

	j, damages = open(t, dir, journal.Options{})
	if len(damages) != 0 || j.Next() != next {
		t.Fatalf("reopened: damages %v, next %d, want %d", damages, j.Next(), next)
	}
	at = append(at, fill(t, j, 5)...)
	wantEntries(t, j, at)
}

func TestReadBounds(t *testing.T) {
	j, _ := open(t, t.TempDir(), journal.Options{})
	es := []journal.Entry{
		{Count: 10, Data: make([]byte, 100)}, // 1–10
		{Count: 5, Data: make([]byte, 200)},  // 11–15
		{Count: 1, Data: nil},                // 16
		{Count: 4, Data: make([]byte, 5000)}, // 17–20
	}
	if err := j.Append(es...); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		pos   uint64
		bytes int
		want  []uint64
	}{
		{0, 0, []uint64{1}},
		{1, 99, []uint64{1}},
		{10, 299, []uint64{1}},
		{10, 300, []uint64{1, 11, 16}},
		{11, 1 << 20, []uint64{11, 16, 17}},
		{15, 200, []uint64{11, 16}},
		{18, 1, []uint64{17}},
		{21, 100, nil},
		{math.MaxUint64, 100, nil},
	} {
		got, err := j.Read(c.pos, c.bytes)
		if err != nil {
			t.Fatal(err)
		}
		var at []uint64
		for _, e := range got {
			at = append(at, e.Pos)
		}
		if !slices.Equal(at, c.want) {
			t.Errorf("Read(%d, %d) gave %v, want %v", c.pos, c.bytes, at, c.want)
		}
	}
	for _, sealed := range []bool{false, true} {
		if sealed {
			if err := j.Rotate(); err != nil {
				t.Fatal(err)
			}
		}
		var got []string
		err := j.Heads(12, 150, func(e journal.Entry) error {
			got = append(got, fmt.Sprint(e.Pos, len(e.Data)))
			if e.Pos == 17 {
				return journal.ErrStop
			}
			return nil
		})
		if want := []string{"11 150", "16 0", "17 150"}; err != nil || !slices.Equal(got, want) {
			t.Errorf("sealed %v: heads %v, %v; want %v", sealed, got, err, want)
		}
		own := errors.New("own")
		if err := j.Heads(0, 0, func(journal.Entry) error { return own }); err != own {
			t.Errorf("sealed %v: Heads returned %v", sealed, err)
		}
	}
}

func TestSegments(t *testing.T) {
	dir := t.TempDir()
	j, _ := open(t, dir, journal.Options{})
	if err := j.Rotate(); err != nil || len(j.Segments()) != 1 {
		t.Fatalf("rotating an empty segment: %v, %v", err, j.Segments())
	}
	var at []uint64
	var begins []uint64
	for range 4 {
		begins = append(begins, j.Next())
		at = append(at, fill(t, j, 6)...)
		if err := j.Rotate(); err != nil {
			t.Fatal(err)
		}
	}
	begins = append(begins, j.Next())
	if f := firsts(j); !slices.Equal(f, begins) {
		t.Fatalf("segments begin at %v, want %v", f, begins)
	}
	wantEntries(t, j, at)

	segs := j.Segments()
	var size int64
	for i, s := range segs {
		if s.Sealed != (i < 4) || i < 4 && s.Next != segs[i+1].First || s.Size <= 0 || s.Path != filepath.Join(dir, fmt.Sprintf("%020d.seg", s.First)) {
			t.Errorf("segment %+v", s)
		}
		size += s.Size
	}
	if j.Size() != size {
		t.Errorf("size %d, want %d", j.Size(), size)
	}

	// Drop the second; what lies beside it goes too, except a damaged form.
	base := strings.TrimSuffix(segs[1].Path, "seg")
	for _, n := range []string{"idx", "seg.damaged-1"} {
		if err := os.WriteFile(base+n, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Drop(segs[1].First); err != nil {
		t.Fatal(err)
	}
	left, _ := filepath.Glob(base + "*")
	if len(left) != 1 || left[0] != base+"seg.damaged-1" {
		t.Errorf("beside the dropped segment: %v", left)
	}
	at = slices.Delete(at, 6, 12)
	wantEntries(t, j, at)
	if err := j.Drop(segs[1].First); !errors.Is(err, journal.ErrNotFound) {
		t.Errorf("dropping twice: %v", err)
	}
	if err := j.Drop(segs[4].First); err == nil {
		t.Error("dropped the open segment")
	}
	mustClose(t, j)
	j, damages := open(t, dir, journal.Options{})
	if len(damages) != 0 {
		t.Error(damages)
	}
	wantEntries(t, j, at)
}

func TestRotationBySize(t *testing.T) {
	dir := t.TempDir()
	j, _ := open(t, dir, journal.Options{SegmentSize: 256 << 10})
	blob := journal.Blob{Key: 5, Data: []byte("table")}
	var want []journal.Entry
	for i := range 100 {
		// Three entries in one Append are one commit in one segment, and the blob is in each segment.
		es := make([]journal.Entry, 3)
		for k := range es {
			es[k] = journal.Entry{Count: 1, Mark: uint64(i), Data: payload(uint64(i), uint64(k), 2000), Blobs: []journal.Blob{blob}}
		}
		if err := j.Append(es...); err != nil {
			t.Fatal(err)
		}
		want = append(want, es...)
	}
	segs := j.Segments()
	if len(segs) < 3 || len(segs) > 12 {
		t.Fatalf("%d segments", len(segs))
	}
	limit := int64(300 << 10)
	if os.Getenv(fronted) != "" {
		limit += front.DefaultSize // what comes from there at once may take twice its bytes
	}
	for _, s := range segs[:len(segs)-1] {
		if (s.First-1)%3 != 0 || s.Size > limit {
			t.Errorf("segment %+v", s)
		}
		if b, err := j.Blob(s.First, 5); err != nil || string(b) != "table" {
			t.Errorf("blob in segment %d: %q, %v", s.First, b, err)
		}
	}
	got := readFrom(t, j, 0)
	if len(got) != len(want) {
		t.Fatalf("%d entries, want %d", len(got), len(want))
	}
	for i := range got {
		if err := same(got[i], want[i]); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := j.Blob(1, 6); !errors.Is(err, journal.ErrNotFound) {
		t.Errorf("unknown blob: %v", err)
	}
	if _, err := j.Blob(1000, 5); !errors.Is(err, journal.ErrNotFound) {
		t.Errorf("blob of an unknown position: %v", err)
	}
}

func TestSkipTo(t *testing.T) {
	dir := t.TempDir()
	j, _ := open(t, dir, journal.Options{})
	at := fill(t, j, 3)
	if err := j.SkipTo(2); err != nil || j.Next() == 2 {
		t.Fatalf("skipped back: %d, %v", j.Next(), err)
	}
	if err := j.SkipTo(1000); err != nil || j.Next() != 1000 {
		t.Fatalf("next %d, %v", j.Next(), err)
	}
	at = append(at, fill(t, j, 3)...)
	if err := j.SkipTo(5000); err != nil {
		t.Fatal(err)
	}
	wantEntries(t, j, at)
	if es, err := j.Read(500, 1); err != nil || len(es) != 1 || es[0].Pos != 1000 {
		t.Fatalf("read in a hole: %v, %v", es, err)
	}
	if _, err := j.Blob(500, 1); !errors.Is(err, journal.ErrNotFound) {
		t.Errorf("blob in a hole: %v", err)
	}
	mustClose(t, j)
	j, _ = open(t, dir, journal.Options{})
	if j.Next() != 5000 {
		t.Fatalf("the hole at the end was forgotten: next %d", j.Next())
	}
	if err := j.Rotate(); err != nil {
		t.Fatal(err)
	}
	at = append(at, fill(t, j, 2)...)
	wantEntries(t, j, at)
	if err := j.SkipTo(math.MaxUint64); err == nil || j.Next() == math.MaxUint64 {
		t.Error("skipped to the last number")
	}
	if err := j.SkipTo(math.MaxUint64 - 2); err != nil {
		t.Fatal(err)
	}
	if err := j.Append(journal.Entry{Count: 3}); err == nil {
		t.Error("appended beyond the last number")
	}
	if err := j.Append(journal.Entry{Count: 1, Data: []byte("last")}); err != nil {
		t.Fatal(err)
	}
	if es, err := j.Read(math.MaxUint64-2, 100); err != nil || len(es) != 1 || string(es[0].Data) != "last" {
		t.Errorf("%v, %v", es, err)
	}
}

func TestConcurrentAppendsShareCommits(t *testing.T) {
	j, _ := open(t, t.TempDir(), journal.Options{SegmentSize: 256 << 10})
	const writers, each = 16, 40
	var mu sync.Mutex
	want := map[uint64][]byte{}
	stop := make(chan struct{})
	var readers, wg sync.WaitGroup
	readers.Go(func() { // a reader follows, and sees no gap
		pos := uint64(1)
		for {
			changed := j.Changed()
			es, err := j.Read(pos, 4000)
			if err != nil {
				t.Error(err)
				return
			}
			for _, e := range es {
				if e.Pos != pos {
					t.Errorf("read %d after %d", e.Pos, pos)
					return
				}
				pos += uint64(e.Count)
			}
			if len(es) > 0 {
				continue
			}
			select {
			case <-changed:
			case <-stop:
				if pos != j.Next() {
					t.Errorf("reader ended at %d of %d", pos, j.Next())
				}
				return
			}
		}
	})
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				es := []journal.Entry{
					{Count: 2, Data: payload(uint64(w), uint64(i), 500)},
					{Count: 1, Data: payload(uint64(w), uint64(i+1000), 100)},
				}
				if err := j.Append(es...); err != nil {
					t.Error(err)
					return
				}
				if es[1].Pos != es[0].Pos+2 {
					t.Errorf("entries of one append at %d and %d", es[0].Pos, es[1].Pos)
				}
				mu.Lock()
				want[es[0].Pos], want[es[1].Pos] = es[0].Data, es[1].Data
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	close(stop)
	readers.Wait()
	got := readFrom(t, j, 0)
	if len(got) != len(want) || len(want) != 2*writers*each {
		t.Fatalf("%d entries read, %d appended, want %d", len(got), len(want), 2*writers*each)
	}
	for _, e := range got {
		if !bytes.Equal(e.Data, want[e.Pos]) {
			t.Fatalf("entry at %d has other data", e.Pos)
		}
	}
	bytes, commits := j.Written()
	if bytes != writers*each*600 || commits == 0 || commits > writers*each {
		t.Errorf("%d bytes in %d commits", bytes, commits)
	}
}

func TestBindingAndLock(t *testing.T) {
	dir := t.TempDir()
	j, _ := open(t, dir, journal.Options{})
	fill(t, j, 2)
	_, _, err := journal.Open(dir, journal.Options{Binding: binding})
	if !errors.Is(err, journal.ErrHeld) || !strings.Contains(err.Error(), fmt.Sprint(os.Getpid())) {
		t.Errorf("second open: %v", err)
	}
	mustClose(t, j)
	_, _, err = journal.Open(dir, journal.Options{Binding: "pi-8"})
	if !errors.Is(err, journal.ErrBinding) || !strings.Contains(err.Error(), `"pi-7"`) {
		t.Errorf("other binding: %v", err)
	}
	// A damaged journal of another is left alone too.
	path := filepath.Join(dir, "00000000000000000001.seg")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	clear(b[:8192])
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := journal.Open(dir, journal.Options{Binding: "pi-8"}); !errors.Is(err, journal.ErrBinding) {
		t.Errorf("other binding, damaged: %v", err)
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, b) {
		t.Error("another's journal was changed")
	}
	// Its owner gets it mended.
	j, damages := open(t, dir, journal.Options{})
	if len(damages) != 1 {
		t.Error(damages)
	}
	wantEntries(t, j, []uint64{1, 3})
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm()&0o077 != 0 && os.Getuid() != 0 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestClosed(t *testing.T) {
	j, _, err := journal.Open(filepath.Join(t.TempDir(), "a", "b"), journal.Options{Binding: binding})
	if err != nil {
		t.Fatal(err)
	}
	fill(t, j, 1)
	changed := j.Changed()
	mustClose(t, j)
	mustClose(t, j)
	<-changed
	if err := j.Append(journal.Entry{Count: 1}); !errors.Is(err, journal.ErrClosed) {
		t.Error(err)
	}
	if _, err := j.Read(0, 1); !errors.Is(err, journal.ErrClosed) {
		t.Error(err)
	}
	if err := j.Rotate(); !errors.Is(err, journal.ErrClosed) {
		t.Error(err)
	}
	if err := j.Drop(1); !errors.Is(err, journal.ErrClosed) {
		t.Error(err)
	}
	if _, err := j.Blob(1, 1); !errors.Is(err, journal.ErrClosed) {
		t.Error(err)
	}
}

func TestRefusedArguments(t *testing.T) {
	j, _ := open(t, t.TempDir(), journal.Options{})
	if err := j.Append(journal.Entry{Count: 1}, journal.Entry{}); err == nil || !strings.Contains(err.Error(), "entry 2 of 2") {
		t.Errorf("count 0: %v", err)
	}
	if j.Next() != 1 {
		t.Errorf("a refused append took positions: %d", j.Next())
	}
	if err := j.Append(); err != nil {
		t.Error(err)
	}
	fill(t, j, 1)
}

// A crash between creating a segment and sealing the one before leaves that one without its list of positions.
func TestCrashBeforeSeal(t *testing.T) {
	dir := t.TempDir()
	j, _ := open(t, dir, journal.Options{})
	at := fill(t, j, 10)
	if err := j.SkipTo(100); err != nil {
		t.Fatal(err)
	}
	at = append(at, fill(t, j, 10)...)
	mustClose(t, j)
	first := filepath.Join(dir, "00000000000000000001.seg")
	unsealed, err := os.ReadFile(first)
	if err != nil {
		t.Fatal(err)
	}
	j, _ = open(t, dir, journal.Options{})
	if err := j.Rotate(); err != nil {
		t.Fatal(err)
	}
	mustClose(t, j)
	if err := os.WriteFile(first, unsealed, 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the first opening writes the list down
		var damages []journal.Damage
		j, damages = open(t, dir, journal.Options{})
		if len(damages) != 0 || len(j.Segments()) != 2 {
			t.Fatalf("damages %v, segments %v", damages, j.Segments())
		}
		wantEntries(t, j, at)
		mustClose(t, j)
	}
	if now, err := os.ReadFile(first); err != nil || bytes.Equal(now, unsealed) {
		t.Error("the segment was not sealed at opening")
	}
}

// The highest-numbered segment is open for append, whatever it says.
func TestSealedMarkIsTakenBack(t *testing.T) {
	dir := t.TempDir()
	j, _ := open(t, dir, journal.Options{})
	at := fill(t, j, 10)
	if err := j.Rotate(); err != nil {
		t.Fatal(err)
	}
	empty := j.Segments()[1].Path
	mustClose(t, j)
	if err := os.Remove(empty); err != nil {
		t.Fatal(err)
	}
	j, _ = open(t, dir, journal.Options{})
	at = append(at, fill(t, j, 10)...)
	mustClose(t, j)
	first := filepath.Join(dir, "00000000000000000001.seg")
	unsealed, err := os.ReadFile(first)
	if err != nil {
		t.Fatal(err)
	}
	j, _ = open(t, dir, journal.Options{})
	if err := j.Rotate(); err != nil {
		t.Fatal(err)
	}
	at = append(at, fill(t, j, 1)...)
	mustClose(t, j)
	if err := os.WriteFile(first, unsealed, 0o600); err != nil {
		t.Fatal(err)
	}
	j, damages := open(t, dir, journal.Options{})
	if len(damages) != 0 {
		t.Fatal(damages)
	}
	wantEntries(t, j, at)
}

func TestLeftoverTemporaryFile(t *testing.T) {
	dir := t.TempDir()
	temp := filepath.Join(dir, "00000000000000000001.seg.tmp")
	other := filepath.Join(dir, "notes.txt")
	for _, p := range []string{temp, other} {
		if err := os.WriteFile(p, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	j, damages := open(t, dir, journal.Options{})
	wantEntries(t, j, fill(t, j, 3))
	if len(damages) != 0 {
		t.Error(damages)
	}
	if _, err := os.Stat(temp); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("temporary file: %v", err)
	}
	if _, err := os.Stat(other); err != nil {
		t.Errorf("another's file: %v", err)
	}
}

func TestKeptIsACopy(t *testing.T) {
	j, _ := open(t, t.TempDir(), journal.Options{})
	fill(t, j, 4)
	k := j.Kept()
	k.Remove(ranges.Range{From: 1, To: 2})
	if j.Kept().Equal(k) {
		t.Error("Kept gave its own set away")
	}
}
