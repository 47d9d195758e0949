// Package metric writes the Prometheus text exposition format, version 0.0.4.
//
// It keeps no state between scrapes: whoever has numbers is asked for them with a Writer each time, in any order, and
// the Writer groups what belongs together. So there is no registry, and a metric of something that is gone is gone too.
//
// Names follow the Prometheus conventions: fieldpost_ first, base units (seconds, bytes), _total on counters.
package metric

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// ContentType is the media type of what WriteTo writes.
const ContentType = "text/plain; version=0.0.4; charset=utf-8"

// Collector adds the current samples of one part of the program. It must not keep w.
type Collector func(w *Writer)

// Label is one dimension of a sample.
type Label struct {
	Name, Value string
}

// L returns a label.
func L(name, value string) Label { return Label{name, value} }

// Writer gathers samples and writes them grouped by family, in the same order each time. The zero Writer is ready.
// Not safe for concurrent use.
type Writer struct {
	families map[string]*family
	errs     []error
}

type family struct {
	help, kind string
	samples    map[string]float64 // by labels as written
}

// Gauge adds one sample of a gauge. See Counter for the rules.
func (w *Writer) Gauge(name, help string, value float64, labels ...Label) {
	w.add("gauge", name, help, value, labels)
}

// Counter adds one sample of a counter; its name ends in _total. The first call for a name fixes its help and type. A sample that
// could not stand in a valid exposition (a bad name, another type for a known name, the same labels twice) is left out and kept
// for Err, so that one mistake does not hide all other metrics.
func (w *Writer) Counter(name, help string, value float64, labels ...Label) {
	if !strings.HasSuffix(name, "_total") {
		w.errs = append(w.errs, fmt.Errorf("counter %s: the name must end in _total", name))
		return
	}
	w.add("counter", name, help, value, labels)
}

func (w *Writer) add(kind, name, help string, value float64, labels []Label) {
	if !validName(name, true) {
		w.errs = append(w.errs, fmt.Errorf("metric %q: not a valid name", name))
		return
	}
	f := w.families[name]
	if f == nil {
		if w.families == nil {
			w.families = make(map[string]*family)
		}
		f = &family{help: help, kind: kind, samples: make(map[string]float64)}
		w.families[name] = f
	}
	if f.kind != kind {
		w.errs = append(w.errs, fmt.Errorf("metric %s: both %s and %s", name, f.kind, kind))
		return
	}
	key, err := labelText(labels)
	if err != nil {
		w.errs = append(w.errs, fmt.Errorf("metric %s: %w", name, err))
		return
	}
	if _, twice := f.samples[key]; twice {
		w.errs = append(w.errs, fmt.Errorf("metric %s%s: twice", name, key))
		return
	}
	f.samples[key] = value
}

// Err returns what was left out and why, or nil.
func (w *Writer) Err() error { return errors.Join(w.errs...) }

// WriteTo writes all samples: families by name, samples by labels.
func (w *Writer) WriteTo(to io.Writer) (int64, error) {
	var b []byte
	for _, name := range slices.Sorted(maps.Keys(w.families)) {
		f := w.families[name]
		if len(f.samples) == 0 {
			continue
		}
		b = fmt.Appendf(b, "# HELP %s %s\n# TYPE %s %s\n", name, helpEscaper.Replace(f.help), name, f.kind)
		for _, labels := range slices.Sorted(maps.Keys(f.samples)) {
			b = append(append(b, name...), labels...)
			b = append(appendValue(append(b, ' '), f.samples[labels]), '\n')
		}
	}
	n, err := to.Write(b)
	return int64(n), err
}

var (
	helpEscaper  = strings.NewReplacer(`\`, `\\`, "\n", `\n`)
	labelEscaper = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)
)

// labelText returns {a="x",b="y"} with the labels in order of name, or nothing for none.
func labelText(labels []Label) (string, error) {
	if len(labels) == 0 {
		return "", nil
	}
	sorted := slices.SortedFunc(slices.Values(labels), func(a, b Label) int { return strings.Compare(a.Name, b.Name) })
	var b strings.Builder
	for i, l := range sorted {
		switch {
		case !validName(l.Name, false) || strings.HasPrefix(l.Name, "__"):
			return "", fmt.Errorf("label %q: not a valid name", l.Name)
		case i > 0 && sorted[i-1].Name == l.Name:
			return "", fmt.Errorf("label %s: twice", l.Name)
		}
		sep := byte(',')
		if i == 0 {
			sep = '{'
		}
		b.WriteByte(sep)
		b.WriteString(l.Name)
		b.WriteString(`="`)
		b.WriteString(labelEscaper.Replace(strings.ToValidUTF8(l.Value, "\uFFFD")))
		b.WriteByte('"')
	}
	b.WriteByte('}')
	return b.String(), nil
}

// validName reports whether s can be a metric's name (with colons) or a label's.
func validName(s string, colons bool) bool {
	for i := range len(s) {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || i > 0 && c >= '0' && c <= '9' || colons && c == ':' {
			continue
		}
		return false
	}
	return s != ""
}

func appendValue(b []byte, v float64) []byte {
	if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
		return strconv.AppendFloat(b, v, 'f', -1, 64) // counts and times stay readable
	}
	return strconv.AppendFloat(b, v, 'g', -1, 64)
}
