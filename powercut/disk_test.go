package powercut_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"fieldpost/powercut"
)

// TestAFileAfterACut compares a disk with a plain slice of bytes: readers see just that, and a cut leaves at each place what was there at the last sync or
// at some time since.
func TestAFileAfterACut(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	d := powercut.NewDisk()
	i, err := d.Create(powercut.Root, "f", false)
	check(t, err)
	check(t, d.Sync(powercut.Root))
	torn := 0
	since := [][]byte{nil} // what the file was, from the last sync on
	for range 600 {
		now := bytes.Clone(since[len(since)-1])
		switch r.IntN(8) {
		case 0:
			n := r.IntN(20_000)
			check(t, d.Truncate(i, int64(n)))
			now = append(now, make([]byte, max(0, n-len(now)))...)[:n]
		case 1:
			check(t, d.Sync(i))
			since = since[:0]
		default:
			at, b := r.IntN(16_000), make([]byte, 1+r.IntN(3000))
			for k := range b {
				b[k] = byte(1 + r.IntN(255))
			}
			check(t, d.WriteAt(i, b, int64(at)))
			now = append(now, make([]byte, max(0, at+len(b)-len(now)))...)
			copy(now[at:], b)
		}
		since = append(since, now)

		seen := make([]byte, len(now)+1)
		n, err := d.ReadAt(i, seen, 0)
		check(t, err)
		if !bytes.Equal(seen[:n], now) {
			t.Fatal("a reader sees something else than what was written")
		}
		left := d.Cut(powercut.Root, r).Files["/f"]
		if len(since) == 1 && !bytes.Equal(left, now) {
			t.Fatal("what was synced is not what a cut leaves")
		}
		same := false
		for _, was := range since {
			same = same || bytes.Equal(was, left)
		}
		if !same {
			torn++
		}
		for k, got := range left {
			ok := got == 0 // below a length that reached the disk before the bytes did
			for _, was := range since {
				ok = ok || k < len(was) && was[k] == got
			}
			if !ok {
				t.Fatalf("byte %d is %d after a cut, and never was since the last sync", k, got)
			}
		}
	}
	if torn == 0 {
		t.Error("no cut left what never was as a whole: nothing is torn or reordered")
	}
}

// TestNamesAfterACut renames one file again and again: it has one of the names that it had since the folder's last sync, and never two, nor none.
func TestNamesAfterACut(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	d := powercut.NewDisk()
	_, err := d.Create(powercut.Root, "0", false)
	check(t, err)
	if drawn := has(d, r); len(drawn) > 1 {
		t.Fatalf("one file was made, and a cut leaves %q", drawn)
	}
	check(t, d.Sync(powercut.Root))
	last, older := 0, 0 // the last name, and that of the last sync
	late := false
	for range 2000 {
		if r.IntN(2) == 0 { // one unsynced rename at a time: of two, a disk may do the second without the first
			check(t, d.Rename(powercut.Root, fmt.Sprint(last), powercut.Root, fmt.Sprint(last+1)))
			last++
			got := has(d, r)
			if len(got) != 1 || got[0] != "/"+fmt.Sprint(last) && got[0] != "/"+fmt.Sprint(older) {
				t.Fatalf("a file called %d, and %d at the last sync, is %q after a cut", last, older, got)
			}
			late = late || got[0] == "/"+fmt.Sprint(older)
		}
		check(t, d.Sync(powercut.Root))
		older = last
		if got := has(d, r); len(got) != 1 || got[0] != "/"+fmt.Sprint(last) {
			t.Fatalf("a file's name %d was synced, and after a cut there is %q", last, got)
		}
	}
	if !late {
		t.Error("each rename was durable at once")
	}
}

// has lists the files that a cut leaves.
func has(d *powercut.Disk, r *rand.Rand) (names []string) {
	for name, data := range d.Cut(powercut.Root, r).Files {
		if name != "/" || data != nil {
			names = append(names, name)
		}
	}
	return names
}

// TestAPlayedTraceIsTheDisk plays a record to another disk, by way of its file form.
func TestAPlayedTraceIsTheDisk(t *testing.T) {
	d := powercut.NewDisk()
	trace := d.Record()
	dir, err := d.Create(powercut.Root, "dir", true)
	check(t, err)
	i, err := d.Create(dir, "a", false)
	check(t, err)
	check(t, d.WriteAt(i, []byte("hello"), 3))
	check(t, d.Sync(i))
	check(t, d.Sync(powercut.Root))
	d.Mark([]byte("said"))
	check(t, d.Rename(dir, "a", dir, "b"))
	check(t, d.Truncate(i, 6))
	_, err = d.Create(dir, "gone", false)
	check(t, err)
	check(t, d.Remove(dir, "gone"))

	var file bytes.Buffer
	check(t, trace.Write(&file))
	read, err := powercut.ReadTrace(&file)
	check(t, err)
	again := powercut.NewDisk()
	said := ""
	for _, op := range read.Ops {
		if op.IsMark() {
			said = string(op.Data)
		}
		check(t, again.Play(op))
	}
	if said != "said" {
		t.Errorf("the mark is %q", said)
	}
	for seed := range uint64(200) {
		one, two := d.Cut(powercut.Root, rand.New(rand.NewPCG(seed, 0))), again.Cut(powercut.Root, rand.New(rand.NewPCG(seed, 0)))
		if fmt.Sprint(one) != fmt.Sprint(two) {
			t.Fatalf("a cut leaves %v of a disk, and %v of one that the record was played to", one, two)
		}
	}
	if _, err := powercut.ReadTrace(bytes.NewReader([]byte("no trace"))); err == nil {
		t.Error("what is no trace was read as one")
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
