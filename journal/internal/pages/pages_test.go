package pages_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	bolt "go.etcd.io/bbolt"

	"fieldpost/journal/internal/pages"
)

// pair is one pair of a bucket.
type pair struct{ bucket, key, value string }

// makeFile has bbolt write a file of several commits, with an inline bucket, long values and some hundred short ones.
func makeFile(t testing.TB, options bolt.Options) (file []byte, pairs []pair) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "db")
	options.NoFreelistSync, options.NoSync = true, true // nobody cuts the power here
	db, err := bolt.Open(path, 0o600, &options)
	if err != nil {
		t.Fatal(err)
	}
	db.AllocSize = 1 << 16
	r := rand.New(rand.NewPCG(1, 2))
	model := map[string]map[string]string{"few": {}, "many": {}, "long": {}, "empty": {}}
	for range 12 {
		err := db.Update(func(tx *bolt.Tx) error {
			put := func(bucket, key string, n int) {
				b, err := tx.CreateBucketIfNotExists([]byte(bucket))
				if err != nil {
					t.Fatal(err)
				}
				b.FillPercent = 1
				if n < 0 {
					return
				}
				v := bytes.Repeat([]byte{byte(r.Uint32())}, n)
				model[bucket][key] = string(v)
				if err := b.Put([]byte(key), v); err != nil {
					t.Fatal(err)
				}
			}
			put("empty", "", -1)
			put("few", fmt.Sprint("k", r.IntN(4)), 20)
			for range 40 {
				put("many", fmt.Sprintf("key %d", r.IntN(1000)), r.IntN(200))
			}
			put("long", fmt.Sprint(r.IntN(100)), 3000+r.IntN(20000))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if file, err = os.ReadFile(path); err != nil {
		t.Fatal(err)
	}
	for b, kv := range model {
		for k, v := range kv {
			pairs = append(pairs, pair{b, k, v})
		}
	}
	sortPairs(pairs)
	return file, pairs
}

func sortPairs(p []pair) {
	slices.SortFunc(p, func(a, b pair) int {
		return bytes.Compare([]byte(a.bucket+"\x00"+a.key), []byte(b.bucket+"\x00"+b.key))
	})
}

func checked(file []byte) ([]pair, error) {
	f, err := pages.Open(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		return nil, err
	}
	var got []pair
	err = f.Check(func(bucket string, k, v []byte) error {
		got = append(got, pair{bucket, string(k), string(v)})
		return nil
	})
	sortPairs(got)
	return got, err
}

func TestReadsWhatBoltWrote(t *testing.T) {
	for _, size := range []int{0, 1024, 4096, 16384, 65536} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			file, want := makeFile(t, bolt.Options{PageSize: size})
			got, err := checked(file)
			if err != nil || !slices.Equal(got, want) {
				t.Fatalf("%d pairs, want %d: %v", len(got), len(want), err)
			}
			f, err := pages.Open(bytes.NewReader(file), int64(len(file)))
			if err != nil {
				t.Fatal(err)
			}
			// Every pair by Get; every bucket by a cursor from each key on, and from just after it.
			for i, p := range want {
				b, err := f.Bucket(p.bucket)
				if err != nil || b == nil {
					t.Fatal(err)
				}
				if v, err := b.Get([]byte(p.key)); err != nil || string(v) != p.value {
					t.Fatalf("get %q: %v", p.key, err)
				}
				if v, err := b.Get([]byte(p.key + "\x00")); err != nil || v != nil {
					t.Fatalf("get after %q: %v, %v", p.key, v, err)
				}
				for _, after := range []int{0, 1} {
					c := b.Cursor()
					j := i + after
					for ok := c.Seek([]byte(p.key + "\x00"[:after])); ok; ok = c.Next() {
						if j >= len(want) || want[j].bucket != p.bucket || string(c.Key()) != want[j].key || c.Len() != len(want[j].value) {
							t.Fatalf("cursor from %q: %q after %d", p.key, c.Key(), j-i)
						}
						if v, err := c.Value(5); err != nil || string(v) != want[j].value[:min(5, c.Len())] {
							t.Fatalf("value of %q: %v", c.Key(), err)
						}
						j++
					}
					if c.Err() != nil || j < len(want) && want[j].bucket == p.bucket {
						t.Fatalf("cursor from %q ended at %d: %v", p.key, j, c.Err())
					}
					if c.Next() {
						t.Fatal("the cursor goes on after its end")
					}
				}
			}
			if b, err := f.Bucket("none"); b != nil || err != nil {
				t.Errorf("unknown bucket: %v, %v", b, err)
			}
			if b, err := f.Bucket("empty"); err != nil || b == nil || b.Cursor().Seek([]byte("a")) {
				t.Errorf("empty bucket: %v", err)
			}
		})
	}
}

