package index

import (
	"bytes"
	"encoding/binary"
	"flag"
	"hash/crc32"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestGoldenFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "1.idx")
	runs := map[uint64][]Posting{
		0xABCDEF: {{0xABCDEF, 10, 19, 1e18, 1e18 + 5e9}, {0xABCDEF, 30, 30, -7, -7}, {0xABCDEF, 40, 41, math.MinInt64, math.MaxInt64}},
		5:        {{5, 20, 29, 1000, 2000}},
	}
	if err := writePart(path, 10, 50, runs); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "side.idx")
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("the format has changed:\n%x, want\n%x", got, want)
	}
}

// FuzzBlock gives the decoder blocks with right checksums. Whatever it takes is in bounds, and encodes to a block that says the same.
func FuzzBlock(f *testing.F) {
	good := appendBlock(nil, 100, []Posting{{1, 100, 110, -5, 5}, {1, 105, 105, 0, math.MaxInt64}, {1, 199, 199, 7, 7}}, 0, math.MinInt64)
	f.Add(good)
	f.Add(appendBlock(nil, 100, []Posting{{1, 150, 150, math.MinInt64, math.MaxInt64}}, 77, 3))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		b = slices.Clone(b)
		if size, err := blockSize(b); err == nil && size <= len(b) {
			binary.BigEndian.PutUint32(b, crc32.Checksum(b[4:size], castagnoli))
		}
		k, err := parseBlock(b, 1, 100, 200)
		if err != nil {
			return
		}
		if len(k.postings) == 0 || len(k.postings) > blockLimit {
			t.Fatalf("%d postings", len(k.postings))
		}
		for i, p := range k.postings {
			if p.First < 100 || p.Last >= 200 || p.Last < p.First || p.Max < p.Min || i > 0 && p.Min < k.postings[i-1].Min {
				t.Fatalf("posting %+v", p)
			}
		}
		again, err := parseBlock(appendBlock(nil, 100, k.postings, k.previous, k.before), 1, 100, 200)
		if err != nil || !slices.Equal(again.postings, k.postings) || again.max != k.max || again.before != k.before || again.previous != k.previous {
			t.Fatalf("%+v, %v; want %+v", again, err, k)
		}
	})
}

// FuzzFile opens any bytes as a side file, with the checksums of header and directory made right, and asks for everything.
func FuzzFile(f *testing.F) {
	golden, err := os.ReadFile(filepath.Join("testdata", "side.idx"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(golden)
	f.Add([]byte{})
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, b []byte) {
		b = slices.Clone(b)
		if len(b) >= headerSize {
			if off := binary.BigEndian.Uint64(b[32:]); off <= uint64(len(b)) {
				binary.BigEndian.PutUint32(b[28:], crc32.Checksum(b[off:], castagnoli))
			}
			binary.BigEndian.PutUint32(b[60:], crc32.Checksum(b[:60], castagnoli))
		}
		path := filepath.Join(dir, "x.idx")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		p, err := openPart(path)
		if err != nil {
			return
		}
		x := &Index{dir: dir, parts: []*part{p}, memory: map[uint64][]Posting{}}
		n := 0
		ids, _ := x.Series()
		for _, seq := range []func([]uint64, int64, int64) func(func(Posting, error) bool){
			func(s []uint64, a, b int64) func(func(Posting, error) bool) {
				return x.Select(Query{Series: s, From: a, To: b})
			},
			func(s []uint64, a, b int64) func(func(Posting, error) bool) {
				return x.Select(Query{Series: s, From: a, To: b, Descending: true})
			},
		} {
			for range seq(ids, math.MinInt64, math.MaxInt64) {
				if n++; n > 1000*len(b) {
					t.Fatal("endless")
				}
			}
		}
		for _, id := range ids {
			_, _, _ = x.Span(id)
		}
	})
}
