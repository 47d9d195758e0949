package front_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"fieldpost/journal/front"
)

// image is a file of generation 3 with n records of one journal.
func image(n int) (b []byte, ends []int) {
	b = front.Record(nil, 3, 1, "", []byte(binding))
	ends = append(ends, len(b))
	for i := range n {
		b = front.Record(b, 3, uint64(i+2), "live", fmt.Appendf(nil, "reading %d", i))
		ends = append(ends, len(b))
	}
	return append(b, make([]byte, 4096)...), ends
}

func TestFormat(t *testing.T) {
	got := hex.EncodeToString(front.Record(nil, 7, 2, "live", []byte("abc")))
	const want = "f1e1d9f0" + "0000000c" + "0000000000000007" + "0000000000000002" + "44a1656b" + "8521da6c" + "046c697665" + "00000003" + "616263"
	if got != want {
		t.Errorf("record is %s", got)
	}
}

// A file that ends anywhere gives all whole records before; that is a crash, and no damage.
func TestTornTail(t *testing.T) {
	b, ends := image(5)
	for cut := range ends[len(ends)-1] {
		torn := slices.Clone(b)
		clear(torn[cut:])
		found, sound := front.Scan(torn, 3)
		whole := 0
		for _, e := range ends[1:] {
			if e <= cut {
				whole++
			}
		}
		// What the zeros replaced may have been zeros.
		if n := len(found["live"]); n < whole || n > whole+1 || !sound {
			t.Fatalf("cut at %d: %d records, want %d, sound %v", cut, n, whole, sound)
		}
	}
}

// Of the sectors of the last write any may be missing.
func TestAnySectorsOfTheLastWrite(t *testing.T) {
	const sector = 512
	before, _ := image(3)
	last := bytes.Repeat([]byte("payload "), 300)
	at := bytes.LastIndexFunc(before, func(r rune) bool { return r != 0 }) + 1
	after := front.Record(slices.Clone(before[:at]), 3, 5, "live", last)
	first, count := at/sector, (len(after)-1)/sector-at/sector+1
	for keep := range 1 << count {
		b := make([]byte, 8192)
		copy(b, before[:at])
		for i := range count {
			if keep>>i&1 == 1 {
				from, to := (first+i)*sector, min((first+i+1)*sector, len(after))
				copy(b[from:to], after[from:to])
			}
		}
		found, sound := front.Scan(b, 3)
		want := 3
		if keep == 1<<count-1 {
			want = 4
		}
		if len(found["live"]) != want || !sound {
			t.Fatalf("sectors %b: %d records, want %d, sound %v", keep, len(found["live"]), want, sound)
		}
	}
}

// A flipped bit costs its record, and the file says that it is damaged if others follow.
func TestFlippedBits(t *testing.T) {
	b, ends := image(6)
	for bit := range ends[5] * 8 {
		harmed := slices.Clone(b)
		harmed[bit/8] ^= 1 << (bit % 8)
		hit := 0
		for ends[hit] <= bit/8 {
			hit++
		}
		found, sound := front.Scan(harmed, 3)
		var want []string
		for i := range 6 {
			if i+1 != hit {
				want = append(want, fmt.Sprintf("reading %d", i))
			}
		}
		var got []string
		for _, p := range found["live"] {
			got = append(got, string(p))
		}
		if !slices.Equal(got, want) || sound {
			t.Fatalf("bit %d of record %d: %q, sound %v", bit, hit+1, got, sound)
		}
	}
}

func TestOtherGenerationsAreNotSeen(t *testing.T) {
	b, _ := image(2)
	old := front.Record(nil, 2, 4, "live", []byte("stale"))
	copy(b[len(b)-len(old)-100:], old)
	found, sound := front.Scan(b, 3)
	if len(found["live"]) != 2 || !sound {
		t.Errorf("found %q, sound %v", found["live"], sound)
	}
}

// A damaged file is kept beside what is made of it.
func TestDamagedFileIsSetAside(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir)
	m, _ := join(t, f, "live")
	for i := range 5 {
		check(t, m.Append(fmt.Appendf(nil, "reading %d", i)))
	}
	m.Leave(nil)
	path := files(t, dir)[0]
	b, err := os.ReadFile(path)
	check(t, err)
	b[bytes.Index(b, []byte("reading 2"))] ^= 1
	to := t.TempDir()
	name := to + path[len(dir):]
	check(t, os.WriteFile(name, b, 0o600))
	_, payloads, aside, err := open(t, to).Join("live", func() {})
	check(t, err)
	if len(payloads) != 4 || string(payloads[2]) != "reading 3" {
		t.Errorf("handed over %q", payloads)
	}
	if !strings.HasPrefix(aside, name+".damaged-") {
		t.Errorf("set aside as %q", aside)
	}
	if kept, err := os.ReadFile(aside); err != nil || !bytes.Equal(kept, b) {
		t.Errorf("what was set aside is not the file: %v", err)
	}
}

func FuzzScan(f *testing.F) {
	b, _ := image(3)
	f.Add(b)
	f.Add([]byte{0xF1, 0xE1, 0xD9, 0xF0})
	r := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		c := slices.Clone(b)
		for range 1 + r.IntN(5) {
			c[r.IntN(400)] ^= byte(1 << r.IntN(8))
		}
		f.Add(c)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		found, _ := front.Scan(b, 3)
		size := 0
		for name, payloads := range found {
			for _, p := range payloads {
				size += len(name) + len(p)
			}
		}
		if size > len(b) {
			t.Fatalf("%d bytes found in %d", size, len(b))
		}
	})
}
