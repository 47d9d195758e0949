package pattern

import (
	"slices"
	"strings"
	"unicode/utf8"

	"fieldpost/telemetry"
)

// message is a text with metrics in braces.
type message struct {
	text []string // around the metrics: one more than uses
	uses []int
}

// maxMessage keeps an event within a frame and a short message within a radio telegram or two.
const maxMessage = 500 // runes

// parseMessage reads a text such as "boiler at {temperature} °C"; {{ and }} are braces.
func parseMessage(s string, metrics []Metric) (*message, *syntaxError) {
	if n := utf8.RuneCountInString(s); n > maxMessage {
		return nil, &syntaxError{0, "the message is too long; at most 500 characters"}
	}
	m, part, at := &message{}, strings.Builder{}, 0
	for i := 0; i < len(s); {
		offset := at
		switch {
		case strings.HasPrefix(s[i:], "{{"), strings.HasPrefix(s[i:], "}}"):
			part.WriteByte(s[i])
			i, at = i+2, at+2
		case s[i] == '}':
			return nil, &syntaxError{offset, "} without {; for a brace itself, write }}"}
		case s[i] == '{':
			name, _, ok := strings.Cut(s[i+1:], "}")
			if !ok {
				return nil, &syntaxError{offset, "{ without }; for a brace itself, write {{"}
			}
			place := slices.IndexFunc(metrics, func(x Metric) bool { return x.Name == name })
			if place < 0 {
				return nil, &syntaxError{offset + 1, unknownMetric(name, metrics)}
			}
			m.text, m.uses = append(m.text, part.String()), append(m.uses, place)
			part.Reset()
			i, at = i+len(name)+2, at+utf8.RuneCountInString(name)+2
		default:
			_, n := utf8.DecodeRuneInString(s[i:])
			part.WriteString(s[i : i+n])
			i, at = i+n, at+1
		}
	}
	m.text = append(m.text, part.String())
	return m, nil
}

// format puts the last good values in; a metric that never had one is a question mark.
func (m *message) format(v *values) string {
	b := []byte(m.text[0])
	for i, place := range m.uses {
		if v.ever[place] {
			b = v.last[place].Value.Append(b)
		} else {
			b = append(b, '?')
		}
		b = append(b, m.text[i+1]...)
	}
	return string(b)
}

// causes returns the last good readings of the metrics at places.
func (v *values) causes(places []int) []telemetry.Cause {
	out := make([]telemetry.Cause, 0, len(places))
	for _, i := range places {
		if v.ever[i] && len(out) < telemetry.MaxCauses {
			r := v.last[i]
			out = append(out, telemetry.Cause{Metric: v.metrics[i].Name, Unit: v.metrics[i].Unit, Time: r.Time, Value: r.Value, Quality: r.Quality})
		}
	}
	return out
}
