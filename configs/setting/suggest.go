package setting

import (
	"fmt"
	"strings"
)

// Closest returns the one of known that word is likely a slip of, or "".
// A slip is one edit (letter added, left out, changed, or swapped with its neighbour) per three letters begun, at most three.
func Closest(word string, known []string) string {
	if len(word) > 64 { // nobody slips that far, and the cost is the product of both lengths
		return ""
	}
	best, least := "", min(3, (len(word)+2)/3)+1
	if len(word) <= 1 {
		least = 1
	}
	for _, k := range known {
		if k == "" || len(k) > 64 {
			continue
		}
		d := edits(fold(word), fold(k))
		if d < least && d < len(k) {
			best, least = k, d
		}
	}
	return best
}

// DidYouMean returns `; did you mean "x"?` for the closest of known, or "".
func DidYouMean(word string, known []string) string {
	if c := Closest(word, known); c != "" {
		return fmt.Sprintf("; did you mean %q?", c)
	}
	return ""
}

// fold makes what people mix up equal: case, and - for _.
func fold(s string) string { return strings.ReplaceAll(strings.ToLower(s), "-", "_") }

// edits is the optimal string alignment distance of a and b in bytes.
func edits(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
