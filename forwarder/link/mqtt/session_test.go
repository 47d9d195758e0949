package mqtt_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"fieldpost/faultproxy"
	"fieldpost/forwarder"
	"fieldpost/forwarder/link/mqtt"
	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
	"fieldpost/telemetry/ranges"
	"fieldpost/telemetry/wire"
)

// outbox is one live lane in memory.
type outbox struct {
	mu      sync.Mutex
	frames  []forwarder.Stored
	next    uint64
	changed chan struct{}
	acked   ranges.Set
}

const epoch = telemetry.Epoch(0xe1)

func (o *outbox) add(t *testing.T, count int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	h := frame.Header{Node: "pi-7", Epoch: epoch, Lane: telemetry.Live, First: o.next}
	var events []telemetry.Event
	for i := range count {
		events = append(events, telemetry.Event{Device: "boiler", Pattern: "overheat", Message: fmt.Sprint("event ", o.next+uint64(i))})
	}
	data, err := frame.EncodeEvents(nil, h, events)
	if err != nil {
		t.Fatal(err)
	}
	if h, err = frame.ParseHeader(data); err != nil {
		t.Fatal(err)
	}
	o.frames = append(o.frames, forwarder.Stored{Header: h, Data: data})
	o.next += uint64(count)
	close(o.changed)
	o.changed = make(chan struct{})
}

func (o *outbox) Hello() wire.Hello {
	o.mu.Lock()
	defer o.mu.Unlock()
	l := wire.Lane{Lane: telemetry.Live, First: 1, Next: o.next}
	if o.next > 1 {
		l.Kept.Add(ranges.Range{From: 1, To: o.next - 1})
	}
	return wire.Hello{Epochs: []wire.Epoch{{Epoch: epoch, Lanes: []wire.Lane{l}}}}
}

func (o *outbox) Frames(_ telemetry.Lane, seq uint64, most int) (out []forwarder.Stored, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, s := range o.frames {
		if s.Header.Last() < seq {
			continue
		}
		if most -= len(s.Data); most < 0 && len(out) > 0 {
			break
		}
		out = append(out, s)
	}
	return out, nil
}

func (o *outbox) Table(uint64) ([]byte, error) { return nil, fmt.Errorf("events have no table") }

func (o *outbox) Changed() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.changed
}

func (o *outbox) Acked(said forwarder.Said) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if said.All {
		o.acked = ranges.Set{}
	}
	for _, s := range said.Stored {
		o.acked.AddAll(s.Ranges)
	}
}

// desk is a gateway behind a broker: it keeps what comes, by sequence, and says so.
type desk struct {
	t      *testing.T
	b      *broker
	mu     sync.Mutex
	set    ranges.Set
	direct bool
	text   map[uint64]string
	twice  int
	bytes  int
}

func (d *desk) hear(m message) {
	if m.topic != "fp/pi-7/up" {
		return
	}
	msg, err := wire.Parse([]byte(m.payload))
	if err != nil {
		d.t.Error(err)
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	var answer wire.Message
	switch msg := msg.(type) {
	case *wire.Hello:
		answer = &wire.Welcome{Nonce: msg.Nonce, Store: wire.StoreID{1}, Generation: 1, Direct: d.direct, MaxFrame: 256 << 10,
			Stored: []wire.Stored{{Epoch: epoch, Lane: telemetry.Live, Ranges: d.set.Clone()}}}
	case *wire.Frame:
		h, events, err := frame.DecodeEvents(msg.Data)
		if err != nil {
			d.t.Error(err)
			return
		}
		d.bytes += len(msg.Data)
		for i, e := range events {
			seq := h.First + uint64(i)
			if d.set.Has(seq) {
				d.twice++
			}
			d.text[seq] = e.Message
		}
		d.set.Add(ranges.Range{From: h.First, To: h.Last()})
		around, _ := d.set.Around(h.First)
		answer = &wire.Ack{Generation: 1, Stored: []wire.Stored{{Epoch: epoch, Lane: telemetry.Live, Ranges: ranges.Make(around)}}}
	}
	go func() { _ = d.b.Publish("fp/pi-7/down", wire.Append(nil, answer), false, 0) }()
}

// TestSession sends over a real socket that is cut again and again, direct and as through an outside broker, fast and throttled,
// and finds every record at the other end.
func TestSession(t *testing.T) {
	for _, direct := range []bool{true, false} {
		for _, rate := range []int{0, 200_000} {
			t.Run(fmt.Sprintf("direct %t, %d bytes a second", direct, rate), func(t *testing.T) {
				t.Parallel()
				b := startBroker(t, "tcp", nil, "")
				d := &desk{t: t, b: b, direct: direct, text: make(map[uint64]string)}
				b.mu.Lock()
				b.onMsg = d.hear
				b.mu.Unlock()
				p, err := faultproxy.Listen(b.addr)
				if err != nil {
					t.Fatal(err)
				}
				defer p.Close()
				p.Throttle(faultproxy.Up, rate)
				o := &outbox{next: 1, changed: make(chan struct{})}
				s := forwarder.New(forwarder.Options{Node: "pi-7", Link: "lte", Outbox: o, Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Dialer: dialer(t, mqtt.Settings{URL: "tcp://" + p.Addr()})})
				ctx, cancel := context.WithCancel(context.Background())
				done := make(chan error, 1)
				go func() { done <- s.Run(ctx) }()
				cuts := uint64(0)
				for i := range 900 {
					o.add(t, 1+i%9)
					if i%400 == 200 {
						waitFor(t, "a connection since the last cut", func() bool {
							st := s.Status()
							return st.State == forwarder.Up && st.Connects > cuts && st.RecordsAcked > 0
						})
						p.Cut()
						cuts++
					}
				}
				o.mu.Lock()
				last := o.next - 1
				o.mu.Unlock()
				want := ranges.Make(ranges.Range{From: 1, To: last})
				waitFor(t, "all acks", func() bool {
					o.mu.Lock()
					defer o.mu.Unlock()
					return o.acked.Equal(want)
				})
				cancel()
				if err := <-done; err != nil {
					t.Error(err)
				}
				d.mu.Lock()
				defer d.mu.Unlock()
				if !d.set.Equal(want) {
					t.Errorf("gateway has %v, want %v", d.set, want)
				}
				for seq := uint64(1); seq <= last; seq++ {
					if d.text[seq] != fmt.Sprint("event ", seq) {
						t.Fatalf("record %d says %q", seq, d.text[seq])
					}
				}
				st := s.Status()
				if st.Connects <= cuts || st.State != forwarder.Stopped {
					t.Errorf("status %+v", st)
				}
				t.Logf("%d records, %d twice; %d bytes of frames, %d bytes out, %d in", last, d.twice, d.bytes, st.Out.Socket, st.In.Socket)
			})
		}
	}
}

func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(60 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}
