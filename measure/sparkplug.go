package measure

import (
	"encoding/binary"
	"math"

	"fieldpost/telemetry"
)

// Sparkplug B payloads (Eclipse Sparkplug 3.0, sparkplug_b.proto), as lean as the specification lets a DDATA be: metrics by alias, no names and no types. To
// compare sizes with; nothing of ours speaks it. Each is a field's number and its wire type: 0 varint, 1 eight bytes, 2 length and bytes.
const (
	spPayloadTime   = 1 << 3
	spPayloadMetric = 2<<3 | 2
	spPayloadSeq    = 3 << 3
	spMetricAlias   = 2 << 3
	spMetricTime    = 3 << 3
	spMetricDouble  = 13<<3 | 1
	spMetricBool    = 14 << 3
)

// sparkplugMetric is one metric of a payload.
type sparkplugMetric struct {
	alias uint64
	time  int64 // ms
	value telemetry.Value
}

// appendSparkplug appends a payload.
func appendSparkplug(b []byte, seq uint64, metrics []sparkplugMetric) []byte {
	b = binary.AppendUvarint(append(b, spPayloadTime), uint64(metrics[len(metrics)-1].time))
	var one []byte
	for _, m := range metrics {
		one = binary.AppendUvarint(append(one[:0], spMetricAlias), m.alias)
		one = binary.AppendUvarint(append(one, spMetricTime), uint64(m.time))
		if m.value.Kind() == telemetry.KindBool {
			one = append(one, spMetricBool, byte(m.value.Bits()))
		} else {
			one = binary.LittleEndian.AppendUint64(append(one, spMetricDouble), math.Float64bits(m.value.Float()))
		}
		b = binary.AppendUvarint(append(b, spPayloadMetric), uint64(len(one)))
		b = append(b, one...)
	}
	return binary.AppendUvarint(append(b, spPayloadSeq), seq)
}
