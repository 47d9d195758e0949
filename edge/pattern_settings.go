package edge

import (
	"slices"

	"fieldpost/configs/setting"
	"fieldpost/edge/pattern"
	"fieldpost/telemetry"
)

// PatternSettings is one entry of a device's patterns: a condition over its metrics that raises an event, and one that clears it.
type PatternSettings struct {
	// A word for it, such as overheat: lower-case letters, digits and _, beginning with a letter.
	Name string `yaml:"name"`
	// The condition that raises it, over the metrics of this device: temperature > 80 and not door_open.
	When string `yaml:"when"`
	// For how long the condition must hold, by every reading, before the event is raised. 0 raises it at once.
	For setting.Duration `yaml:"for"`
	// The condition that clears it, such as temperature < 75. Left out, it is cleared as soon as when no longer holds.
	Clear string `yaml:"clear"`
	// How much it matters: info, warning or critical.
	Severity string `yaml:"severity"`
	// What the event says. {temperature} stands for that metric's last good value. Left out, it says the condition.
	Message string `yaml:"message"`
}

// SetDefaults is setting.Defaulter.
func (s *PatternSettings) SetDefaults() { s.Severity = telemetry.Warning.String() }

// Check is setting.Checker. What stands in expressions and message is PatternProblems' matter: it takes the device's metrics.
func (s *PatternSettings) Check(problem, _ setting.Problem) {
	err := telemetry.CheckName(s.Name)
	switch {
	case s.Name == "":
		problem("name", "name is missing: a word for this pattern, such as overheat")
	case err != nil:
		problem("name", "%v", err)
	case slices.Contains(builtinNames(), s.Name):
		problem("name", "a pattern %q is built in; choose another name", s.Name)
	}
	if s.When == "" {
		problem("when", "when is missing: the condition that raises it, such as temperature > 80")
	}
	if _, err := telemetry.ParseSeverity(s.Severity); err != nil {
		problem("severity", "unknown severity %q; want info, warning or critical", s.Severity)
	}
}

func (s *PatternSettings) definition() pattern.Definition {
	severity, err := telemetry.ParseSeverity(s.Severity)
	if err != nil { // Check has refused it
		severity = telemetry.Warning
	}
	return pattern.Definition{Name: s.Name, When: s.When, For: s.For.Go(), Clear: s.Clear, Severity: severity, Message: s.Message}
}

// PatternProblem is something wrong inside the text of an expression or a message.
type PatternProblem struct {
	Path    string // of the text, as for setting.Problem
	Offset  int    // of the offending word, in characters from the start of the text
	Message string
}

// PatternProblems says what is wrong with the expressions and messages of a device's patterns, in the order of the file.
func PatternProblems(s DeviceSettings) []PatternProblem {
	var out []PatternProblem
	_, problems := s.patterns()
	for _, p := range problems {
		if p.Key == "when" && s.Patterns[p.Pattern].When == "" {
			continue // Check has said so
		}
		out = append(out, PatternProblem{Path: setting.Path("patterns", p.Pattern, p.Key), Offset: p.Offset, Message: p.Message})
	}
	return out
}

// patterns compiles the patterns of a device; nil if it has none.
func (s *DeviceSettings) patterns() (*pattern.Set, []pattern.Problem) {
	metrics := make([]pattern.Metric, len(s.Metrics))
	for i, m := range s.Metrics {
		metrics[i] = pattern.Metric{Name: m.Name, Kind: m.Kind(), Unit: m.Unit}
	}
	definitions := make([]pattern.Definition, len(s.Patterns))
	for i, p := range s.Patterns {
		definitions[i] = p.definition()
	}
	return pattern.New(s.Device, metrics, definitions)
}
