// Package ranges holds sets of sequence numbers as inclusive ranges: what is kept, sent, acknowledged, stored, missing.
package ranges

import (
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
)

// Range is the sequences From..To, both included.
type Range struct {
	From, To uint64
}

// Of returns the range of count sequences from first on. count must be at least 1.
func Of(first, count uint64) Range { return Range{first, first + count - 1} }

// Len returns how many sequences r holds.
func (r Range) Len() uint64 { return r.To - r.From + 1 }

// String returns [from,to].
func (r Range) String() string {
	return "[" + strconv.FormatUint(r.From, 10) + "," + strconv.FormatUint(r.To, 10) + "]"
}

// MarshalJSON writes [from,to].
func (r Range) MarshalJSON() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalJSON reads [from,to].
func (r *Range) UnmarshalJSON(b []byte) error {
	if _, err := fmt.Sscanf(string(b), "[%d,%d]", &r.From, &r.To); err != nil {
		return fmt.Errorf("range %s: %w", b, err)
	}
	return nil
}

// Set is a sorted set of sequences, kept as disjoint ranges that do not touch. The zero Set is empty.
// Its methods that change it are not safe for concurrent use; Clone before handing it to another goroutine.
type Set struct {
	r []Range
}

// Make returns the set of all sequences in rs, which may overlap and be in any order.
func Make(rs ...Range) Set {
	var s Set
	for _, r := range rs {
		s.Add(r)
	}
	return s
}

// Ranges returns the ranges in ascending order. The caller must not change them.
func (s Set) Ranges() []Range { return s.r }

// Empty reports whether s holds nothing.
func (s Set) Empty() bool { return len(s.r) == 0 }

// Len returns how many sequences s holds.
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
	for _, r := range o.r {
		s.Add(r)
	}
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
func (s *Set) RemoveAll(o Set) {
	for _, r := range o.r {
		s.Remove(r)
	}
}

// Minus returns what is in s and not in o.
func (s Set) Minus(o Set) Set {
	c := s.Clone()
	c.RemoveAll(o)
	return c
}

// Intersect returns what is in both.
func (s Set) Intersect(o Set) Set {
	var out Set
	i, j := 0, 0
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
