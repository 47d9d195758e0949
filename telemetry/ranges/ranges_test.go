package ranges_test

import (
	"encoding/json"
	"math"
	"slices"
	"testing"

	"fieldpost/telemetry/ranges"
)

func r(from, to uint64) ranges.Range { return ranges.Range{From: from, To: to} }

const top = math.MaxUint64

func TestAdd(t *testing.T) {
	tests := []struct {
		name string
		in   []ranges.Range
		want string
	}{
		{"nothing", nil, ""},
		{"one", []ranges.Range{r(3, 5)}, "[3,5]"},
		{"empty range", []ranges.Range{r(5, 4), r(9, 0)}, ""},
		{"apart", []ranges.Range{r(7, 9), r(1, 2)}, "[1,2][7,9]"},
		{"touching after", []ranges.Range{r(1, 2), r(3, 4)}, "[1,4]"},
		{"touching before", []ranges.Range{r(3, 4), r(1, 2)}, "[1,4]"},
		{"one between", []ranges.Range{r(1, 2), r(4, 5), r(3, 3)}, "[1,5]"},
		{"swallows several", []ranges.Range{r(2, 3), r(5, 6), r(8, 9), r(1, 10)}, "[1,10]"},
		{"bridges two", []ranges.Range{r(1, 3), r(8, 9), r(2, 8)}, "[1,9]"},
		{"inside", []ranges.Range{r(1, 9), r(3, 4)}, "[1,9]"},
		{"lower end", []ranges.Range{r(1, 1), r(0, 0)}, "[0,1]"},
		{"upper end", []ranges.Range{r(top, top), r(top-1, top-1)}, "[18446744073709551614,18446744073709551615]"},
		{"ends do not touch round the corner", []ranges.Range{r(top, top), r(0, 0)}, "[0,0][18446744073709551615,18446744073709551615]"},
		{"all", []ranges.Range{r(5, 6), r(0, top), r(8, 9)}, "[0,18446744073709551615]"},
		{"many in disorder", []ranges.Range{r(40, 41), r(30, 31), r(20, 21), r(10, 11), r(0, 1), r(2, 2), r(9, 1)}, "[0,2][10,11][20,21][30,31][40,41]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := ranges.Make(tt.in...).String(); got != tt.want {
				t.Errorf("Make(%v) = %s, want %s", tt.in, got, tt.want)
			}
			var s ranges.Set
			for _, one := range tt.in {
				s.Add(one)
			}
			if got := s.String(); got != tt.want {
				t.Errorf("Add one by one of %v = %s, want %s", tt.in, got, tt.want)
			}
		})
	}
}

func TestLen(t *testing.T) {
	for _, tt := range []struct {
		r    ranges.Range
		want uint64
	}{{r(4, 4), 1}, {r(4, 9), 6}, {r(5, 4), 0}, {r(9, 2), 0}, {r(1, top), top}, {r(0, top-1), top}, {r(0, top), top}} {
		if got := tt.r.Len(); got != tt.want {
			t.Errorf("%v.Len() = %d, want %d", tt.r, got, tt.want)
		}
	}
	if got := ranges.Of(7, 3); got != r(7, 9) {
		t.Errorf("Of(7, 3) = %v", got)
	}
}

// A set may be taken from or added to itself, though both share their memory.
func TestItself(t *testing.T) {
	s := ranges.Make(r(1, 2), r(4, 5), r(7, 8), r(10, 11), r(13, 14), r(16, 17))
	s.AddAll(s)
	if got := s.String(); got != "[1,2][4,5][7,8][10,11][13,14][16,17]" {
		t.Errorf("after AddAll of itself: %s", got)
	}
	s.RemoveAll(s)
	if !s.Empty() {
		t.Errorf("after RemoveAll of itself: %s", s)
	}
}

