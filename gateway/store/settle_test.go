package store

import (
	"bytes"
	"os"
	"testing"

	"fieldpost/telemetry/ranges"
)

// A sync failed after the last page of a commit was written: the file shows the commit, and the disk does not have that page. What the next
// opening finds and acknowledges must be there after a power cut all the same.
func TestWhatOpeningFindsIsOnDisk(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, RetentionSettings{}, nil)
	s.mustAppend(t, makeFrame(t, "pi", 1, 10))
	name := s.disk.journal.Segments()[0].Path[len(dir):]
	read := func(dir string) []byte {
		t.Helper()
		b, err := os.ReadFile(dir + name)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	copied := func(from string) string {
		t.Helper()
		to := t.TempDir()
		if err := os.CopyFS(to, os.DirFS(from)); err != nil {
			t.Fatal(err)
		}
		return to
	}
	before := read(dir)
	s.mustAppend(t, makeFrame(t, "pi", 11, 10))
	shown := copied(dir)
	after := read(shown)

	s = open(t, shown, RetentionSettings{}, nil)
	s.wantStored(t, "pi", set(1, 20))
	cut := copied(shown)
	disk := read(cut)
	page, reverted := os.Getpagesize(), 0
	for at := 0; at < 2*page; at += page { // the two meta pages
		was, is := before[at:at+page], after[at:at+page]
		if !bytes.Equal(was, is) && bytes.Equal(is, disk[at:at+page]) {
			copy(disk[at:], was)
			reverted++
		}
	}
	if reverted != 1 {
		t.Fatalf("%d meta pages were the failed commit's", reverted)
	}
	if err := os.WriteFile(cut+name, disk, 0o600); err != nil {
		t.Fatal(err)
	}
	s = open(t, cut, RetentionSettings{}, nil)
	s.wantStored(t, "pi", set(1, 20))
	if got := s.sequences(t, "pi"); !got.Equal(ranges.Make(ranges.Range{From: 1, To: 20})) {
		t.Fatalf("can query %s", got)
	}
}