// One meta page is enough to read, whichever it is and whatever the page size: with the older one, all but the last transaction. But
// such a file does not pass for sound.
func TestOneMetaPage(t *testing.T) {
	for _, size := range []int{1024, 4096, 65536} {
		file, want := makeFile(t, bolt.Options{PageSize: size})
		var found []int
		for meta := range 2 {
			b := bytes.Clone(file)
			clear(b[meta*size+16 : meta*size+80])
			if _, err := checked(b); !errors.Is(err, pages.ErrDamaged) {
				t.Errorf("page size %d without meta page %d: %v", size, meta, err)
			}
			f, err := pages.Open(bytes.NewReader(b), int64(len(b)))
			if err != nil {
				t.Fatal(err)
			}
			n := 0
			for _, p := range want {
				b, err := f.Bucket(p.bucket)
				if err != nil {
					t.Fatal(err)
				}
				v, err := b.Get([]byte(p.key))
				if err != nil {
					t.Fatal(err)
				}
				if string(v) == p.value {
					n++
				}
			}
			found = append(found, n)
		}
		slices.Sort(found)
		if found[1] != len(want) || found[0] >= len(want) || found[0] < len(want)/2 {
			t.Errorf("page size %d: found %v of %d pairs", size, found, len(want))
		}
	}
}

type failing struct {
	io.ReaderAt
	from int64
}

func (f failing) ReadAt(b []byte, off int64) (int, error) {
	if off+int64(len(b)) > f.from {
		return 0, syscall.EIO
	}
	return f.ReaderAt.ReadAt(b, off)
}

// What the disk refuses is not what the file says.
func TestReadErrors(t *testing.T) {
	file, _ := makeFile(t, bolt.Options{})
	for from := int64(0); from < int64(len(file)); from += 4096 {
		f, err := pages.Open(failing{bytes.NewReader(file), from}, int64(len(file)))
		if err == nil {
			err = f.Check(func(string, []byte, []byte) error { return nil })
		}
		if err != nil && !errors.Is(err, syscall.EIO) {
			t.Errorf("disk fails from %d: %v", from, err)
		}
	}
	for n := range len(file) / 512 {
		got, err := checked(file[:n*512])
		if err == nil && len(got) == 0 || err != nil && !errors.Is(err, pages.ErrDamaged) {
			t.Errorf("cut at %d: %v", n*512, err)
		}
	}
}

// agree asserts that a file which passes Check is sound to bbolt too, with the same pairs. A wrong judgement ends the test
// process: that is what Check is for.
func agree(t *testing.T, file []byte) (sound bool) {
	got, err := checked(file)
	if err != nil {
		if !errors.Is(err, pages.ErrDamaged) {
			t.Fatalf("damage gives %v", err)
		}
		return false
	}
	path := filepath.Join(t.TempDir(), "db")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := bolt.Open(path, 0o600, &bolt.Options{NoFreelistSync: true, FreelistType: bolt.FreelistMapType, NoSync: true, NoGrowSync: true})
	if err != nil {
		t.Fatalf("bbolt: %v", err)
	}
	defer db.Close()
	var want []pair
	err = db.Update(func(tx *bolt.Tx) error {
		for err := range tx.Check() {
			t.Errorf("bbolt: %v", err)
		}
		err := tx.ForEach(func(name []byte, b *bolt.Bucket) error {
			return b.ForEach(func(k, v []byte) error {
				want = append(want, pair{string(name), string(k), string(v)})
				return nil
			})
		})
		if err != nil {
			return err
		}
		b, err := tx.CreateBucketIfNotExists([]byte("new"))
		if err != nil {
			return err
		}
		return b.Put([]byte("k"), make([]byte, 9000))
	})
	if err != nil {
		t.Fatalf("bbolt: %v", err)
	}
	sortPairs(want)
	if !slices.Equal(got, want) {
		t.Fatalf("%d pairs, bbolt finds %d", len(got), len(want))
	}
	return true
}

// mutate changes the file where change says: pairs of page place (mostly the headers and tables, where it hurts) and byte.
func mutate(file, change []byte) []byte {
	b := bytes.Clone(file)
	for ; len(change) >= 4; change = change[4:] {
		page := (int(change[0]) | int(change[1])<<8) % (len(b) / 1024)
		b[page*1024+int(change[2])] ^= change[3]
	}
	return b
}

func TestAgreesWithBolt(t *testing.T) {
	file, _ := makeFile(t, bolt.Options{PageSize: 1024})
	r := rand.New(rand.NewPCG(5, 6))
	sound := 0
	const rounds = 1500
	for range rounds {
		change := make([]byte, 4*(1+r.IntN(3)))
		for i := range change {
			change[i] = byte(r.Uint32())
		}
		if r.IntN(2) == 0 {
			change[2] %= 80
		}
		if agree(t, mutate(file, change)) {
			sound++
		}
	}
	if sound == 0 || sound == rounds {
		t.Errorf("%d of %d were sound: the test shows nothing", sound, rounds)
	}
}

func FuzzAgreesWithBolt(f *testing.F) {
	file, _ := makeFile(f, bolt.Options{PageSize: 1024})
	f.Add([]byte{})
	f.Add([]byte{0, 0, 20, 1})
	f.Add([]byte{3, 0, 8, 3})
	f.Fuzz(func(t *testing.T, change []byte) { agree(t, mutate(file, change)) })
}

// FuzzBytes: no bytes make reading panic, recurse without end or take long.
func FuzzBytes(f *testing.F) {
	file, _ := makeFile(f, bolt.Options{PageSize: 1024})
	f.Add(file[:8192])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		file, err := pages.Open(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		_ = file.Check(func(string, []byte, []byte) error { return nil })
		bucket, err := file.Bucket("many")
		if err != nil || bucket == nil {
			return
		}
		c := bucket.Cursor()
		for i, ok := 0, c.Seek([]byte("key 5")); ok && i < 1000; ok, i = c.Next(), i+1 {
			_, _ = c.Value(10)
		}
	})
}
