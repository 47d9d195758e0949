package pattern_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"fieldpost/edge/pattern"
	"fieldpost/telemetry"
)

var metrics = []pattern.Metric{
	{Name: "temperature", Kind: telemetry.KindFloat, Unit: "Cel"},
	{Name: "pressure", Kind: telemetry.KindFloat, Unit: "kPa"},
	{Name: "count", Kind: telemetry.KindInt},
	{Name: "pump", Kind: telemetry.KindBool},
	{Name: "state", Kind: telemetry.KindText},
	{Name: "max", Kind: telemetry.KindFloat},
}

// rig is a Set whose time a test moves.
type rig struct {
	*pattern.Set
	t    testing.TB
	mono int64
}

func newRig(t testing.TB, defs ...pattern.Definition) *rig {
	t.Helper()
	for i := range defs {
		if defs[i].Name == "" {
			defs[i].Name = fmt.Sprintf("p%d", i)
		}
	}
	s, problems := pattern.New("boiler", metrics, defs)
	if len(problems) > 0 {
		t.Fatalf("%+v", problems)
	}
	return &rig{Set: s, t: t, mono: int64(time.Hour)}
}

// say is one report: metric, value (float64, int, bool, string, or nil for a bad one), and so on.
func (r *rig) say(after time.Duration, pairs ...any) []telemetry.Event {
	r.t.Helper()
	r.mono += int64(after)
	for i := 0; i < len(pairs); i += 2 {
		q, v := telemetry.Good, telemetry.Float(0)
		switch x := pairs[i+1].(type) {
		case float64:
			v = telemetry.Float(x)
		case int:
			v = telemetry.Int(int64(x))
		case bool:
			v = telemetry.Bool(x)
		case string:
			v = telemetry.Text(x)
		case nil:
			v, q = telemetry.Float(-999), telemetry.Bad
		case telemetry.Quality:
			v, q = telemetry.Float(90), x
		default:
			r.t.Fatalf("%T", x)
		}
		r.Observe(pairs[i].(string), telemetry.Reading{Time: telemetry.Time(r.mono), Value: v, Quality: q})
	}
	return r.Step(telemetry.Time(r.mono), r.mono)
}

// states writes events as "name+" or "name-".
func states(events []telemetry.Event) string {
	var out []string
	for _, e := range events {
		out = append(out, e.Pattern+map[telemetry.State]string{telemetry.Raised: "+", telemetry.Cleared: "-"}[e.State])
	}
	return strings.Join(out, " ")
}

// TestConditions shows what expressions can say: each is raised, or not, by one report.
func TestConditions(t *testing.T) {
	report := []any{"temperature", 81.5, "pressure", 2.0, "count", 7, "pump", true, "state", "US", "max", 3.0}
	for when, want := range map[string]bool{
		"temperature > 80":                             true,
		"temperature > 81.5":                           false,
		"temperature >= 81.5":                          true,
		"80 < temperature < 90":                        true,
		"80 < temperature < 81":                        false,
		"temperature - pressure * 10 == 61.5":          true,
		"temperature / 2 > 40":                         true,
		"pressure ** 3 == 8 and pressure ^ 3 == 8":     true,
		"-temperature < -80":                           true,
		"abs(pressure - 5) == 3":                       true,
		"max(temperature, pressure, 100) == 100":       true,
		"min(temperature, max) == 3":                   true,
		"max > 2":                                      true, // a metric may have the name of a function
		"round(temperature) == 82":                     true,
		"floor(temperature) == 81":                     true,
		"ceil(temperature) == 82":                      true,
		"count / 2 == 3.5":                             true,
		"count == 7.0":                                 true,
		"count * 9223372036854775807 > 1":              true, // floats do not wrap around
		"pump":                                         true,
		"not pump":                                     false,
		"!pump or temperature > 80":                    true,
		"pump == (temperature > 80)":                   true,
		"pump && !(pressure > 3)":                      true,
		`state == "US"`:                                true,
		`state != 'US'`:                                false,
		`state startsWith "U" and state endsWith "S"`:  true,
		`state not contains "X"`:                       true,
		"temperature > 80 and not pump or count == 7":  true,
		"temperature > 80 and (not pump or count > 7)": false,
	} {
		r := newRig(t, pattern.Definition{When: when})
		if got := states(r.say(0, report...)) == "p0+"; got != want {
			t.Errorf("%s: got %v", when, got)
		}
	}
}

