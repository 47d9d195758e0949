package api

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"fieldpost/telemetry"
)

// The encoders append to a buffer and allocate nothing else: a query may yield millions of readings.

func appendReading(b []byte, r *Reading) []byte {
	b = appendReadingFields(append(b, '{'), r)
	return append(b, '}')
}

func appendReadingFields(b []byte, r *Reading) []byte {
	b = appendMeasured(b, &r.Reading, r.Unit)
	return appendIdentity(b, r.Epoch, r.Lane, r.Seq, r.StoredAt, r.ClockUnset)
}

// appendMeasured appends what was measured, without identity.
func appendMeasured(b []byte, r *telemetry.Reading, unit string) []byte {
	b = appendSeriesName(b, r.Series)
	b = appendTime(append(b, `,"time":`...), r.Time)
	b = r.Value.AppendJSON(append(b, `,"value":`...))
	b = telemetry.AppendString(append(b, `,"unit":`...), unit)
	return appendWord(append(b, `,"quality":`...), r.Quality.String())
}

func appendSeriesName(b []byte, s telemetry.Series) []byte {
	b = telemetry.AppendString(append(b, `"node":`...), s.Node)
	b = telemetry.AppendString(append(b, `,"device":`...), s.Device)
	return telemetry.AppendString(append(b, `,"metric":`...), s.Metric)
}

func appendIdentity(b []byte, e telemetry.Epoch, l telemetry.Lane, seq uint64, stored telemetry.Time, unset bool) []byte {
	b = appendWord(append(b, `,"lane":`...), l.String())
	b = appendEpoch(append(b, `,"epoch":`...), e)
	b = strconv.AppendUint(append(b, `,"seq":`...), seq, 10)
	b = appendTimeOrNull(append(b, `,"stored_at":`...), stored)
	if unset {
		b = append(b, `,"clock":"unset"`...)
	}
	return b
}

func appendEvent(b []byte, e *Event) []byte {
	b = appendEventFields(append(b, '{'), e)
	return append(b, '}')
}

func appendEventFields(b []byte, e *Event) []byte {
	b = telemetry.AppendString(append(b, `"node":`...), e.Node)
	b = telemetry.AppendString(append(b, `,"device":`...), e.Device)
	b = telemetry.AppendString(append(b, `,"pattern":`...), e.Pattern)
	b = appendWord(append(b, `,"state":`...), e.State.String())
	b = appendWord(append(b, `,"severity":`...), e.Severity.String())
	b = appendTime(append(b, `,"time":`...), e.Time)
	b = telemetry.AppendString(append(b, `,"message":`...), e.Message)
	b = append(b, `,"cause":[`...)
	for i, c := range e.Cause {
		if i > 0 {
			b = append(b, ',')
		}
		r := telemetry.Reading{
			Series: telemetry.Series{Node: e.Node, Device: e.Device, Metric: c.Metric},
			Time:   c.Time, Value: c.Value, Quality: c.Quality,
		}
		b = append(appendMeasured(append(b, '{'), &r, c.Unit), '}')
	}
	b = append(b, ']')
	return appendIdentity(b, e.Epoch, e.Lane, e.Seq, e.StoredAt, e.ClockUnset)
}

// appendWord appends one of our own words, which need no escaping.
func appendWord(b []byte, s string) []byte {
	return append(append(append(b, '"'), s...), '"')
}

func appendTime(b []byte, t telemetry.Time) []byte {
	return append(t.AppendFormat(append(b, '"')), '"')
}

// appendTimeOrNull appends null for zero, which stands for not known.
func appendTimeOrNull(b []byte, t telemetry.Time) []byte {
	if t == 0 {
		return append(b, "null"...)
	}
	return appendTime(b, t)
}

func appendEpoch(b []byte, e telemetry.Epoch) []byte {
	const digits = "0123456789abcdef"
	b = append(b, '"')
	for shift := 60; shift >= 0; shift -= 4 {
		b = append(b, digits[uint64(e)>>shift&15])
	}
	return append(b, '"')
}

func appendLabels(b []byte, labels map[string]string) []byte {
	b = append(b, '{')
	for i, name := range slices.Sorted(maps.Keys(labels)) {
		if i > 0 {
			b = append(b, ',')
		}
		b = telemetry.AppendString(append(telemetry.AppendString(b, name), ':'), labels[name])
	}
	return append(b, '}')
}

// appendField appends a CSV field (RFC 4180 §2), quoted where it must be.
func appendField(b []byte, s string) []byte {
	if !strings.ContainsAny(s, ",\"\r\n") && !strings.HasPrefix(s, " ") && !strings.HasSuffix(s, " ") {
		return append(b, s...)
	}
	b = append(b, '"')
	for i := range len(s) {
		if s[i] == '"' {
			b = append(b, '"')
		}
		b = append(b, s[i])
	}
	return append(b, '"')
}

func appendFields(b []byte, fields ...string) []byte {
	for i, f := range fields {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendField(b, f)
	}
	return b
}

func appendReadingRow(b []byte, r *Reading) []byte {
	b = append(r.Time.AppendFormat(b), ',')
	b = appendFields(b, r.Series.Node, r.Series.Device, r.Series.Metric)
	b = appendValueField(append(b, ','), r.Value)
	return appendFields(append(b, ','), r.Unit, r.Quality.String())
}

// appendValueField spares numbers the way through a string.
func appendValueField(b []byte, v telemetry.Value) []byte {
	if v.Kind() == telemetry.KindText {
		return appendField(b, v.Text())
	}
	return v.Append(b)
}

func appendEventRow(b []byte, e *Event) []byte {
	b = append(e.Time.AppendFormat(b), ',')
	return appendFields(b, e.Node, e.Device, e.Pattern, e.State.String(), e.Severity.String(), e.Message)
}
