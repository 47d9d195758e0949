package edge

import (
	"maps"
	"slices"
	"strings"
	"time"

	"fieldpost/api/metric"
	"fieldpost/configs/setting"
	"fieldpost/forwarder"
	"fieldpost/telemetry/wire"
)

// LinkStatus is one link. Sizes are bytes, as the socket saw them.
type LinkStatus struct {
	Link    string     `json:"link"`
	Kind    string     `json:"kind"`
	URL     string     `json:"url"`
	State   string     `json:"state"`
	Since   time.Time  `json:"since"`
	Err     string     `json:"err,omitempty"` // why the last connection ended
	Next    *time.Time `json:"next,omitempty"`
	LastAck *time.Time `json:"last_ack,omitempty"`
	Ack     string     `json:"ack"` // gateway: delivered once it is on the gateway's disk; broker: at least once, as far as the broker keeps its word
	Store   string     `json:"store,omitempty"`

	RTT      float64 `json:"rtt"`  // seconds
	Rate     float64 `json:"rate"` // acknowledged bytes a second
	Window   int     `json:"window"`
	InFlight int     `json:"in_flight"`
	Waiting  uint64  `json:"waiting"` // records
	Parked   uint64  `json:"parked"`  // records that the gateway will not take

	Second string `json:"second,omitempty"` // state of the second connection, which alarms take when the first keeps them waiting; left out while there is none

	In       uint64            `json:"in"`
	Out      uint64            `json:"out"`
	Connects uint64            `json:"connects"`
	Bill     Bill              `json:"bill"`             // what In and Out were for
	Coding   string            `json:"coding,omitempty"` // of its frames now: plain, light or full
	Frames   uint64            `json:"frames"`
	Dense    uint64            `json:"dense"` // frames that were coded densely
	Cold     uint64            `json:"cold"`  // of them, without a state of the gateway's
	Resent   uint64            `json:"resent"`
	Acked    uint64            `json:"acked"` // records
	Refused  map[string]uint64 `json:"refused,omitempty"`
}

func linkStatus(s forwarder.Status, ack string, up time.Duration) LinkStatus {
	l := LinkStatus{
		Link: s.Link, Kind: s.Kind, URL: s.URL, State: string(s.State), Since: onClock(s.Since), Err: s.LastError,
		RTT: s.RTT.Seconds(), Rate: s.Rate, Window: s.Window, InFlight: s.InFlight, Waiting: s.Waiting, Parked: s.Parked,
		Second: string(s.Second), Ack: ack,
		In: s.In.Socket, Out: s.Out.Socket, Bill: newBill(s.In, s.Out, up), Connects: s.Connects, Coding: string(s.Coding), Frames: s.FramesSent, Dense: s.FramesDense, Cold: s.FramesCold, Resent: s.FramesResent, Acked: s.RecordsAcked,
	}
	if (s.Store != wire.StoreID{}) {
		l.Store = s.Store.String()
	}
	if !s.Next.IsZero() {
		l.Next = &s.Next
	}
	if !s.LastAck.IsZero() {
		at := onClock(s.LastAck)
		l.LastAck = &at
	}
	for reason, n := range s.Refused {
		if l.Refused == nil {
			l.Refused = map[string]uint64{}
		}
		l.Refused[reason.String()] = n
	}
	return l
}

