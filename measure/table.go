package measure

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Table is what a measurement shows. Cells are text already, each with the digits it deserves.
type Table struct {
	Title   string
	Columns []string
	Rows    [][]string
	Notes   []string // below it, a paragraph each
}

// Add adds a row; numbers are written with three digits.
func (t *Table) Add(cells ...any) {
	row := make([]string, len(cells))
	for i, c := range cells {
		switch v := c.(type) {
		case float64:
			row[i] = digits(v)
		default:
			row[i] = fmt.Sprint(v)
		}
	}
	t.Rows = append(t.Rows, row)
}

// digits writes three digits of v, or all before the point.
func digits(v float64) string {
	switch {
	case v >= 100:
		return grouped(fmt.Sprintf("%.0f", v))
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

// grouped puts a comma before each three digits.
func grouped(s string) string {
	for at := len(s) - 3; at > 0; at -= 3 {
		s = s[:at] + "," + s[at:]
	}
	return s
}

// Text writes the table for a terminal.
func (t Table) Text(out io.Writer) error {
	fmt.Fprintf(out, "%s\n\n", t.Title)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, strings.Join(t.Columns, "\t")+"\t")
	for _, r := range t.Rows {
		fmt.Fprintln(w, strings.Join(r, "\t")+"\t")
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, n := range t.Notes {
		fmt.Fprintf(out, "\n%s\n", n)
	}
	_, err := fmt.Fprintln(out)
	return err
}

// Markdown writes the table for a page.
func (t Table) Markdown(out *strings.Builder) {
	fmt.Fprintf(out, "**%s**\n\n| %s |\n|---|%s\n", t.Title, strings.Join(t.Columns, " | "), strings.Repeat("---:|", len(t.Columns)-1))
	for _, r := range t.Rows {
		fmt.Fprintf(out, "| %s |\n", strings.Join(r, " | "))
	}
	for _, n := range t.Notes {
		fmt.Fprintf(out, "\n%s\n", n)
	}
}
