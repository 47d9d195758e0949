package pattern_test

import (
	"strings"
	"testing"

	"fieldpost/edge/pattern"
	"fieldpost/telemetry"
)

// TestRefused holds what a wrong or hostile expression is told, and at which character. The offending token begins at ›.
func TestRefused(t *testing.T) {
	for when, want := range map[string]string{
		"›":                                           "the expression is empty; write a condition, such as temperature > 80",
		"›temperatur > 80":                            `unknown metric "temperatur"; did you mean "temperature"?`,
		"pump and ›humidity > 80":                     `unknown metric "humidity"; the device has temperature, pressure, count, pump, state, max`,
		"›temperature":                                "this is a number, not a condition; compare it, such as … > 80",
		"temperature ›+ pressure":                     "this is a number, not a condition; compare it, such as … > 80",
		"temperature ›= 80":                           `unexpected "="; to compare, write ==`,
		"temperature > 80 ›AND pump":                  `unexpected "AND"; did you mean "and"?`,
		"temperature ›over 80":                        `unexpected "over"`,
		"temperature >›":                              "the expression ends too early",
		"(temperature > 80›":                          "the expression ends too early",
		"temperature > 80›)":                          `unexpected ")"`,
		"temperature > ›°80":                          "unrecognized character: U+00B0 '°'",
		"state == ›\"x":                               "a quote is not closed",
		"temperature ›> \"80\"":                       "> takes a number on its right, not text",
		"pump ›> 1":                                   "> takes a number on its left, not a yes or no",
		"temperature ›== true":                        "== compares a number with a yes or no; that is never the same",
		"temperature > 80 ›and pressure":              "and takes a yes or no on its right, not a number",
		"›not temperature":                            "not takes a yes or no, not a number",
		"›-state == 'x'":                              "- takes a number, not text",
		"state ›+ 'x' == 'yx'":                        "+ takes a number on its left, not text",
		"count ›% 2 == 0":                             "% is not supported in a pattern",
		"›1 > 0":                                      "the expression uses no metric, so it would always be the same",
		"›abs(temperature, 1) > 0":                    "abs takes one number, not 2",
		"›max(temperature) > 0":                       "max takes two numbers or more, not 1",
		"abs(›pump) > 0":                              "abs takes numbers, not a yes or no",
		"›rund(temperature) > 0":                      `unknown function "rund"; did you mean "round"?`,
		"›len(state) > 0":                             `unknown function "len"; there are abs, ceil, floor, max, min, round`,
		"›sum(1..1000000) > temperature":              `unknown function "sum"; there are abs, ceil, floor, max, min, round`,
		"›all(1..9, # > temperature)":                 `unknown function "all"; there are abs, ceil, floor, max, min, round`,
		"›filter(0..9, true) == temperature":          `unknown function "filter"; there are abs, ceil, floor, max, min, round`,
		"›repeat(state, 99999999) == state":           `unknown function "repeat"; there are abs, ceil, floor, max, min, round`,
		"›now() > temperature":                        `unknown function "now"; there are abs, ceil, floor, max, min, round`,
		"temperature ›in 1..1000000":                  "in is not supported; write x == a or x == b",
		"temperature == 1›..3":                        ".. is not supported in a pattern",
		"state ›matches '(a+)+$'":                     "matches is not supported in a pattern",
		"(temperature ›?? 1) > 0":                     "?? is not supported in a pattern",
		"temperature == ›nil":                         "nil is not supported in a pattern",
		"state == ›b'x'":                              "bytes is not supported in a pattern",
		"temperature.›value > 1":                      "a metric has no parts; . and [ ] are not supported",
		"temperature?.›value > 1":                     "a metric has no parts; . and [ ] are not supported",
		"state›[0] == 'x'":                            "a metric has no parts; . and [ ] are not supported",
		"state›[1:] == 'x'":                           "a metric has no parts; . and [ ] are not supported",
		"state.›trim() == 'x'":                        "methods cannot be called here",
		"›$env == temperature":                        `unknown metric "$env"; the device has temperature, pressure, count, pump, state, max`,
		"temperature == ›[1, 2]":                      "lists are not supported; write x == a or x == b",
		"temperature == ›{a: 1}":                      "lists are not supported; write x == a or x == b",
		"›pump ? true : false":                        "if, else and ? are not supported; write and, or, not",
		"›if pump { true } else { false }":            "if, else and ? are not supported; write and, or, not",
		"let ›x = temperature; x > 1":                 "let and ; are not supported; an expression is one condition",
		"›pump; pump":                                 "let and ; are not supported; an expression is one condition",
		"›" + strings.Repeat("pump or ", 60) + "pump": "the expression is too long; at most 100 values, functions and operators",
		"›" + strings.Repeat("(", 100000) + "pump":    "100004 characters are too many for one expression; at most 1000",
		strings.Repeat("(", 900) + "pump›":            "the expression ends too early",
	} {
		text := strings.ReplaceAll(when, "›", "")
		offset := len([]rune(when[:strings.Index(when, "›")]))
		_, problems := pattern.New("boiler", metrics, []pattern.Definition{{Name: "p", When: text}})
		if len(problems) != 1 {
			t.Errorf("%.80s: got %+v", when, problems)
			continue
		}
		if p := problems[0]; p.Message != want || p.Offset != offset || p.Key != "when" {
			t.Errorf("%.80s:\ngot  %d %s\nwant %d %s", when, p.Offset, p.Message, offset, want)
		}
	}
}