// What Clone, Minus and Intersect return can be changed without changing where it came from.
func TestResultsShareNothing(t *testing.T) {
	s := ranges.Make(r(1, 2), r(4, 5), r(7, 8))
	for name, c := range map[string]ranges.Set{"Clone": s.Clone(), "Minus": s.Minus(ranges.Set{}), "Intersect": s.Intersect(s)} {
		c.Remove(r(0, 6))
		c.Add(r(100, 200))
		if got := s.String(); got != "[1,2][4,5][7,8]" {
			t.Fatalf("changing the result of %s changed the set to %s", name, got)
		}
	}
}

func TestJSON(t *testing.T) {
	for _, tt := range []struct {
		in   ranges.Set
		want string
	}{
		{ranges.Set{}, `[]`},
		{ranges.Make(r(1, 2)), `[[1,2]]`},
		{ranges.Make(r(0, 0), r(5, top)), `[[0,0],[5,18446744073709551615]]`},
	} {
		b, err := json.Marshal(tt.in)
		if err != nil || string(b) != tt.want {
			t.Errorf("Marshal(%v) = %s, %v; want %s", tt.in, b, err, tt.want)
		}
		var back ranges.Set
		if err := json.Unmarshal(b, &back); err != nil || !back.Equal(tt.in) {
			t.Errorf("Unmarshal(%s) = %v, %v", b, back, err)
		}
	}
	var spaced ranges.Set
	if err := json.Unmarshal([]byte(" [ [ 7 , 9 ],\n[1,2], [3,8] ] "), &spaced); err != nil || spaced.String() != "[1,9]" {
		t.Errorf("with spaces: %v, %v", spaced, err)
	}
	for _, bad := range []string{`[[1]]`, `[[1,2,3]]`, `[[2,1]]`, `[[-1,2]]`, `[[1,2.5]]`, `[1,2]`, `{}`, `[["1","2"]]`, `[null]`, `[[1,18446744073709551616]]`} {
		var s ranges.Set
		if err := json.Unmarshal([]byte(bad), &s); err == nil {
			t.Errorf("Unmarshal(%s) = %v, want an error", bad, s)
		}
	}
}

func TestEnds(t *testing.T) {
	var s ranges.Set
	if _, ok := s.Max(); ok {
		t.Error("Max of the empty set")
	}
	if _, ok := s.Min(); ok {
		t.Error("Min of the empty set")
	}
	s = ranges.Make(r(4, 6), r(9, 9))
	lo, _ := s.Min()
	hi, _ := s.Max()
	if lo != 4 || hi != 9 {
		t.Errorf("Min, Max = %d, %d", lo, hi)
	}
	if !s.HasAll(r(5, 4)) {
		t.Error("the empty range is in every set")
	}
}

// model is a Set over a window of 64 sequences, as bits. It proves that Add, Remove and their All forms, Minus, Intersect, Has, HasAll, Around,
// Len and Equal agree with the plain definition, that the form is canonical, and that values handed over earlier do not change.
type model struct {
	bits uint64
	base uint64
}

func (m model) ranges() []ranges.Range {
	var out []ranges.Range
	for i := range uint64(64) {
		if m.bits>>i&1 == 0 {
			continue
		}
		if n := len(out) - 1; n >= 0 && out[n].To+1 == m.base+i {
			out[n].To++
			continue
		}
		out = append(out, r(m.base+i, m.base+i))
	}
	return out
}

func mask(from, to uint64) uint64 {
	var b uint64
	for i := from; i <= to && i < 64; i++ {
		b |= 1 << i
	}
	return b
}

func runModel(t *testing.T, base uint64, ops []byte) {
	var s, other ranges.Set
	m, mo := model{base: base}, model{base: base}
	for len(ops) >= 3 {
		op, a, b := ops[0], uint64(ops[1]%64), uint64(ops[2]%64)
		ops = ops[3:]
		rng := r(base+a, base+b) // empty where b < a
		switch op % 8 {
		case 0, 1:
			s.Add(rng)
			m.bits |= mask(a, b)
		case 2:
			s.Remove(rng)
			m.bits &^= mask(a, b)
		case 3:
			other.Add(rng)
			mo.bits |= mask(a, b)
		case 4:
			s.AddAll(other)
			m.bits |= mo.bits
		case 5:
			s.RemoveAll(other)
			m.bits &^= mo.bits
		case 6:
			s = s.Intersect(other)
			m.bits &= mo.bits
		case 7:
			s, other = other.Minus(s), s
			m.bits, mo.bits = mo.bits&^m.bits, m.bits
		}
		check(t, s, m)
		check(t, other, mo)
		if got, want := s.HasAll(rng), m.bits&mask(a, b) == mask(a, b); got != want {
			t.Fatalf("%v.HasAll(%v) = %v", s, rng, got)
		}
	}
}