// step is a report and what it must cause.
type step struct {
	after  time.Duration
	report []any
	want   string
}

func run(t *testing.T, d pattern.Definition, steps []step) {
	t.Helper()
	r := newRig(t, d)
	for i, s := range steps {
		if got := states(r.say(s.after, s.report...)); got != s.want {
			t.Fatalf("step %d, %v after %v: got %q, want %q", i, s.report, s.after, got, s.want)
		}
	}
}

func temperature(after time.Duration, v any, want string) step {
	return step{after, []any{"temperature", v}, want}
}

func TestDelay(t *testing.T) {
	hot := pattern.Definition{When: "temperature > 80", For: 30 * time.Second}
	for name, steps := range map[string][]step{
		"raised by the reading that completes it": {
			temperature(0, 81.0, ""), temperature(29*time.Second, 81.0, ""), temperature(time.Second, 81.0, "p0+"), temperature(time.Hour, 90.0, ""),
		},
		"one reading below starts it anew": {
			temperature(0, 81.0, ""), temperature(29*time.Second, 80.0, ""), temperature(time.Second, 81.0, ""),
			temperature(29*time.Second, 81.0, ""), temperature(time.Second, 81.0, "p0+"),
		},
		"a bad reading stops the watch and does not set it back": {
			temperature(0, 81.0, ""), temperature(20*time.Second, 81.0, ""), temperature(5*time.Second, nil, ""),
			temperature(time.Hour, nil, ""), temperature(time.Second, 81.0, ""), // 20 s so far: nothing since counts
			temperature(9*time.Second, 81.0, ""), temperature(time.Second, 81.0, "p0+"),
		},
		"nothing is raised while nothing comes": {
			temperature(0, 81.0, ""), {after: time.Hour}, {1, []any{"pressure", 3.0}, ""}, temperature(0, 81.0, "p0+"),
		},
		"clearing waits for nothing": {
			temperature(0, 81.0, ""), temperature(30*time.Second, 81.0, "p0+"), temperature(1, 80.0, "p0-"),
			temperature(time.Second, 81.0, ""), temperature(30*time.Second, 81.0, "p0+"),
		},
	} {
		t.Run(name, func(t *testing.T) { run(t, hot, steps) })
	}
}

func TestHysteresis(t *testing.T) {
	run(t, pattern.Definition{When: "temperature > 80", Clear: "temperature < 75"}, []step{
		temperature(0, 74.0, ""), temperature(1, 80.5, "p0+"), temperature(1, 79.0, ""), temperature(1, 75.0, ""), temperature(1, 81.0, ""),
		temperature(1, nil, ""), temperature(1, 74.9, "p0-"), temperature(1, 79.0, ""), temperature(1, 81.0, "p0+"),
	})
}

// A clear that overlaps with when does not make the pattern alternate.
func TestClearWhileTheConditionHolds(t *testing.T) {
	run(t, pattern.Definition{When: "temperature > 80 or pump", Clear: "temperature < 75"}, []step{
		{0, []any{"temperature", 70.0, "pump", true}, "p0+"}, temperature(1, 70.0, ""), {1, []any{"pump", false}, "p0-"},
	})
}

