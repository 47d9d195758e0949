// Package ranges holds sets of sequence numbers as inclusive ranges: what is kept, sent, acknowledged, stored, missing.
package ranges

import (
	"cmp"
	"encoding/json"
	"fmt"
	"iter"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Range is the sequences From..To, both included. It is empty if To < From.
type Range struct {
	From, To uint64
}

// Of returns the range of count sequences from first on. count must be at least 1.
func Of(first, count uint64) Range { return Range{first, first + count - 1} }

// Len returns how many sequences r holds: 2^64-1 also for the one range that holds 2^64.
func (r Range) Len() uint64 {
	switch {
	case r.To < r.From:
		return 0
	case r.From == 0 && r.To == math.MaxUint64:
		return math.MaxUint64
	}
	return r.To - r.From + 1
}

// String returns [from,to].
func (r Range) String() string {
	return "[" + strconv.FormatUint(r.From, 10) + "," + strconv.FormatUint(r.To, 10) + "]"
}

// MarshalJSON writes [from,to].
func (r Range) MarshalJSON() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalJSON reads [from,to] with from at most to.
func (r *Range) UnmarshalJSON(b []byte) error {
	var ends []uint64
	if err := json.Unmarshal(b, &ends); err != nil {
		return fmt.Errorf("range %.50s: %w", b, err)
	}
	if len(ends) != 2 || ends[1] < ends[0] {
		return fmt.Errorf("range %.50s: want [from,to]", b)
	}
	r.From, r.To = ends[0], ends[1]
	return nil
}

// Set is a sorted set of sequences, kept as disjoint ranges that do not touch. The zero Set is empty.
// Like a slice, a Set that is assigned shares its memory: Clone before changing one of the two, and before handing one to another goroutine.
type Set struct {
	r []Range
}

// Make returns the set of all sequences in rs, which may overlap and be in any order.
func Make(rs ...Range) Set {
	var s Set
	if len(rs) <= few {
		for _, r := range rs {
			s.Add(r)
		}
		return s
	}
	sorted := slices.DeleteFunc(slices.Clone(rs), func(r Range) bool { return r.To < r.From })
	slices.SortFunc(sorted, func(a, b Range) int { return cmp.Compare(a.From, b.From) })
	s.r = union(sorted, nil)
	return s
}

// Ranges returns the ranges in ascending order. The caller must not change them.
func (s Set) Ranges() []Range { return s.r }

// Empty reports whether s holds nothing.
func (s Set) Empty() bool { return len(s.r) == 0 }

// Len returns how many sequences s holds (see Range.Len).
func (s Set) Len() uint64 {
	var n uint64
	for _, r := range s.r {
		n += r.Len()
	}
	return n
}

// Clone returns a copy that shares nothing with s.
func (s Set) Clone() Set { return Set{slices.Clone(s.r)} }

// Equal reports whether s and o hold the same sequences.
func (s Set) Equal(o Set) bool { return slices.Equal(s.r, o.r) }

// search returns the index of the first range whose To is at least seq.
func (s Set) search(seq uint64) int {
	i, _ := slices.BinarySearchFunc(s.r, seq, func(r Range, seq uint64) int {
		if r.To < seq {
			return -1
		}
		return 1
	})
	return i
}

// Has reports whether seq is in s.
func (s Set) Has(seq uint64) bool {
	i := s.search(seq)
	return i < len(s.r) && s.r[i].From <= seq
}

// HasAll reports whether all of r is in s.
func (s Set) HasAll(r Range) bool {
	if r.To < r.From {
		return true
	}
	i := s.search(r.From)
	return i < len(s.r) && s.r[i].From <= r.From && r.To <= s.r[i].To
}

// Around returns the whole range of s that seq lies in.
func (s Set) Around(seq uint64) (Range, bool) {
	i := s.search(seq)
	if i < len(s.r) && s.r[i].From <= seq {
		return s.r[i], true
	}
	return Range{}, false
}

// Add puts r into s.
func (s *Set) Add(r Range) {
	if r.To < r.From {
		return
	}
	// [i,j) are the ranges that overlap or touch r.
	i := s.search(r.From)
	if i > 0 && s.r[i-1].To+1 == r.From {
		i--
	}
	j := i
	for j < len(s.r) && (s.r[j].From <= r.To || s.r[j].From == r.To+1 && r.To+1 != 0) {
		r.From = min(r.From, s.r[j].From)
		r.To = max(r.To, s.r[j].To)
		j++
	}
	s.r = slices.Replace(s.r, i, j, r)
}

// AddAll puts all of o into s.
func (s *Set) AddAll(o Set) {
	if len(o.r) <= few {
		for _, r := range o.r {
			s.Add(r)
		}
		return
	}
	s.r = union(s.r, o.r)
}

// few is the number of ranges up to which one search for each beats walking through both sets.
const few = 4

// union merges two lists of ranges, each ascending by From, into a new one that is a Set's.
func union(a, b []Range) []Range {
	out := make([]Range, 0, len(a)+len(b))
	for len(a) > 0 || len(b) > 0 {
		from := &a
		if len(a) == 0 || len(b) > 0 && b[0].From < a[0].From {
			from = &b
		}
		next := (*from)[0]
		*from = (*from)[1:]
		last := len(out) - 1
		if last >= 0 && (out[last].To == math.MaxUint64 || next.From <= out[last].To+1) {
			out[last].To = max(out[last].To, next.To)
			continue
		}
		out = append(out, next)
	}
	return out
}

// Remove takes r out of s.
func (s *Set) Remove(r Range) {
	if r.To < r.From {
		return
	}
	i := s.search(r.From)
	j := i
	var rest []Range
	for j < len(s.r) && s.r[j].From <= r.To {
		if s.r[j].From < r.From {
			rest = append(rest, Range{s.r[j].From, r.From - 1})
		}
		if s.r[j].To > r.To {
			rest = append(rest, Range{r.To + 1, s.r[j].To})
		}
		j++
	}
	s.r = slices.Replace(s.r, i, j, rest...)
}

// RemoveAll takes all of o out of s.
func (s *Set) RemoveAll(o Set) { *s = s.Minus(o) }

// Minus returns what is in s and not in o. The result shares nothing with either.
func (s Set) Minus(o Set) Set {
	if len(s.r) == 0 {
		return Set{}
	}
	out := Set{make([]Range, 0, len(s.r))}
	cuts := o.r[o.search(s.r[0].From):]
	for _, r := range s.r {
		for len(cuts) > 0 && cuts[0].To < r.From {
			cuts = cuts[1:]
		}
		// A cut may reach over several ranges, so it is left in place here.
		rest := true // something of r is left
		for _, cut := range cuts {
			if cut.From > r.To {
				break
			}
			if cut.From > r.From {
				out.r = append(out.r, Range{r.From, cut.From - 1})
			}
			if rest = cut.To < r.To; !rest {
				break
			}
			r.From = cut.To + 1
		}
		if rest {
			out.r = append(out.r, r)
		}
	}
	return out
}

// Intersect returns what is in both.
func (s Set) Intersect(o Set) Set {
	var out Set
	if len(s.r) == 0 || len(o.r) == 0 {
		return out
	}
	// Searched for, so that a narrow set costs little against a long one.
	i, j := s.search(o.r[0].From), o.search(s.r[0].From)
	for i < len(s.r) && j < len(o.r) {
		from, to := max(s.r[i].From, o.r[j].From), min(s.r[i].To, o.r[j].To)
		if from <= to {
			out.r = append(out.r, Range{from, to})
		}
		if s.r[i].To < o.r[j].To {
			i++
		} else {
			j++
		}
	}
	return out
}

// Max returns the highest sequence in s; ok is false if s is empty.
func (s Set) Max() (seq uint64, ok bool) {
	if len(s.r) == 0 {
		return 0, false
	}
	return s.r[len(s.r)-1].To, true
}

// Min returns the lowest sequence in s; ok is false if s is empty.
func (s Set) Min() (seq uint64, ok bool) {
	if len(s.r) == 0 {
		return 0, false
	}
	return s.r[0].From, true
}

// All yields the ranges in ascending order.
func (s Set) All() iter.Seq[Range] { return slices.Values(s.r) }

// String returns the ranges one after the other.
func (s Set) String() string {
	var b strings.Builder
	for _, r := range s.r {
		b.WriteString(r.String())
	}
	return b.String()
}

// UnmarshalJSON reads what MarshalJSON writes; the ranges may overlap and be in any order.
func (s *Set) UnmarshalJSON(b []byte) error {
	var rs []Range
	if err := json.Unmarshal(b, &rs); err != nil {
		return err
	}
	*s = Make(rs...)
	return nil
}

// MarshalJSON writes [[a,b],…], and [] for the empty set.
func (s Set) MarshalJSON() ([]byte, error) {
	var b strings.Builder
	b.WriteByte('[')
	for i, r := range s.r {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(r.String())
	}
	b.WriteByte(']')
	return []byte(b.String()), nil
}
