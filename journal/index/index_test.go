package index_test

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"fieldpost/journal"
	"fieldpost/journal/index"
)

func open(t *testing.T, dir string, segs ...journal.Segment) (*index.Index, []journal.Segment) {
	t.Helper()
	x, missing, err := index.Open(dir, segs, nil)
	if err != nil {
		t.Fatal(err)
	}
	return x, missing
}

// segment is the i-th of segments of a million positions.
func segment(i int, sealed bool) journal.Segment {
	return journal.Segment{First: uint64(i)*1e6 + 1, Next: uint64(i+1)*1e6 + 1, Sealed: sealed}
}

func take(t *testing.T, seq iter.Seq2[index.Posting, error]) []index.Posting {
	t.Helper()
	var out []index.Posting
	for p, err := range seq {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, p)
	}
	return out
}

// scattered makes postings of n series in segment i that are too far apart to become one, in order of position. Times are late and
// early at random, some uncertain.
func scattered(r *rand.Rand, i, n int) []index.Posting {
	var out []index.Posting
	for pos := uint64(i)*1e6 + 1; pos < uint64(i+1)*1e6-9000; pos += 8192 + uint64(r.IntN(500)) {
		for s := range n {
			if r.IntN(3) == 0 {
				continue
			}
			p := index.Posting{Series: uint64(s) * 0x1111111111111111, First: pos, Last: pos + uint64(r.IntN(100)), Min: int64(r.IntN(1e6)) - 1000}
			p.Max = p.Min + int64(r.IntN(5000))
			if r.IntN(40) == 0 {
				p.Min, p.Max = math.MinInt64, math.MaxInt64
			}
			out = append(out, p)
		}
	}
	return out
}

func ascending(a, b index.Posting) int {
	return cmp.Or(cmp.Compare(a.Min, b.Min), cmp.Compare(a.First, b.First), cmp.Compare(a.Series, b.Series))
}

func descending(a, b index.Posting) int {
	return cmp.Or(cmp.Compare(b.Max, a.Max), cmp.Compare(b.Last, a.Last), cmp.Compare(b.Series, a.Series))
}

// tempDir is t.TempDir on a disk in memory where there is one, for tests that write hundreds of files: nobody cuts the power here.
func tempDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "index")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// compare asserts that the index answers like all, for many questions.
func compare(t *testing.T, x *index.Index, all []index.Posting, r *rand.Rand, series int) {
	t.Helper()
	for q := range 30 {
		var ids []uint64
		for range r.IntN(4) {
			ids = append(ids, uint64(r.IntN(series+1))*0x1111111111111111) // some twice, some unknown
		}
		from := int64(r.IntN(1e6)) - 2000
		to := from + int64(r.IntN(1e5))
		switch q % 10 {
		case 0:
			from, to = math.MinInt64, math.MaxInt64
		case 1:
			to = from
		}
		var want []index.Posting
		for _, p := range all {
			if slices.Contains(ids, p.Series) && p.Min < to && p.Max >= from {
				want = append(want, p)
			}
		}
		slices.SortFunc(want, ascending)
		if got := take(t, x.Select(index.Query{Series: ids, From: from, To: to})); !slices.Equal(got, want) {
			t.Fatalf("select %x from %d to %d: %d postings, want %d", ids, from, to, len(got), len(want))
		}
		slices.SortFunc(want, descending)
		if got := take(t, x.Select(index.Query{Series: ids, From: from, To: to, Descending: true})); !slices.Equal(got, want) {
			t.Fatalf("select descending %x from %d to %d: %d postings, want %d", ids, from, to, len(got), len(want))
		}
	}
	var known []uint64
	for s := range series + 1 {
		id := uint64(s) * 0x1111111111111111
		want, any := index.Span{Min: math.MaxInt64, Max: math.MinInt64}, false
		for _, p := range all {
			switch {
			case p.Series != id:
				continue
			case p.Min == math.MinInt64:
				want.Uncertain = true
			default:
				want.Min, want.Max = min(want.Min, p.Min), max(want.Max, p.Max)
			}
			any = true
		}
		if any {
			known = append(known, id)
		}
		got, ok, err := x.Span(id)
		if err != nil || ok != any || got.Min != want.Min || got.Max != want.Max || got.Uncertain != want.Uncertain {
			t.Fatalf("span of %x: %v, %v, %v; want %v, %v", id, got, ok, err, want, any)
		}
	}
	if got, err := x.Series(); err != nil || !slices.Equal(got, known) {
		t.Fatalf("series %x, %v; want %x", got, err, known)
	}
}

