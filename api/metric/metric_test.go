package metric_test

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"fieldpost/api/metric"
)

func text(t *testing.T, w *metric.Writer) string {
	t.Helper()
	var b strings.Builder
	n, err := w.WriteTo(&b)
	if err != nil || int(n) != b.Len() {
		t.Errorf("WriteTo = %d, %v; wrote %d", n, err, b.Len())
	}
	return b.String()
}

// Families come together and in order, however the calls interleave.
func TestGrouping(t *testing.T) {
	var w metric.Writer
	for _, node := range []string{"pi-7", "attic", "cellar"} {
		w.Gauge("fieldpost_node_up", "Whether it is connected.", 1, metric.L("node", node))
		w.Counter("fieldpost_acked_records_total", "Records acknowledged.", 12, metric.L("node", node), metric.L("lane", "live"))
		w.Counter("fieldpost_acked_records_total", "other words", 3, metric.L("lane", "alarm"), metric.L("node", node))
	}
	w.Gauge("fieldpost_a", "First.", 0.5)
	want := `# HELP fieldpost_a First.
# TYPE fieldpost_a gauge
fieldpost_a 0.5
# HELP fieldpost_acked_records_total Records acknowledged.
# TYPE fieldpost_acked_records_total counter
fieldpost_acked_records_total{lane="alarm",node="attic"} 3
fieldpost_acked_records_total{lane="alarm",node="cellar"} 3
fieldpost_acked_records_total{lane="alarm",node="pi-7"} 3
fieldpost_acked_records_total{lane="live",node="attic"} 12
fieldpost_acked_records_total{lane="live",node="cellar"} 12
fieldpost_acked_records_total{lane="live",node="pi-7"} 12
# HELP fieldpost_node_up Whether it is connected.
# TYPE fieldpost_node_up gauge
fieldpost_node_up{node="attic"} 1
fieldpost_node_up{node="cellar"} 1
fieldpost_node_up{node="pi-7"} 1
`
	if got := text(t, &w); got != want || w.Err() != nil {
		t.Errorf("%v\n%s", w.Err(), got)
	}
	if got := text(t, &w); got != want {
		t.Error("a second WriteTo differs")
	}
	if got := text(t, &metric.Writer{}); got != "" {
		t.Errorf("nothing is %q", got)
	}
}

