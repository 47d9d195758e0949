package journal_test

import (
	"errors"
	"os"
	"syscall"
	"testing"

	"fieldpost/journal"
)

// smallDisk mounts a disk of 2 MiB.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if os.Getuid() != 0 {
		t.Skip("mounting a small disk needs root")
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=2m,mode=0700"); err != nil {
		t.Skipf("mount a small disk: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmount %s: %v", dir, err)
		}
	})
	return dir
}

// A full disk is an error that says so. What was appended stays, the journal can be opened, read and dropped from, and goes on
// once there is room.
func TestFullDisk(t *testing.T) {
	for _, size := range []int64{8 << 20, 256 << 10} { // fills up in a segment, and between segments
		dir := smallDisk(t)
		o := journal.Options{SegmentSize: size}
		j, _ := open(t, dir, o)
		at := fill(t, j, 20)
		if size < 1<<20 {
			check(t, j.Rotate())
		}
		var err error
		for range 4000 {
			e := []journal.Entry{entryAt(j.Next())}
			if err = j.Append(e...); err != nil {
				break
			}
			at = append(at, e[0].Pos)
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("full disk gives %v", err)
		}
		if again := j.Append(journal.Entry{Count: 1}); !errors.Is(again, syscall.ENOSPC) {
			t.Errorf("after the error: %v", again)
		}
		wantEntries(t, j, at) // still readable
		mustClose(t, j)

		for range 2 {
			var damages []journal.Damage
			j, damages = open(t, dir, o)
			if len(damages) != 0 {
				t.Fatalf("damages %v", damages)
			}
			wantEntries(t, j, at)
			mustClose(t, j)
		}

		if size > 1<<20 {
			continue
		}
		// Dropping needs no room and makes some.
		j, _ = open(t, dir, o)
		segs := j.Segments()
		for _, s := range segs[:2] {
			check(t, j.Drop(s.First))
			for len(at) > 0 && at[0] < s.Next {
				at = at[1:]
			}
		}
		at = append(at, fill(t, j, 20)...)
		wantEntries(t, j, at)
		mustClose(t, j)
	}
}

// Where nothing can be made, Open says why.
func TestNoRoomToBegin(t *testing.T) {
	dir := smallDisk(t)
	hog, err := os.Create(dir + "/hog")
	check(t, err)
	for err == nil {
		_, err = hog.Write(make([]byte, 4096))
	}
	check(t, hog.Close())
	if _, _, err := journal.Open(dir+"/", journal.Options{Binding: binding}); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("full disk gives %v", err)
	}
	if names, _ := os.ReadDir(dir); len(names) > 2 {
		t.Errorf("left behind: %v", names)
	}
}

// A damaged segment that cannot be replaced for want of room stays where it is, and is replaced when there is some.
func TestDamageOnFullDisk(t *testing.T) {
	dir := smallDisk(t)
	j, _ := open(t, dir, journal.Options{})
	at := fill(t, j, 300)
	mustClose(t, j)
	path := dir + "/00000000000000000001.seg"
	hog, err := os.Create(dir + "/hog")
	check(t, err)
	b := readFile(t, path)
	clear(b[:8192])
	writeFile(t, path, b)
	for err == nil {
		_, err = hog.Write(make([]byte, 4096))
	}
	check(t, hog.Close())
	if _, _, err := journal.Open(dir, journal.Options{Binding: binding}); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("full disk gives %v", err)
	}
	check(t, os.Remove(dir+"/hog"))
	j, damages := open(t, dir, journal.Options{})
	if len(damages) != 1 || !damages[0].Lost.Empty() {
		t.Errorf("damages %v", damages)
	}
	wantEntries(t, j, at)
}