func check(t *testing.T, s ranges.Set, m model) {
	t.Helper()
	want := m.ranges()
	if !slices.Equal(s.Ranges(), want) {
		t.Fatalf("set is %v, want %v", s.Ranges(), want)
	}
	if !s.Equal(ranges.Make(want...)) || s.Empty() != (m.bits == 0) || !slices.Equal(slices.Collect(s.All()), want) {
		t.Fatalf("%v: Equal, Empty or All is wrong", s)
	}
	var n uint64
	for i := range uint64(64) {
		in := m.bits>>i&1 == 1
		if in {
			n++
		}
		around, ok := s.Around(m.base + i)
		if s.Has(m.base+i) != in || ok != in {
			t.Fatalf("%v.Has(%d) = %v", s, m.base+i, !in)
		}
		if ok && !slices.Contains(want, around) {
			t.Fatalf("%v.Around(%d) = %v", s, m.base+i, around)
		}
	}
	if s.Len() != n {
		t.Fatalf("%v.Len() = %d, want %d", s, s.Len(), n)
	}
}

func FuzzSet(f *testing.F) {
	f.Add([]byte{0, 1, 5, 0, 8, 9, 3, 2, 8, 5, 0, 0})
	f.Add([]byte{0, 0, 63, 3, 4, 4, 3, 8, 8, 3, 12, 12, 3, 16, 16, 3, 20, 20, 5, 0, 0, 4, 0, 0, 6, 0, 0})
	f.Add([]byte{0, 0, 0, 0, 63, 63, 3, 0, 63, 7, 0, 0, 2, 0, 63})
	f.Fuzz(func(t *testing.T, ops []byte) {
		if len(ops) > 600 {
			return
		}
		runModel(t, 0, ops)
		runModel(t, 1<<40, ops)
		runModel(t, top-63, ops)
	})
}

func FuzzUnmarshal(f *testing.F) {
	f.Add([]byte(`[[1,2],[2,9]]`))
	f.Add([]byte(`[[0,18446744073709551615],[3,3]]`))
	f.Add([]byte(`[[1,2`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var s, back ranges.Set
		if json.Unmarshal(b, &s) != nil {
			return
		}
		out, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(out, &back); err != nil || !back.Equal(s) {
			t.Fatalf("%s read back as %v, %v", out, back, err)
		}
	})
}

// TestRandom runs the model over long runs of operations that do not depend on a corpus.
func TestRandom(t *testing.T) {
	state := uint64(1)
	next := func() byte { state = state*6364136223846793005 + 1442695040888963407; return byte(state >> 56) }
	for range 20 {
		ops := make([]byte, 300)
		for i := range ops {
			ops[i] = next()
		}
		for _, base := range []uint64{0, 1, 1 << 40, top - 63} {
			runModel(t, base, ops)
		}
	}
}

func BenchmarkAddInOrder(b *testing.B) {
	b.ReportAllocs()
	var s ranges.Set
	for i := range uint64(b.N) {
		s.Add(r(i, i))
	}
}

// BenchmarkMinus takes one fragmented set of 10,000 ranges from another.
func BenchmarkMinus(b *testing.B) {
	var s, o ranges.Set
	for i := range uint64(10_000) {
		s.Add(r(i*10, i*10+6))
		o.Add(r(i*10+3, i*10+4))
	}
	b.ReportAllocs()
	for b.Loop() {
		_ = s.Minus(o)
	}
}