func TestRefusedMessages(t *testing.T) {
	for message, want := range map[string]string{
		"at {›humidity}":               `unknown metric "humidity"; the device has temperature, pressure, count, pump, state, max`,
		"°°° {›presure} kPa":           `unknown metric "presure"; did you mean "pressure"?`,
		"at ›{":                        "{ without }; for a brace itself, write {{",
		"at ›} now":                    "} without {; for a brace itself, write }}",
		"›" + strings.Repeat("ä", 501): "the message is too long; at most 500 characters",
	} {
		text := strings.ReplaceAll(message, "›", "")
		offset := len([]rune(message[:strings.Index(message, "›")]))
		_, problems := pattern.New("boiler", metrics, []pattern.Definition{{Name: "p", When: "pump", Message: text}})
		if len(problems) != 1 || problems[0].Message != want || problems[0].Offset != offset || problems[0].Key != "message" {
			t.Errorf("%s: got %+v", message, problems)
		}
	}
}

// Every problem of every pattern is told, in the order of the file.
func TestAllProblems(t *testing.T) {
	_, got := pattern.New("boiler", metrics, []pattern.Definition{
		{Name: "a", When: "x", Clear: "y", Message: "{z}"}, {Name: "b", When: "pump"}, {Name: "c", When: "pump", Clear: "1"},
	})
	var keys []string
	for _, p := range got {
		keys = append(keys, string(rune('a'+p.Pattern))+"."+p.Key)
	}
	if s := strings.Join(keys, " "); s != "a.when a.clear a.message c.clear" {
		t.Errorf("got %s", s)
	}
}

// FuzzExpression holds that no text harms: it is refused at a place inside it, or it is a condition that costs little and never panics.
func FuzzExpression(f *testing.F) {
	for _, s := range []string{
		"temperature > 80 and pump", `state == "x" or count / 0 < 1`, "not (1 < temperature < 3)", "max(1, temperature ** 99) > -count", "((((", "a ? b : c",
		"pump == (temperature / pressure > 1)", "sum(1..9, # * #) > temperature", "let x = 1; x", "'\\u00e4' == state", "temperature | abs() > 1", "::abs(count) > 1",
		"if pump {1} else {2}", "0x7fffffffffffffff > count", "1e999 > count", "count > 1_000", "/* x */ pump // y", "pump\n\tor\r\npump", "`", "\xff", "#", "pump not in [1]",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, problems := pattern.New("boiler", metrics, []pattern.Definition{{Name: "p", When: text, Message: text}})
		if s == nil {
			if len(problems) == 0 {
				t.Fatal("neither a set nor a problem")
			}
			for _, p := range problems {
				if p.Offset < 0 || p.Offset > len([]rune(text)) || p.Message == "" {
					t.Fatalf("%+v", p)
				}
			}
			return
		}
		for _, v := range []float64{0, 1, -1, 1e308, 5e-324} {
			at := telemetry.Time(v)
			s.Observe("temperature", telemetry.Reading{Time: at, Value: telemetry.Float(v)})
			s.Observe("pressure", telemetry.Reading{Time: at, Value: telemetry.Float(-v)})
			s.Observe("count", telemetry.Reading{Time: at, Value: telemetry.Int(int64(at))})
			s.Observe("pump", telemetry.Reading{Time: at, Value: telemetry.Bool(v > 0)})
			s.Observe("state", telemetry.Reading{Time: at, Value: telemetry.Text(text)})
			for _, e := range s.Step(at, int64(at)) {
				if e.Pattern != "p" || e.Device != "boiler" {
					t.Fatalf("%+v", e)
				}
			}
		}
	})
}