// TestModel lets an index live through sealing, reopening, dropping and damage, and compares its answers with a plain list.
func TestModel(t *testing.T) {
	const series = 6
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 3))
			dir := tempDir(t)
			x, missing := open(t, dir)
			if len(missing) != 0 {
				t.Fatal(missing)
			}
			held := map[int][]index.Posting{} // by segment
			all := func() (out []index.Posting) {
				for _, ps := range held {
					out = append(out, ps...)
				}
				return out
			}
			segments := func(n int) (out []journal.Segment) {
				for i := range n + 1 {
					if held[i] != nil {
						out = append(out, segment(i, i < n))
					}
				}
				return out
			}
			for i := range 8 {
				held[i] = scattered(r, i, series)
				x.Add(held[i]...)
				compare(t, x, all(), r, series)
				if i > 2 && r.IntN(3) == 0 {
					gone := r.IntN(i)
					if held[gone] != nil {
						if err := x.Drop(segment(gone, true).First); err != nil {
							t.Fatal(err)
						}
						delete(held, gone)
						compare(t, x, all(), r, series)
					}
				}
				if r.IntN(2) == 0 { // a restart
					harmed := -1
					if r.IntN(2) == 0 && i > 0 && held[i-1] != nil {
						harmed = i - 1
						path := filepath.Join(dir, fmt.Sprintf("%020d.idx", segment(harmed, true).First))
						if err := os.Truncate(path, 100); err != nil {
							t.Fatal(err)
						}
					}
					x, missing = open(t, dir, segments(i)...)
					for _, m := range missing {
						k := int(m.First / 1e6)
						if k != i && k != harmed {
							t.Fatalf("missing %v", m)
						}
						x.Add(held[k]...)
						if m.Sealed {
							if err := x.Seal(m); err != nil {
								t.Fatal(err)
							}
						}
					}
					compare(t, x, all(), r, series)
				}
				if err := x.Seal(segment(i, true)); err != nil {
					t.Fatal(err)
				}
				compare(t, x, all(), r, series)
			}
		})
	}
}

