package edge

import (
	"fieldpost/drivers"
	"fieldpost/telemetry"
)

// Conditioner returns a function that turns a device's samples into what the pipeline would make of them, each as a JSON line
// {"device","metric","value","unit","quality"} with "time" where the instrument gave one. The line is valid until the next call.
func Conditioner(d DeviceSettings) func(drivers.Sample) []byte {
	metrics := make(map[string]*quantity, len(d.Metrics))
	for _, s := range d.Metrics {
		metrics[s.Name] = newQuantity(s, 0)
	}
	var b []byte
	return func(s drivers.Sample) []byte {
		value, quality, unit := s.Value, s.Quality, ""
		if m := metrics[s.Metric]; m != nil {
			value, quality = m.condition(value, quality)
			unit = m.settings.Unit
		}
		b = append(b[:0], `{"device":`...)
		b = telemetry.AppendString(b, d.Device)
		b = telemetry.AppendString(append(b, `,"metric":`...), s.Metric)
		if s.Time != 0 {
			b = append(b, `,"time":"`...)
			b = append(s.Time.AppendFormat(b), '"')
		}
		b = value.AppendJSON(append(b, `,"value":`...))
		b = telemetry.AppendString(append(b, `,"unit":`...), unit)
		b = telemetry.AppendString(append(b, `,"quality":`...), quality.String())
		return append(b, "}\n"...)
	}
}