func TestUnknown(t *testing.T) {
	for name, c := range map[string]struct {
		when  string
		steps []step
	}{
		"no value yet": {"temperature > pressure", []step{
			temperature(0, 81.0, ""), temperature(1, 82.0, ""), {1, []any{"pressure", 1.0}, "p0+"},
		}},
		"a bad reading neither raises nor clears": {"temperature > 80", []step{
			temperature(0, nil, ""), temperature(1, 81.0, "p0+"), temperature(1, nil, ""), temperature(1, 90.0, ""), temperature(1, nil, ""), temperature(1, 20.0, "p0-"),
		}},
		"a bad reading hides the good one before it": {"temperature > 80 and pressure > 1", []step{
			temperature(0, 81.0, ""), temperature(1, nil, ""), {1, []any{"pressure", 2.0}, ""}, temperature(1, 81.0, "p0+"),
		}},
		"what is known decides": {"temperature > 80 or pressure > 1", []step{
			{0, []any{"pressure", nil}, ""}, temperature(1, 81.0, "p0+"), temperature(1, 20.0, ""), {1, []any{"pressure", 0.5}, "p0-"},
		}},
		"and is false by one side": {"temperature > 80 and pressure > 1", []step{
			{0, []any{"pressure", 2.0, "temperature", 81.0}, "p0+"}, {1, []any{"pressure", nil}, ""}, temperature(1, 20.0, "p0-"),
		}},
		"not of unknown is unknown": {"not (temperature > 80)", []step{
			temperature(0, nil, ""), temperature(1, 81.0, ""), temperature(1, nil, ""), temperature(1, 20.0, "p0+"),
		}},
		"a division by zero": {"temperature / pressure > 5", []step{
			{0, []any{"temperature", 10.0, "pressure", 0.0}, ""}, {1, []any{"pressure", 1.0}, "p0+"}, {1, []any{"pressure", 0.0}, ""}, {1, []any{"pressure", 9.0}, "p0-"},
		}},
		"the root of a negative": {"temperature ** 0.5 < 5", []step{temperature(0, -4.0, ""), temperature(1, 4.0, "p0+")}},
		"uncertain is a value":   {"temperature > 80", []step{temperature(0, telemetry.Uncertain, "p0+")}},
		"a value of another kind": {"state == \"x\" or pump", []step{
			{0, []any{"state", 5.0, "pump", 1}, ""}, {1, []any{"state", "x"}, "p0+"},
		}},
		"a value stands until the next": {"temperature > 80 and pump", []step{
			temperature(0, 81.0, ""), {24 * time.Hour, []any{"pump", true}, "p0+"},
		}},
		"the last of a report counts": {"temperature > 80", []step{
			{0, []any{"temperature", 90.0, "temperature", 20.0}, ""}, {1, []any{"temperature", 20.0, "temperature", 90.0}, "p0+"},
		}},
	} {
		t.Run(name, func(t *testing.T) { run(t, pattern.Definition{When: c.when}, c.steps) })
	}
}

func TestEventTellsWhatDecided(t *testing.T) {
	r := newRig(t, pattern.Definition{
		Name: "overheat", When: "temperature > 80 and pressure > 1", Clear: "temperature < 75", Severity: telemetry.Critical,
		Message: "{{boiler}} at {temperature} °C, {count} times {state}",
	}, pattern.Definition{Name: "wet", When: "pump"})
	r.say(0, "pressure", 2.0, "count", 3)
	at := r.mono
	got := r.say(time.Second, "temperature", 81.5, "pump", true)
	cause := func(metric, unit string, at int64, v float64) telemetry.Cause {
		return telemetry.Cause{Metric: metric, Unit: unit, Time: telemetry.Time(at), Value: telemetry.Float(v)}
	}
	now := telemetry.Time(r.mono)
	want := []telemetry.Event{{
		Device: "boiler", Pattern: "overheat", State: telemetry.Raised, Severity: telemetry.Critical, Time: now,
		Message: "{boiler} at 81.5 °C, 3 times ?",
		Cause:   []telemetry.Cause{cause("temperature", "Cel", r.mono, 81.5), cause("pressure", "kPa", at, 2)},
	}, {
		Device: "boiler", Pattern: "wet", State: telemetry.Raised, Time: now, Message: "pump",
		Cause: []telemetry.Cause{{Metric: "pump", Time: now, Value: telemetry.Bool(true)}},
	}}
	equal(t, got, want)
	if got := r.Raised(); !slices.Equal(got, []string{"overheat", "wet"}) {
		t.Errorf("raised: %v", got)
	}

	// A bad reading is no cause: the last good one is.
	r.say(time.Second, "temperature", nil)
	got = r.say(time.Second, "temperature", 70.0, "pump", false)
	now = telemetry.Time(r.mono)
	want = []telemetry.Event{{
		Device: "boiler", Pattern: "overheat", State: telemetry.Cleared, Severity: telemetry.Critical, Time: now,
		Message: "{boiler} at 70 °C, 3 times ?", Cause: []telemetry.Cause{cause("temperature", "Cel", r.mono, 70)},
	}, {
		Device: "boiler", Pattern: "wet", State: telemetry.Cleared, Time: now, Message: "no longer pump",
		Cause: []telemetry.Cause{{Metric: "pump", Time: now, Value: telemetry.Bool(false)}},
	}}
	equal(t, got, want)
}