// printLinks is the links' part of Print.
func (s Status) printLinks(row func(string, ...any), now time.Time) {
	if len(s.Links) == 0 {
		row("\nno links: a stand-alone logger")
		return
	}
	row("\nLINK\tSTATE\tSINCE\tLAST ACK\tIN\tOUT\tCONNECTS")
	for _, l := range s.Links {
		acked := "never"
		if l.LastAck != nil {
			acked = ago(now, *l.LastAck)
		}
		row("%s\t%s\t%s\t%s\t%s\t%s\t%d", l.Link, l.State, ago(now, l.Since), acked, bytes(float64(l.In)), bytes(float64(l.Out)), l.Connects)
		if l.Acked > 0 {
			row("  %s\tround trip %s", l.URL, setting.Duration(l.RTT*float64(time.Second)))
		}
		l.Bill.print(row, l.Acked)
		if l.Ack == ackBroker {
			row("  delivery\tat least once, by the broker's word")
		}
		if l.Second != "" {
			row("  second connection\t%s, for alarms that the first one keeps waiting", l.Second)
		}
		if l.State != string(forwarder.Up) && l.Err != "" {
			row("  last error\t%s", strings.TrimSpace(l.Err))
		}
		for _, reason := range slices.Sorted(maps.Keys(l.Refused)) {
			row("  refused by the gateway\t%s, %d times", reason, l.Refused[reason])
		}
		if l.Parked > 0 {
			row("  not taken by the gateway\t%d records; see its log", l.Parked)
		}
	}
}

// Whose word counts on a link.
const (
	ackGateway = "gateway"
	ackBroker  = "broker"
)

// ack returns it.
func (l Link) ack() string {
	if l.Broker != nil {
		return ackBroker
	}
	return ackGateway
}

func linkMetrics(w *metric.Writer, node metric.Label, l LinkStatus) {
	link := metric.L("link", l.Link)
	w.Gauge("fieldpost_link_up", "1 while the gateway answers.", truth(l.State == string(forwarder.Up)), node, link)
	w.Gauge("fieldpost_link_second_up", "1 while alarms have a second connection, because the first one kept one waiting.", truth(l.Second == string(forwarder.Up)), node, link)
	w.Counter("fieldpost_link_received_bytes_total", "Bytes from the socket, encryption and all.", float64(l.In), node, link)
	w.Counter("fieldpost_link_sent_bytes_total", "Bytes to the socket, encryption and all.", float64(l.Out), node, link)
	for part, n := range map[string]Bytes{"payload": l.Bill.Payload, "mqtt": l.Bill.MQTT, "tls": l.Bill.TLS, "connect": l.Bill.Connects} {
		w.Counter("fieldpost_link_bill_bytes_total", "What the bytes of the socket were for.", float64(n.In), node, link, metric.L("part", part), metric.L("direction", "in"))
		w.Counter("fieldpost_link_bill_bytes_total", "What the bytes of the socket were for.", float64(n.Out), node, link, metric.L("part", part), metric.L("direction", "out"))
	}
	w.Counter("fieldpost_link_connects_total", "Connections made.", float64(l.Connects), node, link)
	w.Counter("fieldpost_link_frames_total", "Messages with records sent.", float64(l.Frames), node, link)
	w.Counter("fieldpost_link_dense_frames_total", "Of them, densely coded ones.", float64(l.Dense), node, link)
	w.Counter("fieldpost_link_cold_frames_total", "Of those, ones coded without a state of the gateway's.", float64(l.Cold), node, link)
	w.Counter("fieldpost_link_resent_frames_total", "Of these, sent again on the same connection.", float64(l.Resent), node, link)
	w.Counter("fieldpost_link_acked_records_total", "Records sent by this link and acknowledged.", float64(l.Acked), node, link)
	w.Gauge("fieldpost_link_waiting_records", "Records to be sent or under way.", float64(l.Waiting), node, link)
	w.Gauge("fieldpost_link_rtt_seconds", "Least time from sending a frame to its ack, lately.", l.RTT, node, link)
	for reason, n := range l.Refused {
		w.Counter("fieldpost_link_refused_frames_total", "Frames that the gateway refused.", float64(n), node, link, metric.L("reason", reason))
	}
	if l.LastAck != nil {
		w.Gauge("fieldpost_link_last_ack_timestamp_seconds", "When a frame was acknowledged last.", float64(l.LastAck.UnixNano())/1e9, node, link)
	}
}
