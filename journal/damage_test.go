package journal_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"fieldpost/journal"
	"fieldpost/telemetry/ranges"
)

// harm is one way a file goes bad. all: nothing can be saved after it; none: everything must be.
var harms = []struct {
	name      string
	all, none bool
	do        func(t *testing.T, path string)
}{
	{"gone", true, false, func(t *testing.T, p string) { check(t, os.Remove(p)) }},
	{"zero length", true, false, func(t *testing.T, p string) { check(t, os.Truncate(p, 0)) }},
	{"one page left", true, false, func(t *testing.T, p string) { check(t, os.Truncate(p, 4096)) }},
	{"cut in half", false, false, func(t *testing.T, p string) {
		b := readFile(t, p)
		check(t, os.Truncate(p, int64(used(b)/2)))
	}},
	{"zeroed", true, false, func(t *testing.T, p string) { writeFile(t, p, make([]byte, len(readFile(t, p)))) }},
	{"random", true, false, func(t *testing.T, p string) {
		writeFile(t, p, payload(1, 2, len(readFile(t, p))))
	}},
	{"a folder", true, false, func(t *testing.T, p string) {
		check(t, os.Remove(p))
		check(t, os.Mkdir(p, 0o700))
		writeFile(t, filepath.Join(p, "x"), nil)
	}},
	{"a pipe", true, false, func(t *testing.T, p string) {
		check(t, os.Remove(p))
		check(t, syscall.Mkfifo(p, 0o600))
	}},
	{"a link to itself", true, false, func(t *testing.T, p string) {
		check(t, os.Remove(p))
		check(t, os.Symlink(filepath.Base(p), p))
	}},
	{"meta pages zeroed", false, true, func(t *testing.T, p string) {
		b := readFile(t, p)
		clear(b[:8192])
		writeFile(t, p, b)
	}},
	{"newest meta page zeroed", false, true, func(t *testing.T, p string) {
		b := readFile(t, p)
		newest := 0
		if binary.NativeEndian.Uint64(b[4096+64:]) > binary.NativeEndian.Uint64(b[64:]) {
			newest = 4096
		}
		clear(b[newest : newest+4096])
		writeFile(t, p, b)
	}},
	{"a branch that points at itself", false, true, func(t *testing.T, p string) {
		b := readFile(t, p)
		for off := 8192; off < len(b); off += 4096 {
			if binary.NativeEndian.Uint16(b[off+8:]) == 1 { // branch page: all its children become itself
				for i := range int(binary.NativeEndian.Uint16(b[off+10:])) {
					binary.NativeEndian.PutUint64(b[off+16+16*i+8:], uint64(off/4096))
				}
			}
		}
		writeFile(t, p, b)
	}},
	{"page headers random", false, true, func(t *testing.T, p string) {
		b := readFile(t, p)
		for off := 8192; off < len(b); off += 4096 {
			copy(b[off:off+16], payload(uint64(off), 3, 16))
		}
		writeFile(t, p, b)
	}},
	{"element tables random", false, false, func(t *testing.T, p string) {
		b := readFile(t, p)
		for off := 8192; off < len(b); off += 4096 {
			if binary.NativeEndian.Uint64(b[off:]) == uint64(off/4096) {
				copy(b[off+16:off+32], payload(uint64(off), 3, 16))
			}
		}
		writeFile(t, p, b)
	}},
	{"a bad byte in the newest data", false, false, func(t *testing.T, p string) {
		b := readFile(t, p)
		i := bytes.Index(b, entryAt(lastAt).Data)
		for i >= 0 { // in every copy
			b[i] ^= 0x40
			i = bytes.Index(b, entryAt(lastAt).Data)
		}
		writeFile(t, p, b)
	}},
	{"sprinkled", false, false, func(t *testing.T, p string) {
		b := readFile(t, p)
		r := rand.New(rand.NewPCG(4, 4))
		for range 200 {
			b[r.IntN(used(b))] ^= byte(1 + r.IntN(255))
		}
		writeFile(t, p, b)
	}},
}

// lastAt is the position of the last entry in the segment that TestDamage harms.
const lastAt = 45

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	check(t, err)
	return b
}