// Postings that follow closely become one; what makes them imprecise keeps them apart.
func TestCoalescing(t *testing.T) {
	const second, hour = 1e9, 3600e9
	cases := []struct {
		name string
		add  []index.Posting
		want []index.Posting
	}{
		{"a stream", []index.Posting{{1, 10, 19, 0, second}, {1, 20, 29, second, 2 * second}, {1, 100, 100, 9 * second, 9 * second}},
			[]index.Posting{{1, 10, 100, 0, 9 * second}}},
		{"too many positions", []index.Posting{{1, 1, 10, 0, 1}, {1, 8192, 8192, 2, 3}, {1, 8193, 8193, 4, 5}},
			[]index.Posting{{1, 1, 8192, 0, 3}, {1, 8193, 8193, 4, 5}}},
		{"a long pause", []index.Posting{{1, 1, 1, 0, 1}, {1, 2, 2, hour, hour}},
			[]index.Posting{{1, 1, 1, 0, 1}, {1, 2, 2, hour, hour}}},
		{"late data", []index.Posting{{1, 1, 1, hour, hour}, {1, 2, 2, 0, 1}, {1, 3, 3, 2, 3}},
			[]index.Posting{{1, 2, 3, 0, 3}, {1, 1, 1, hour, hour}}},
		{"uncertain", []index.Posting{{1, 1, 1, 0, 1}, {1, 2, 2, math.MinInt64, math.MaxInt64}, {1, 3, 3, math.MinInt64, math.MaxInt64}, {1, 4, 4, 2, 3}},
			[]index.Posting{{1, 2, 3, math.MinInt64, math.MaxInt64}, {1, 1, 1, 0, 1}, {1, 4, 4, 2, 3}}},
		{"extreme times", []index.Posting{{1, 1, 1, math.MinInt64, math.MinInt64}, {1, 2, 2, math.MaxInt64 - 1, math.MaxInt64}},
			[]index.Posting{{1, 1, 1, math.MinInt64, math.MinInt64}, {1, 2, 2, math.MaxInt64 - 1, math.MaxInt64}}},
		{"other series", []index.Posting{{1, 1, 1, 0, 1}, {2, 2, 2, 0, 1}, {1, 3, 3, 1, 1}},
			[]index.Posting{{1, 1, 3, 0, 1}, {2, 2, 2, 0, 1}}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			x, _ := open(t, dir)
			x.Add(c.add...)
			for range 2 {
				if got := take(t, x.Select(index.Query{Series: []uint64{1, 2}, From: math.MinInt64, To: math.MaxInt64})); !slices.Equal(got, c.want) {
					t.Errorf("got %v, want %v", got, c.want)
				}
				if err := x.Seal(journal.Segment{First: 1, Next: 10000, Sealed: true}); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// A posting that reaches over the border of two segments is cut there when the first is sealed.
func TestSealCutsAtTheBorder(t *testing.T) {
	x, _ := open(t, t.TempDir())
	x.Add(index.Posting{1, 90, 95, 0, 1}, index.Posting{1, 96, 120, 2, 3})
	seg := journal.Segment{First: 1, Next: 101, Sealed: true}
	if err := x.Seal(seg); err != nil {
		t.Fatal(err)
	}
	want := []index.Posting{{1, 90, 100, 0, 3}, {1, 101, 120, 0, 3}}
	if got := take(t, x.Select(index.Query{Series: []uint64{1}, From: 0, To: 10})); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if err := x.Drop(1); err != nil {
		t.Fatal(err)
	}
	if got := take(t, x.Select(index.Query{Series: []uint64{1}, From: 0, To: 10})); !slices.Equal(got, want[1:]) {
		t.Errorf("after the drop: %v", got)
	}
}

// Open knows what to do again, and clears away what belongs to nothing.
func TestMissing(t *testing.T) {
	dir := t.TempDir()
	x, _ := open(t, dir)
	for i := range 4 {
		x.Add(index.Posting{7, segment(i, true).First, segment(i, true).First + 5, int64(i), int64(i)})
		if err := x.Seal(segment(i, true)); err != nil {
			t.Fatal(err)
		}
	}
	name := func(i int) string { return filepath.Join(dir, fmt.Sprintf("%020d.idx", segment(i, true).First)) }
	if err := os.Remove(name(1)); err != nil {
		t.Fatal(err)
	}
	for _, f := range []string{name(9), name(2) + ".tmp", filepath.Join(dir, "keep.txt")} {
		if err := os.WriteFile(f, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	salvaged := segment(2, true)
	salvaged.Next -= 3
	_, missing := open(t, dir, segment(0, true), segment(1, true), salvaged, segment(3, true), segment(4, false))
	if want := []journal.Segment{segment(1, true), salvaged, segment(4, false)}; !slices.Equal(missing, want) {
		t.Errorf("missing %v, want %v", missing, want)
	}
	var left []string
	names, _ := os.ReadDir(dir)
	for _, n := range names {
		left = append(left, n.Name())
	}
	if want := []string{filepath.Base(name(0)), filepath.Base(name(3)), "keep.txt"}; !slices.Equal(left, want) {
		t.Errorf("left %v, want %v", left, want)
	}
}

// Every single bad byte of a side file is noticed: at Open or by the question that meets it, which says what to do again.
func TestEveryBadByte(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	dir := tempDir(t)
	x, _ := open(t, dir)
	seg := segment(0, true)
	all := scattered(r, 0, 3)
	x.Add(all...)
	if err := x.Seal(seg); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, fmt.Sprintf("%020d.idx", seg.First))
	sound, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	ids := []uint64{0, 0x1111111111111111, 0x2222222222222222}
	for i := range sound {
		b := slices.Clone(sound)
		b[i] ^= 1 << r.IntN(8)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		x, missing := open(t, dir, seg)
		if len(missing) == 1 {
			continue
		}
		for _, seq := range []iter.Seq2[index.Posting, error]{x.Select(index.Query{Series: ids, From: math.MinInt64, To: math.MaxInt64}), x.Select(index.Query{Series: ids, From: math.MinInt64, To: math.MaxInt64, Descending: true})} {
			var last error
			for _, err := range seq {
				if last != nil {
					t.Fatal("goes on after an error")
				}
				last = err
			}
			var damage *index.DamageError
			if !errors.As(last, &damage) || damage.First != seg.First || damage.Path != path || !errors.Is(last, index.ErrDamaged) {
				t.Fatalf("bad byte at %d of %d: %v", i, len(sound), last)
			}
		}
		if err := x.Drop(seg.First); err != nil {
			t.Fatal(err)
		}
		x.Add(all...)
		if err := x.Seal(seg); err != nil {
			t.Fatal(err)
		}
		if again, err := os.ReadFile(path); err != nil || !slices.Equal(again, sound) {
			t.Fatal("the same postings gave another file")
		}
	}
}

// What is dropped while a selection runs is left out, and is no error; ending one early leaves no file open.
func TestDropMeanwhile(t *testing.T) {
	dir := t.TempDir()
	x, _ := open(t, dir)
	for i := range 3 {
		x.Add(index.Posting{7, segment(i, true).First, segment(i, true).First, int64(i), int64(i)})
		if err := x.Seal(segment(i, true)); err != nil {
			t.Fatal(err)
		}
	}
	var got []int64
	for p, err := range x.Select(index.Query{Series: []uint64{7}, From: 0, To: 10}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, p.Min)
		if p.Min == 0 {
			if err := x.Drop(segment(1, true).First); err != nil {
				t.Fatal(err)
			}
		}
	}
	if !slices.Equal(got, []int64{0, 2}) {
		t.Errorf("got %v", got)
	}
	count := func() int {
		fds, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Skip(err)
		}
		return len(fds)
	}
	before := count()
	for range 50 {
		for range x.Select(index.Query{Series: []uint64{7}, From: 0, To: 10}) {
			break
		}
	}
	if after := count(); after > before {
		t.Errorf("%d files open, were %d", after, before)
	}
}