func TestEscaping(t *testing.T) {
	var w metric.Writer
	w.Gauge("a", "a \\ \"b\"\nc", 1, metric.L("x", "a \\ \"b\"\nc é \xff"))
	want := "# HELP a a \\\\ \"b\"\\nc\n# TYPE a gauge\na{x=\"a \\\\ \\\"b\\\"\\nc é \uFFFD\"} 1\n"
	if got := text(t, &w); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestValues(t *testing.T) {
	for _, tt := range []struct {
		v    float64
		want string
	}{
		{0, "0"}, {-3, "-3"}, {0.25, "0.25"}, {1782907200, "1782907200"}, {1782907200.125, "1.782907200125e+09"}, {1 << 52, "4503599627370496"},
		{1e300, "1e+300"}, {math.NaN(), "NaN"}, {math.Inf(1), "+Inf"}, {math.Inf(-1), "-Inf"},
	} {
		var w metric.Writer
		w.Gauge("a", "A.", tt.v)
		got := strings.TrimPrefix(text(t, &w), "# HELP a A.\n# TYPE a gauge\na ")
		if got != tt.want+"\n" {
			t.Errorf("%v is written %q, want %s", tt.v, got, tt.want)
		}
		if back, err := strconv.ParseFloat(tt.want, 64); err != nil || back != tt.v && !math.IsNaN(tt.v) {
			t.Errorf("%s reads back as %v, %v", tt.want, back, err)
		}
	}
}

// A mistake is left out and told; all else stands.
func TestMistakes(t *testing.T) {
	good := "# HELP good Good.\n# TYPE good gauge\ngood{a=\"1\"} 1\n"
	for _, tt := range []struct {
		name string
		add  func(w *metric.Writer)
		want string
	}{
		{"empty name", func(w *metric.Writer) { w.Gauge("", "", 1) }, `metric "": not a valid name`},
		{"space in name", func(w *metric.Writer) { w.Gauge("a b", "", 1) }, `metric "a b": not a valid name`},
		{"digit first", func(w *metric.Writer) { w.Gauge("1a", "", 1) }, `metric "1a": not a valid name`},
		{"counter without _total", func(w *metric.Writer) { w.Counter("a", "", 1) }, `counter a: the name must end in _total`},
		{"two types", func(w *metric.Writer) {
			w.Counter("a_total", "A.", 1, metric.L("x", "1"))
			w.Gauge("a_total", "A.", 1, metric.L("x", "2"))
		}, `metric a_total: both counter and gauge`},
		{"same labels twice", func(w *metric.Writer) { w.Gauge("good", "", 7, metric.L("a", "1")) }, `metric good{a="1"}: twice`},
		{"label twice", func(w *metric.Writer) { w.Gauge("good", "", 7, metric.L("a", "2"), metric.L("a", "1")) }, `metric good: label a: twice`},
		{"label name", func(w *metric.Writer) { w.Gauge("good", "", 7, metric.L("a-b", "2")) }, `metric good: label "a-b": not a valid name`},
		{"label name with colon", func(w *metric.Writer) { w.Gauge("good", "", 7, metric.L("a:b", "2")) }, `metric good: label "a:b": not a valid name`},
		{"reserved label", func(w *metric.Writer) { w.Gauge("good", "", 7, metric.L("__name__", "2")) }, `metric good: label "__name__": not a valid name`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var w metric.Writer
			w.Gauge("good", "Good.", 1, metric.L("a", "1"))
			tt.add(&w)
			if err := w.Err(); err == nil || err.Error() != tt.want {
				t.Errorf("Err() = %v, want %s", err, tt.want)
			}
			if got := text(t, &w); !strings.Contains(got, good) || strings.Contains(got, " 7\n") {
				t.Errorf("wrote %s", got)
			}
		})
	}
}

func TestProcess(t *testing.T) {
	var w metric.Writer
	metric.Process(&w)
	if err := w.Err(); err != nil {
		t.Error(err)
	}
	got := text(t, &w)
	for name, least := range map[string]float64{"go_goroutines": 1, "process_open_fds": 1, "process_resident_memory_bytes": 1 << 20, "process_cpu_seconds_total": 0} {
		m := regexp.MustCompile(`(?m)^` + name + ` (\S+)$`).FindStringSubmatch(got)
		if m == nil {
			t.Errorf("no %s in %s", name, got)
			continue
		}
		if v, err := strconv.ParseFloat(m[1], 64); err != nil || v < least || v > 1<<40 {
			t.Errorf("%s is %s", name, m[1])
		}
	}
}

// line is a sample in the exposition format.
var line = regexp.MustCompile(`^[a-zA-Z_:][a-zA-Z0-9_:]*(\{[a-zA-Z_][a-zA-Z0-9_]*="([^"\\\n]|\\["\\n])*"(,[a-zA-Z_][a-zA-Z0-9_]*="([^"\\\n]|\\["\\n])*")*\})? \S+$`)

// FuzzWriter shows that whatever is handed over, each line is a comment or a sample.
func FuzzWriter(f *testing.F) {
	f.Add("fieldpost_a", "Help.", "node", "pi-7", 1.5)
	f.Add("a b", "\n", "__x", "\"\\\n", math.NaN())
	f.Fuzz(func(t *testing.T, name, help, label, value string, v float64) {
		var w metric.Writer
		w.Gauge(name, help, v, metric.L(label, value))
		w.Gauge("other", help, v, metric.L("x", value), metric.L(label, value))
		w.Counter(name+"_total", help, v)
		for l := range strings.Lines(text(t, &w)) {
			l = strings.TrimSuffix(l, "\n")
			if !strings.HasPrefix(l, "# HELP ") && !strings.HasPrefix(l, "# TYPE ") && !line.MatchString(l) {
				t.Errorf("not a line of the format: %q", l)
			}
		}
	})
}