func equal(t *testing.T, got, want []telemetry.Event) {
	t.Helper()
	if a, b := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want); a != b {
		t.Errorf("got\n%s\nwant\n%s", a, b)
	}
}

// What was raised before a restart is not raised again, and is cleared by the first reading that says so.
func TestRestore(t *testing.T) {
	hot := pattern.Definition{When: "temperature > 80", For: time.Minute}
	r := newRig(t, hot)
	r.Restore("p0")
	r.Restore("another")
	if got := states(r.say(0, "temperature", 90.0)) + states(r.say(time.Hour, "temperature", 90.0)); got != "" {
		t.Errorf("raised twice: %s", got)
	}
	if got := states(r.say(1, "temperature", 20.0)); got != "p0-" {
		t.Errorf("got %q", got)
	}
	if got := states(r.say(1, "temperature", 90.0)) + states(r.say(time.Minute, "temperature", 90.0)); got != "p0+" {
		t.Errorf("got %q", got)
	}
}

// Only patterns that look at what a report brings are looked at.
func TestOnlyThoseConcerned(t *testing.T) {
	r := newRig(t, pattern.Definition{When: "temperature > 80", Message: "{pressure}"}, pattern.Definition{When: "pressure > 1"})
	r.say(0, "temperature", 20.0, "pressure", 0.5)
	if got := states(r.say(1, "unheard_of", 1.0, "pressure", 2.0)); got != "p1+" {
		t.Errorf("got %q", got)
	}
	if got := r.say(1, "temperature", 90.0); states(got) != "p0+" || got[0].Message != "2" {
		t.Errorf("got %+v", got)
	}
}

func TestNone(t *testing.T) {
	s, problems := pattern.New("boiler", metrics, nil)
	s.Restore("x")
	s.Observe("temperature", telemetry.Reading{})
	if s != nil || problems != nil || s.Step(0, 0) != nil || s.Names() != nil || s.Raised() != nil {
		t.Error("no patterns are not nothing")
	}
}

func TestFingerprint(t *testing.T) {
	base := pattern.Definition{Name: "a", When: "x > 1", For: time.Second, Clear: "x < 0", Severity: telemetry.Info, Message: "m"}
	for name, c := range map[string]struct {
		change func(*pattern.Definition)
		same   bool
	}{
		"message":  {func(d *pattern.Definition) { d.Message = "n" }, true},
		"when":     {func(d *pattern.Definition) { d.When = "x > 2" }, false},
		"for":      {func(d *pattern.Definition) { d.For++ }, false},
		"clear":    {func(d *pattern.Definition) { d.Clear = "" }, false},
		"severity": {func(d *pattern.Definition) { d.Severity = telemetry.Critical }, false},
	} {
		other := base
		c.change(&other)
		if (other.Fingerprint() == base.Fingerprint()) != c.same {
			t.Errorf("%s: want the same: %v", name, c.same)
		}
	}
}
