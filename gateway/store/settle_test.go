package store

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// A sync failed after the last page of a commit was written: the file shows the commit, and the disk does not have that page. What the next
// opening finds and acknowledges must be there after a power cut all the same.
func TestWhatOpeningFindsIsOnDisk(t *testing.T) {
	for name, n := range map[string]int{"in the front file": 1, "in a segment": 800} { // so many frames go straight there
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := open(t, dir, RetentionSettings{}, nil)
			s.mustAppend(t, makeFrame(t, "pi", 1, 10))
			s.mustAppend(t, manyFrames(t, 11, 800)...) // so that nothing is left in front
			before := copied(t, dir)
			s.mustAppend(t, manyFrames(t, 811, n)...)
			after := copied(t, dir) // what the failed commit shows

			shown := copied(t, after)
			s = open(t, shown, RetentionSettings{}, nil)
			last := uint64(810 + n)
			s.wantStored(t, "pi", set(1, last))
			cut := copied(t, shown)
			if n == 1 {
				takeFrontBack(t, before, cut)
			} else {
				takeMetaBack(t, before, after, cut, s.disk.journal.Segments()[0].Path[len(shown):])
			}
			s = open(t, cut, RetentionSettings{}, nil)
			s.wantStored(t, "pi", set(1, last))
			if got := s.sequences(t, "pi"); !got.Equal(set(1, last)) {
				t.Fatalf("can query %s", got)
			}
		})
	}
}

func manyFrames(t *testing.T, first, n int) []Frame {
	t.Helper()
	frames := make([]Frame, n)
	for i := range frames {
		frames[i] = makeFrame(t, "pi", uint64(first+i), 1)
	}
	return frames
}

func copied(t *testing.T, from string) string {
	t.Helper()
	for {
		to := t.TempDir()
		err := os.CopyFS(to, os.DirFS(from))
		if err == nil {
			return to
		}
		if !errors.Is(err, fs.ErrNotExist) { // a file got its name, or went, between listing and copying
			t.Fatal(err)
		}
	}
}

func content(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// takeMetaBack gives cut the meta page that it had before, if it has what the failed commit wrote.
func takeMetaBack(t *testing.T, before, after, cut, name string) {
	t.Helper()
	disk := content(t, cut+name)
	page, reverted := os.Getpagesize(), 0
	for at := 0; at < 2*page; at += page { // the two meta pages
		was, is := content(t, before+name)[at:at+page], content(t, after+name)[at:at+page]
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
}

// takeFrontBack gives cut the front file that it had before, if that is still there.
func takeFrontBack(t *testing.T, before, cut string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(cut, "front.*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		if err := os.WriteFile(path, content(t, filepath.Join(before, filepath.Base(path))), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
