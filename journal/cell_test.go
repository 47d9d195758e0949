package journal

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"

	bolt "go.etcd.io/bbolt"

	"fieldpost/telemetry/ranges"
)

func TestGoldenCell(t *testing.T) {
	c := cell{kind: entryCell, key: 0x0102030405060708, count: 9, opening: 10, mark: 11}
	got := appendCell(nil, c, []byte("data"))
	const want = "f1e1d905" + "01" + "01" + "0000" + "0102030405060708" + "00000009" + "00000004" +
		"000000000000000a" + "000000000000000b" + "aed87dd1" + "81b73e76" + "64617461"
	if hex.EncodeToString(got) != want {
		t.Errorf("the format has changed: %x, want %s", got, want)
	}
	back, data, err := parseCell(got, entryCell)
	if err != nil || string(data) != "data" || back.key != c.key || back.count != 9 || back.opening != 10 || back.mark != 11 || back.last() != c.key+8 {
		t.Errorf("%+v, %q, %v", back, data, err)
	}
	if k := entryKey(c.last(), c.count); hex.EncodeToString(k) != "0102030405060710"+"00000009" {
		t.Errorf("key %x", k)
	}
}

func TestCellRefused(t *testing.T) {
	good := func() []byte { return appendCell(nil, cell{kind: entryCell, key: 5, count: 2}, []byte("x")) }
	resum := func(b []byte) []byte {
		binary.BigEndian.PutUint32(b[44:], crc32.Checksum(b[:44], castagnoli))
		return b
	}
	for name, c := range map[string]struct {
		b    []byte
		want string
	}{
		"empty":       {nil, "no head"},
		"cut":         {good()[:40], "no head"},
		"cut data":    {good()[:48], "0 bytes"},
		"longer":      {append(good(), 0), "2 bytes"},
		"bad data":    {append(good()[:48], 'y'), "data has a bad checksum"},
		"bad head":    {append([]byte{0xF1, 0xE1, 0xD9, 0x05, 1, 1, 0, 1}, good()[8:]...), "head has a bad checksum"},
		"later":       {resum(append([]byte{0xF1, 0xE1, 0xD9, 0x05, 2}, good()[5:]...)), "another version"},
		"kind":        {resum(append([]byte{0xF1, 0xE1, 0xD9, 0x05, 1, 3}, good()[6:]...)), "unknown kind 3"},
		"other kind":  {appendCell(nil, cell{kind: blobCell}, nil), "kind 2"},
		"no count":    {appendCell(nil, cell{kind: entryCell, key: 5}, nil), "0 positions"},
		"beyond":      {appendCell(nil, cell{kind: entryCell, key: math.MaxUint64, count: 2}, nil), "2 positions"},
		"huge length": {resum(append(append(good()[:20:20], 0x7f, 0, 0, 0), good()[24:]...)), "value of"},
	} {
		if _, _, err := parseCell(c.b, entryCell); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

// FuzzCell: what the decoder takes encodes to the same bytes, reserved ones aside.
func FuzzCell(f *testing.F) {
	f.Add(appendCell(nil, cell{kind: entryCell, key: 5, count: 2, opening: 1, mark: 9}, []byte("x")))
	f.Add(appendCell(nil, cell{kind: blobCell, key: 5}, nil))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		b = slices.Clone(b)
		if len(b) >= cellHead {
			b[6], b[7] = 0, 0
			binary.BigEndian.PutUint32(b[40:], crc32.Checksum(b[cellHead:], castagnoli))
			binary.BigEndian.PutUint32(b[44:], crc32.Checksum(b[:44], castagnoli))
		}
		for k := metaCell; k <= blobCell; k++ {
			c, data, err := parseCell(b, k)
			if err == nil && !bytes.Equal(appendCell(nil, c, data), b) {
				t.Fatalf("%+v encodes to %x, was %x", c, appendCell(nil, c, data), b)
			}
		}
		if first, count, err := parseEntryKey(b); err == nil && !bytes.Equal(entryKey(first+uint64(count)-1, count), b) {
			t.Fatalf("key %x", b)
		}
		if s, err := parseRanges(b); err == nil && s.Len() > 0 && len(appendRanges(nil, s)) > len(b) {
			t.Fatalf("ranges %v of %x", s, b)
		}
	})
}

// Cells are found wherever they lie: across windows, one after the other, inside rubbish, at the end; each once.
func TestScanCells(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	var b []byte
	type place struct {
		off   int64
		key   uint64
		whole bool
	}
	var want []place
	add := func(n int, whole bool) {
		want = append(want, place{int64(len(b)), uint64(len(want) + 1), whole})
		data := make([]byte, n)
		for i := range data {
			data[i] = byte(r.Uint32())
		}
		b = appendCell(b, cell{kind: entryCell, key: uint64(len(want)), count: 1}, data)
		if !whole {
			b[len(b)-1]++
		}
	}
	for i := range 400 {
		switch i % 5 {
		case 0:
			b = append(b, magicBytes[:r.IntN(5)]...) // the beginnings of magic numbers
		case 1:
			b = append(b, make([]byte, r.IntN(5000))...)
		case 2:
			b = append(b, appendCell(nil, cell{kind: blobCell}, nil)[:r.IntN(cellHead)]...) // half heads
		}
		add(1+r.IntN(3000), i%7 != 3)
	}
	add(600<<10, true) // longer than a window
	b = append(b, make([]byte, scanWindow-len(b)%scanWindow-20)...)
	add(10, true) // a head across the border of two windows
	add(0, true)
	var got []place
	scanCells(bytes.NewReader(b), int64(len(b)), func(c found) { got = append(got, place{c.off, c.key, c.whole}) })
	if !slices.Equal(got, want) {
		t.Fatalf("%d cells, want %d", len(got), len(want))
	}
}