func writeFile(t *testing.T, path string, b []byte) {
	t.Helper()
	check(t, os.WriteFile(path, b, 0o600))
}

// used returns how far the file is in use.
func used(b []byte) int {
	n := len(b)
	for n > 0 && b[n-1] == 0 {
		n--
	}
	return n
}

// TestDamage harms one of three segments in each way, and has it found in each place where damage can be met. Whatever it is: the
// neighbours are whole, every entry that comes out is right, saved and lost make up what was there, and the journal goes on.
func TestDamage(t *testing.T) {
	met := []string{"first, at opening", "last, at opening", "read", "heads", "blob", "verify"}
	for _, h := range harms {
		for _, where := range met {
			if h.name == "gone" && strings.Contains(where, "opening") {
				continue // looks like one that was dropped
			}
			t.Run(h.name+"/"+where, func(t *testing.T) {
				t.Parallel()
				dir := tempDir(t)
				var told []journal.Damage
				o := journal.Options{OnDamage: func(d journal.Damage) { told = append(told, d) }}
				j, _ := open(t, dir, o)
				at := fill(t, j, 30)
				if j.Next() != lastAt+1 {
					t.Fatalf("lastAt is wrong: %d", at[29])
				}
				target := 0
				check(t, j.Rotate())
				at = append(at, fill(t, j, 30)...)
				check(t, j.Rotate())
				at = append(at, fill(t, j, 5)...)
				if where == "last, at opening" {
					// Same content, but as the last segment.
					mustClose(t, j)
					dir = tempDir(t)
					j, _ = open(t, dir, o)
					at = fill(t, j, 30)
				}
				segs := j.Segments()
				harmed := segs[target]
				writeFile(t, strings.TrimSuffix(harmed.Path, "seg")+"idx", []byte("index"))
				atOpening := strings.Contains(where, "opening")
				var damages []journal.Damage
				if atOpening {
					mustClose(t, j)
					h.do(t, harmed.Path)
					j, damages = open(t, dir, o)
					if len(told) != 0 || len(j.Damages()) != 0 {
						t.Error("what Open found was told twice")
					}
				} else {
					h.do(t, harmed.Path)
				}
				last := where == "last, at opening"
				switch where {
				case "first, at opening": // sealed: may come to light as it is read only
					readFrom(t, j, 0)
					_, err := j.Verify(t.Context())
					check(t, err)
				case "read":
					readFrom(t, j, 0)
					_, err := j.Verify(t.Context())
					check(t, err)
				case "heads":
					check(t, j.Heads(0, 16, func(journal.Entry) error { return nil }))
					_, err := j.Verify(t.Context())
					check(t, err)
				case "blob":
					for _, b := range []uint64{1, 2} {
						_, err := j.Blob(1, b)
						if err != nil && !errors.Is(err, journal.ErrNotFound) {
							t.Fatal(err)
						}
					}
					_, err := j.Verify(t.Context())
					check(t, err)
				case "verify":
					found, err := j.Verify(t.Context())
					check(t, err)
					if len(found) != 1 {
						t.Errorf("Verify found %v", found)
					}
				}
				if !slices.EqualFunc(told, j.Damages(), func(a, b journal.Damage) bool { return a.Path == b.Path }) {
					t.Errorf("told of %v, Damages gives %v", told, j.Damages())
				}
				damages = append(damages, told...)
				if len(damages) != 1 {
					t.Fatalf("damages %v", damages)
				}
				d := damages[0]
				if d.Cause == nil {
					t.Error("no cause")
				}
				if d.Path != "" && d.Path != harmed.Path+".damaged-1" {
					t.Errorf("set aside as %s", d.Path)
				}
				if _, err := os.Lstat(d.Path); d.Path != "" && err != nil {
					t.Error(err)
				}
				if _, err := os.Stat(strings.TrimSuffix(harmed.Path, "seg") + "idx"); !errors.Is(err, os.ErrNotExist) {
					t.Errorf("the index of the replaced segment: %v", err)
				}

				// What came out.
				var was ranges.Set
				var left []uint64
				for _, pos := range at {
					r := ranges.Of(pos, uint64(entryAt(pos).Count))
					if pos <= lastAt {
						was.Add(r)
					}
					if pos > lastAt || d.Salvaged.HasAll(r) {
						left = append(left, pos)
					}
				}
				got := readFrom(t, j, 0)
				if len(got) != len(left) {
					t.Fatalf("%d entries, want %d", len(got), len(left))
				}
				for i, e := range got {
					check(t, same(e, entryAt(left[i])))
				}
				if !d.Salvaged.Intersect(d.Lost).Empty() {
					t.Errorf("both saved and lost: %v", d.Salvaged.Intersect(d.Lost))
				}
				whole := d.Salvaged.Clone()
				whole.AddAll(d.Lost)
				if !last && !whole.Equal(was) {
					t.Errorf("saved %v and lost %v, had %v", d.Salvaged, d.Lost, was)
				}
				if !was.Minus(whole).Empty() && !last || !whole.Minus(was).Empty() {
					t.Errorf("saved %v, lost %v, had %v", d.Salvaged, d.Lost, was)
				}
				switch {
				case h.all && !d.Salvaged.Empty():
					t.Errorf("saved %v of nothing", d.Salvaged)
				case h.none && !d.Salvaged.Equal(was):
					t.Errorf("saved only %v of %v", d.Salvaged, was)
				case h.name == "a bad byte in the newest data" && !d.Lost.Equal(ranges.Make(ranges.Of(lastAt, 1))):
					t.Errorf("one bad entry cost %v", d.Lost)
				}

				// It goes on, and the next opening finds nothing wrong.
				more := fill(t, j, 3)
				mustClose(t, j)
				j, damages = open(t, dir, o)
				if len(damages) != 0 {
					t.Errorf("damaged again: %v", damages)
				}
				got = readFrom(t, j, 0)
				for i, pos := range append(left, more...) {
					if i >= len(got) {
						t.Fatalf("only %d entries", len(got))
					}
					check(t, same(got[i], entryAt(pos)))
				}
				if found, err := j.Verify(t.Context()); err != nil || len(found) != 0 {
					t.Errorf("verify after all: %v, %v", found, err)
				}
			})
		}
	}
}

