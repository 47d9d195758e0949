package journal_test

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	bolt "go.etcd.io/bbolt"

	"fieldpost/journal"
	"fieldpost/journal/front"
	"fieldpost/telemetry/ranges"
)

const binding = "pi-7"

// open opens a journal and has all its files checked by bbolt when the test ends.
func open(t *testing.T, dir string, o journal.Options) (*journal.Journal, []journal.Damage) {
	t.Helper()
	if o.Binding == "" {
		o.Binding = binding
	}
	withFront(t, dir, &o)
	j, damages, err := journal.Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	opened.Store(j, o.Front)
	t.Cleanup(func() {
		closeJournal(t, j)
		boltCheck(t, dir)
	})
	return j, damages
}

// fronted has every journal of these tests opened with a front file of its own: see TestWithFront.
const fronted = "JOURNAL_FRONT"

// opened holds the front of each open journal.
var opened sync.Map

func withFront(t *testing.T, dir string, o *journal.Options) {
	t.Helper()
	if os.Getenv(fronted) == "" || o.Front != nil {
		return
	}
	check(t, os.MkdirAll(dir, 0o700))
	f, err := front.Open(dir, o.Binding, front.Options{})
	if err != nil {
		t.Fatal(err)
	}
	o.Front, o.Name = f, "j"
}

// bare skips a test that needs its entries in the segment itself; front_test.go has such cases with a front.
func bare(t *testing.T) {
	t.Helper()
	if os.Getenv(fronted) != "" {
		t.Skip("the entries would stand in front of the segment that is damaged")
	}
}

// closeJournal closes a journal and its front.
func closeJournal(t *testing.T, j *journal.Journal) {
	t.Helper()
	if err := j.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if f, ok := opened.LoadAndDelete(j); ok && f.(*front.Front) != nil {
		check(t, f.(*front.Front).Close())
	}
}

// TestWithFront runs the tests of this package once more, with a front file before every journal.
func TestWithFront(t *testing.T) {
	if os.Getenv(fronted) != "" {
		t.Skip("this is that run")
	}
	cmd := exec.Command(os.Args[0], "-test.run=^Test", "-test.timeout=10m")
	cmd.Env = append(os.Environ(), fronted+"=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// tempDir is t.TempDir on a disk in memory where there is one, for tests that make thousands of commits: not for what is lost with the power.
func tempDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "journal")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// boltCheck runs bbolt's own check over every segment in dir.
func boltCheck(t *testing.T, dir string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.seg"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if info, err := os.Stat(f); err != nil || !info.Mode().IsRegular() || t.Failed() {
			continue
		}
		db, err := bolt.Open(f, 0o600, &bolt.Options{ReadOnly: true})
		if err != nil {
			t.Errorf("bbolt: open %s: %v", f, err)
			continue
		}
		err = db.View(func(tx *bolt.Tx) error {
			for err := range tx.Check() {
				t.Errorf("bbolt: check %s: %v", f, err)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		db.Close()
	}
}

func mustClose(t *testing.T, j *journal.Journal) {
	t.Helper()
	closeJournal(t, j)
}

// payload is what the tests store at pos: another content for each position and tag, n bytes long.
func payload(pos uint64, tag uint64, n int) []byte {
	r := rand.New(rand.NewPCG(pos, tag))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// entryAt is the entry that fill appends at pos.
func entryAt(pos uint64) journal.Entry {
	return journal.Entry{
		Pos: pos, Count: uint32(pos%3 + 1), Mark: pos * 7, Data: payload(pos, 1, int(pos*37%900)+1),
		Blobs: []journal.Blob{{Key: 1 + pos%2, Data: payload(1+pos%2, 99, 300)}},
	}
}

// fill appends n entries, one commit each, and returns their positions.
func fill(t *testing.T, j *journal.Journal, n int) []uint64 {
	t.Helper()
	var at []uint64
	for range n {
		e := []journal.Entry{entryAt(j.Next())}
		want := e[0].Pos
		if err := j.Append(e...); err != nil {
			t.Fatal(err)
		}
		if e[0].Pos != want {
			t.Fatalf("position %d, want %d", e[0].Pos, want)
		}
		at = append(at, want)
	}
	return at
}

// readFrom reads all entries from pos on.
func readFrom(t *testing.T, j *journal.Journal, pos uint64) []journal.Entry {
	t.Helper()
	var all []journal.Entry
	for {
		es, err := j.Read(pos, 1000)
		if err != nil {
			t.Fatalf("read %d: %v", pos, err)
		}
		if len(es) == 0 {
			return all
		}
		all = append(all, es...)
		last := es[len(es)-1]
		pos = last.Pos + uint64(last.Count)
	}
}

// wantEntries asserts that j holds exactly the entries that fill appended at the positions at, with their blobs.
func wantEntries(t *testing.T, j *journal.Journal, at []uint64) {
	t.Helper()
	got := readFrom(t, j, 0)
	var kept ranges.Set
	for i := range max(len(got), len(at)) {
		switch {
		case i >= len(at):
			t.Fatalf("read an entry at %d too many", got[i].Pos)
		case i >= len(got):
			t.Fatalf("the entry at %d is missing, and %d more", at[i], len(at)-i-1)
		}
		want := entryAt(at[i])
		if err := same(got[i], want); err != nil {
			t.Fatal(err)
		}
		kept.Add(ranges.Of(want.Pos, uint64(want.Count)))
		for _, b := range want.Blobs {
			data, err := j.Blob(want.Pos, b.Key)
			if err != nil || !bytes.Equal(data, b.Data) {
				t.Fatalf("blob %d of the entry at %d: %v", b.Key, want.Pos, err)
			}
		}
	}
	if k := j.Kept(); !k.Equal(kept) {
		t.Fatalf("kept %v, want %v", k, kept)
	}
}

func same(got, want journal.Entry) error {
	if got.Pos != want.Pos || got.Count != want.Count || got.Mark != want.Mark {
		return fmt.Errorf("entry %d+%d mark %d, want %d+%d mark %d", got.Pos, got.Count, got.Mark, want.Pos, want.Count, want.Mark)
	}
	if !bytes.Equal(got.Data, want.Data) {
		return fmt.Errorf("entry at %d has other data: %d bytes, want %d", got.Pos, len(got.Data), len(want.Data))
	}
	return nil
}

// sum is the checksum of the file formats.
func sum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

func firsts(j *journal.Journal) []uint64 {
	var out []uint64
	for _, s := range j.Segments() {
		out = append(out, s.First)
	}
	return out
}