// badBlocks is a disk that does not give some blocks.
type badBlocks struct {
	*bytes.Reader
	bad func(block int64) bool
}

func (d badBlocks) ReadAt(b []byte, off int64) (int, error) {
	for at := off / 512; at*512 < off+int64(len(b)); at++ {
		if d.bad(at) {
			return 0, syscall.EIO
		}
	}
	return d.Reader.ReadAt(b, off)
}

// A block that cannot be read costs what lies in its neighbourhood.
func TestScanOverBadBlocks(t *testing.T) {
	var b []byte
	for i := range 100 {
		b = appendCell(b, cell{kind: entryCell, key: uint64(i), count: 1}, make([]byte, 1000-cellHead))
	}
	var whole []uint64
	scanCells(badBlocks{bytes.NewReader(b), func(n int64) bool { return n == 100 }}, int64(len(b)), func(c found) {
		if c.whole {
			whole = append(whole, c.key)
		}
	})
	// Byte 51200 is bad; for its sake 4 KiB are given up, 49152–53247, in which the heads of the cells 50 to 53 lie.
	if want := slices.DeleteFunc(seq(100), func(k uint64) bool { return k >= 50 && k <= 53 }); !slices.Equal(whole, want) {
		t.Errorf("whole: %v, want %v", whole, want)
	}
}

func seq(n int) (out []uint64) {
	for i := range n {
		out = append(out, uint64(i))
	}
	return out
}

// Which of several contents of a position holds.
func TestResolve(t *testing.T) {
	e := func(opening, key uint64, count uint32) found {
		return found{cell: cell{kind: entryCell, opening: opening, key: key, count: count}, whole: true}
	}
	for name, c := range map[string]struct {
		entries []found
		began   map[uint64]uint64
		want    []found
	}{
		"older copies of a page":     {[]found{e(1, 1, 5), e(1, 6, 5), e(1, 1, 5)}, nil, []found{e(1, 1, 5), e(1, 6, 5)}},
		"the higher opening":         {[]found{e(1, 1, 5), e(2, 1, 5), e(1, 6, 1)}, nil, []found{e(2, 1, 5), e(1, 6, 1)}},
		"half overlapped":            {[]found{e(1, 1, 10), e(2, 8, 10), e(1, 20, 2)}, nil, []found{e(2, 8, 10), e(1, 20, 2)}},
		"a transaction never ended":  {[]found{e(1, 1, 5), e(1, 6, 5), e(2, 11, 1)}, map[uint64]uint64{1: 1, 2: 6}, []found{e(1, 1, 5), e(2, 11, 1)}},
		"no word of a later opening": {[]found{e(1, 1, 5), e(1, 6, 5)}, map[uint64]uint64{1: 1}, []found{e(1, 1, 5), e(1, 6, 5)}},
	} {
		var s salvage
		s.resolve(c.entries, c.began)
		if !slices.Equal(s.entries, c.want) {
			t.Errorf("%s: %+v, want %+v", name, s.entries, c.want)
		}
	}
}

func TestRangesOfASegment(t *testing.T) {
	s := ranges.Make(ranges.Range{From: 1, To: 5}, ranges.Range{From: 7, To: math.MaxUint64 - 1})
	if got, err := parseRanges(appendRanges(nil, s)); err != nil || !got.Equal(s) {
		t.Errorf("%v, %v", got, err)
	}
	for _, b := range [][]byte{make([]byte, 15), bytes.Repeat(appendRanges(nil, s), 2), appendRanges(nil, s)[16:32:32][:8:8], make([]byte, 31), append(appendRanges(nil, s)[16:], appendRanges(nil, s)[:16]...)} {
		if got, err := parseRanges(b); err == nil {
			t.Errorf("%x gives %v", b, got)
		}
	}
}

// bbolt turns some errors of the system into text.
func TestDiskError(t *testing.T) {
	text := errors.New("file resize error: truncate /x: " + syscall.ENOSPC.Error())
	if err := diskError(text); !errors.Is(err, syscall.ENOSPC) || err.Error() != text.Error() {
		t.Errorf("%v", err)
	}
	other := errors.New("other")
	if diskError(other) != other || diskError(nil) != nil {
		t.Error("changed another error")
	}
}

// A panic under bbolt is an error, and what comes after neither hangs nor panics.
func TestPanicInATransaction(t *testing.T) {
	d, err := openDatabase(t.TempDir()+"/db", 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.update(func(tx *bolt.Tx) error { return putFacts(tx, facts{}) }); err != nil {
		t.Fatal(err)
	}
	if err := d.update(func(*bolt.Tx) error { panic("page 7") }); !isDamage(err) || !strings.Contains(err.Error(), "page 7") {
		t.Errorf("%v", err)
	}
	if err := d.close(); err != nil {
		t.Error(err)
	}
	again, err := openDatabase(d.file.Name(), 0) // its lock is free
	if err != nil {
		t.Fatal(err)
	}
	if err := again.close(); err != nil {
		t.Error(err)
	}
}