// inPlace harms the file at path as a disk does, under the feet of who has it open.
func inPlace(t *testing.T, path string, harm func([]byte)) {
	t.Helper()
	b := readFile(t, path)
	harm(b)
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	check(t, err)
	_, err = f.WriteAt(b, 0)
	check(t, errors.Join(err, f.Close()))
}

func spoilHeaders(b []byte) {
	for off := 8192; off < len(b); off += 4096 {
		copy(b[off:off+16], payload(uint64(off), 3, 16))
	}
}

// The open segment goes bad while it is open: a read seals it and has it mended like any other.
func TestOpenSegmentDamagedWhileOpen(t *testing.T) {
	bare(t)
	for name, c := range map[string]struct {
		harm func([]byte)
		lost ranges.Set
	}{
		"one entry": {func(b []byte) {
			for i := bytes.Index(b, entryAt(6).Data); i >= 0; i = bytes.Index(b, entryAt(6).Data) {
				b[i] ^= 1
			}
		}, ranges.Make(ranges.Range{From: 6, To: 6})},
		"every page": {spoilHeaders, ranges.Set{}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			j, _ := open(t, dir, journal.Options{})
			at := fill(t, j, 20)
			inPlace(t, j.Segments()[0].Path, c.harm)
			for _, p := range c.lost.Ranges() {
				at = slices.DeleteFunc(at, func(pos uint64) bool { return pos == p.From })
			}
			wantEntries(t, j, at)
			d := j.Damages()
			if len(d) != 1 || !d[0].Lost.Equal(c.lost) || len(j.Segments()) != 2 {
				t.Errorf("damages %v, segments %v", d, j.Segments())
			}
			wantEntries(t, j, append(at, fill(t, j, 5)...))
		})
	}
}

