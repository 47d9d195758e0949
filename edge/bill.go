package edge

import (
	"time"

	"fieldpost/forwarder"
)

// Bill is what a link's bytes were for, since the start.
type Bill struct {
	Payload  Bytes `json:"payload"`  // frames, acks and the like
	MQTT     Bytes `json:"mqtt"`     // its packets around them, and pings
	TLS      Bytes `json:"tls"`      // and WebSocket framing; none over tcp://
	Connects Bytes `json:"connects"` // TLS handshakes and MQTT's greeting, failed attempts too

	PerDay float64 `json:"per_day"` // bytes both ways, at the rate since the start; 0 in the first minute
}

// Bytes are counted from the node's side.
type Bytes struct {
	In  uint64 `json:"in"`
	Out uint64 `json:"out"`
}

// billAfter is how long a rate takes to be one.
const billAfter = time.Minute

func newBill(in, out forwarder.Traffic, up time.Duration) Bill {
	b := Bill{
		Payload:  Bytes{in.Payload, out.Payload},
		MQTT:     Bytes{in.Packets - in.Payload, out.Packets - out.Payload},
		TLS:      Bytes{in.Wrapping(), out.Wrapping()},
		Connects: Bytes{in.Connect, out.Connect},
	}
	if up >= billAfter {
		b.PerDay = float64(in.Socket+out.Socket) * float64(24*time.Hour) / float64(up)
	}
	return b
}

// print writes the bill of a link with so many records acknowledged.
func (b Bill) print(row func(string, ...any), acked uint64) {
	if acked > 0 {
		per := func(x Bytes) float64 { return float64(x.In+x.Out) / float64(acked) }
		row("  bytes a record\t%.2f: payload %.2f, MQTT %.2f, TLS %.2f, connecting %.2f",
			per(b.Payload)+per(b.MQTT)+per(b.TLS)+per(b.Connects), per(b.Payload), per(b.MQTT), per(b.TLS), per(b.Connects))
	}
	if b.PerDay > 0 {
		row("  a day\t%s at the rate since the start", bytes(b.PerDay))
	}
}
