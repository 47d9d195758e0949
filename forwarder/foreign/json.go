package foreign

import (
	"math"
	"strconv"

	"fieldpost/telemetry"
)

// appendObject appends one record as /v1/readings and /v1/events of package api have it, without stored_at: it is not known whether somebody stored it.
func appendObject(b []byte, r *record) []byte {
	if r.event == nil {
		b = appendMeasured(append(b, '{'), r.node, r.device, r.name, r.time, r.value, r.unit, r.quality)
		return append(appendIdentity(b, r), '}')
	}
	e := r.event
	b = appendText(b, `{"node":`, r.node)
	b = appendText(b, `,"device":`, e.Device)
	b = appendText(b, `,"pattern":`, e.Pattern)
	b = appendText(b, `,"state":`, e.State.String())
	b = appendText(b, `,"severity":`, e.Severity.String())
	b = appendText(b, `,"time":`, e.Time.String())
	b = appendText(b, `,"message":`, e.Message)
	b = append(b, `,"cause":[`...)
	for i, c := range e.Cause {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendMeasured(append(b, '{'), r.node, e.Device, c.Metric, c.Time, c.Value, c.Unit, c.Quality), '}')
	}
	return append(appendIdentity(append(b, ']'), r), '}')
}

func appendMeasured(b []byte, node, device, metric string, t telemetry.Time, v telemetry.Value, unit string, q telemetry.Quality) []byte {
	b = appendText(b, `"node":`, node)
	b = appendText(b, `,"device":`, device)
	b = appendText(b, `,"metric":`, metric)
	b = appendText(b, `,"time":`, t.String())
	b = v.AppendJSON(append(b, `,"value":`...))
	b = appendText(b, `,"unit":`, unit)
	return appendText(b, `,"quality":`, q.String())
}

func appendIdentity(b []byte, r *record) []byte {
	b = appendText(b, `,"lane":`, r.lane.String())
	b = appendText(b, `,"epoch":`, r.epoch.String())
	b = strconv.AppendUint(append(b, `,"seq":`...), r.seq, 10)
	if r.unset {
		b = append(b, `,"clock":"unset"`...)
	}
	return b
}

func appendText(b []byte, key, text string) []byte {
	return telemetry.AppendString(append(b, key...), text)
}

// appendPack appends records of one topic as a SenML pack (RFC 8428): names node/device/metric, absolute times in seconds, an event as a boolean. What
// SenML has no label for goes under labels of our own, which a reader that does not know them passes over (clause 4.4).
func appendPack(b []byte, pack []record) []byte {
	b = append(b, '[')
	for i := range pack {
		r := &pack[i]
		if i > 0 {
			b = append(b, ',')
		}
		b = appendText(b, `{"n":`, r.node+"/"+r.device+"/"+r.name)
		if r.unit != "" {
			b = appendText(b, `,"u":`, r.unit)
		}
		b = appendSeconds(append(b, `,"t":`...), r.time)
		if r.event != nil {
			b = strconv.AppendBool(append(b, `,"vb":`...), r.event.State == telemetry.Raised)
			b = appendText(b, `,"severity":`, r.event.Severity.String())
			b = appendText(b, `,"message":`, r.event.Message)
		} else {
			b = appendValue(b, r.value)
			if r.quality != telemetry.Good {
				b = appendText(b, `,"quality":`, r.quality.String())
			}
		}
		b = append(appendIdentity(b, r), '}')
	}
	return append(b, ']')
}

func appendValue(b []byte, v telemetry.Value) []byte {
	switch f, number := v.Number(); {
	case v.Kind() == telemetry.KindBool:
		return strconv.AppendBool(append(b, `,"vb":`...), v.Bool())
	case v.Kind() == telemetry.KindText:
		return appendText(b, `,"vs":`, v.Text())
	case number && (math.IsNaN(f) || math.IsInf(f, 0)): // JSON has no such number
		return v.AppendJSON(append(b, `,"vs":`...))
	}
	return v.AppendJSON(append(b, `,"v":`...))
}

// appendSeconds appends seconds since 1970 with as many digits as there are.
func appendSeconds(b []byte, t telemetry.Time) []byte {
	const second = 1_000_000_000
	s, ns := int64(t)/second, int64(t)%second
	if t < 0 {
		b, s, ns = append(b, '-'), -s, -ns
	}
	b = strconv.AppendInt(b, s, 10)
	if ns == 0 {
		return b
	}
	digits := strconv.AppendInt(nil, second+ns, 10)[1:]
	for digits[len(digits)-1] == '0' {
		digits = digits[:len(digits)-1]
	}
	return append(append(b, '.'), digits...)
}