// The open segment goes bad and an append meets it first: the journal takes no more, and opening it again mends it.
func TestAppendMeetsDamage(t *testing.T) {
	bare(t)
	dir := t.TempDir()
	j, _ := open(t, dir, journal.Options{})
	at := fill(t, j, 20)
	inPlace(t, j.Segments()[0].Path, spoilHeaders)
	err := j.Append(journal.Entry{Count: 1})
	if !errors.Is(err, journal.ErrDamaged) {
		t.Fatalf("append: %v", err)
	}
	if again := j.Rotate(); !errors.Is(again, journal.ErrDamaged) {
		t.Errorf("rotate: %v", again)
	}
	mustClose(t, j)
	j, damages := open(t, dir, journal.Options{})
	if len(damages) != 1 || !damages[0].Lost.Empty() {
		t.Errorf("damages %v", damages)
	}
	wantEntries(t, j, append(at, fill(t, j, 5)...))
}

// A file that only forbids reading is not damaged.
func TestForbiddenFile(t *testing.T) {
	dir := t.TempDir()
	j, _ := open(t, dir, journal.Options{})
	at := fill(t, j, 5)
	mustClose(t, j)
	check(t, os.Chmod(filepath.Join(dir, "00000000000000000001.seg"), 0))
	j, damages := open(t, dir, journal.Options{})
	if len(damages) != 0 {
		t.Error(damages)
	}
	wantEntries(t, j, at)
}

// A blob that the damage took is found in another segment.
func TestBlobElsewhere(t *testing.T) {
	dir := t.TempDir()
	j, _ := open(t, dir, journal.Options{})
	fill(t, j, 10)
	check(t, j.Rotate())
	fill(t, j, 10)
	path := j.Segments()[0].Path
	mustClose(t, j)
	b := readFile(t, path)
	blob := entryAt(2).Blobs[0]
	n := 0
	for i := bytes.Index(b, blob.Data); i >= 0; i = bytes.Index(b, blob.Data) {
		b[i] ^= 1
		n++
	}
	if n == 0 {
		t.Fatal("no blob in the file")
	}
	writeFile(t, path, b)
	j, _ = open(t, dir, journal.Options{})
	data, err := j.Blob(1, blob.Key) // position 1 refers to key 2, 3 too; blob.Key is in the segment's other half
	if err != nil || !bytes.Equal(data, blob.Data) {
		t.Errorf("%v", err)
	}
}

// Several crashes while a segment is set aside leave one damaged form.
func TestSetAsideTwice(t *testing.T) {
	dir := t.TempDir()
	j, _ := open(t, dir, journal.Options{})
	fill(t, j, 5)
	mustClose(t, j)
	path := filepath.Join(dir, "00000000000000000001.seg")
	check(t, os.Truncate(path, 5000))
	check(t, os.Link(path, path+".damaged-1")) // as if a crash had come right after
	_, damages := open(t, dir, journal.Options{})
	if len(damages) != 1 || damages[0].Path != path+".damaged-1" {
		t.Errorf("damages %v", damages)
	}
	if found, _ := filepath.Glob(path + ".damaged-*"); len(found) != 1 {
		t.Errorf("%v", found)
	}
}

// A file of a later program is neither read nor set aside.
func TestLaterFormat(t *testing.T) {
	dir := t.TempDir()
	j, _ := open(t, dir, journal.Options{})
	fill(t, j, 1)
	mustClose(t, j)
	path := filepath.Join(dir, "00000000000000000001.seg")
	b := readFile(t, path)
	magic := []byte{0xF1, 0xE1, 0xD9, 0x05, 1}
	for i := bytes.Index(b, magic); i >= 0; i = bytes.Index(b, magic) {
		b[i+4] = 2
		binary.BigEndian.PutUint32(b[i+44:], sum(b[i:i+44]))
	}
	writeFile(t, path, b)
	if _, _, err := journal.Open(dir, journal.Options{Binding: binding}); err == nil || !strings.Contains(err.Error(), "another version of the program: format 2; this one knows 1") {
		t.Errorf("%v", err)
	}
	if !bytes.Equal(readFile(t, path), b) {
		t.Error("the file was changed")
	}
}

func TestVerifyEndsWithContext(t *testing.T) {
	j, _ := open(t, t.TempDir(), journal.Options{})
	fill(t, j, 3)
	check(t, j.Rotate())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := j.Verify(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
