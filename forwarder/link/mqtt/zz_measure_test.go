package mqtt_test

import (
	"context"
	"testing"
	"time"

	"fieldpost/faultproxy"
	"fieldpost/forwarder"
	"fieldpost/forwarder/link/mqtt"
)

func TestZZMeasure(t *testing.T) {
	ca := newAuthority(t)
	ca.issue(t, "pi-7", ca)
	for _, rate := range []int{16000, 0} {
		for _, direct := range []bool{true, false} {
			b := startBroker(t, "ssl", ca.server(t), "")
			d := &desk{t: t, b: b, direct: direct, text: make(map[uint64]string)}
			b.mu.Lock()
			b.onMsg = d.hear
			b.mu.Unlock()
			p, _ := faultproxy.Listen(b.addr)
			p.Throttle(faultproxy.Up, rate)
			p.Throttle(faultproxy.Down, rate)
			o := &outbox{next: 1, changed: make(chan struct{})}
			s := forwarder.New(forwarder.Options{Node: "pi-7", Link: "lte", Outbox: o, Dialer: dialer(t, mqtt.Settings{URL: "ssl://" + p.Addr(), CAFile: ca.path("ca.pem"), CertFile: ca.path("pi-7.pem"), KeyFile: ca.path("pi-7.key")})})
			ctx, cancel := context.WithCancel(context.Background())
			done := make(chan error, 1)
			go func() { done <- s.Run(ctx) }()
			waitFor(t, "up", func() bool { return s.Status().State == forwarder.Up })
			time.Sleep(500 * time.Millisecond)
			before := s.Status()
			for range 100 {
				n := s.Status().RecordsAcked
				o.add(t, 1)
				waitFor(t, "ack", func() bool { return s.Status().RecordsAcked > n })
			}
			time.Sleep(200 * time.Millisecond)
			after := s.Status()
			d.mu.Lock()
			fb := d.bytes
			d.mu.Unlock()
			t.Logf("measure trickle direct=%v rate=%d: handshake+hello out %d in %d; per frame (%.0f B) out %.1f in %.1f rtt %v", direct, rate, before.BytesOut, before.BytesIn, float64(fb)/100, float64(after.BytesOut-before.BytesOut)/100, float64(after.BytesIn-before.BytesIn)/100, after.RTT)
			begin := time.Now()
			for range 100 {
				o.add(t, 100)
			}
			waitFor(t, "all", func() bool { return s.Status().RecordsAcked == 10100 })
			took := time.Since(begin)
			end := s.Status()
			d.mu.Lock()
			t.Logf("measure backlog direct=%v rate=%d: %d frame bytes, out %d in %d, %v, %d publishes; window %d rate %.0f rtt %v", direct, rate, d.bytes-fb, end.BytesOut-after.BytesOut, end.BytesIn-after.BytesIn, took, end.FramesSent-after.FramesSent, end.Window, end.Rate, end.RTT)
			d.mu.Unlock()
			cancel()
			<-done
			p.Close()
		}
	}
}
