package ingest_test

import (
	"context"
	"testing"
	"time"

	"fieldpost/gateway/ingest"
	"fieldpost/gateway/source"
	"fieldpost/gateway/store"
	"fieldpost/telemetry/wire"
)

// sink is a source.Conn that reports every message.
type sink struct{ got chan struct{} }

func (sink) Peer() source.Peer   { return source.Peer{Node: "pi", Link: "lte", Direct: true} }
func (s sink) Send([]byte) error { s.got <- struct{}{}; return nil }
func (sink) Close(error)         {}

// BenchmarkIngest takes frames of 60 readings of one node, as fast as they are committed, and waits until the last one is acknowledged.
func BenchmarkIngest(b *testing.B) {
	st, err := store.Open(b.TempDir(), store.RetentionSettings{}, nil)
	if err != nil {
		b.Fatal(err)
	}
	in := ingest.New(st, nil)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- in.Run(ctx) }()
	c := sink{make(chan struct{}, 1<<20)}
	in.Connected(c)
	if err := in.Receive(c, wire.Append(nil, &wire.Table{Data: table})); err != nil {
		b.Fatal(err)
	}
	const count = 60
	payloads := make([][]byte, b.N)
	for i := range payloads {
		payloads[i] = wire.Append(nil, &wire.Frame{Data: readings(b, "pi", 9, 1+uint64(i)*count, count, 0)})
	}
	b.ResetTimer()
	began := time.Now()
	for _, p := range payloads {
		if err := in.Receive(c, p); err != nil {
			b.Fatal(err)
		}
	}
	for in.Status().Records < uint64(b.N)*count {
		<-c.got
	}
	b.ReportMetric(float64(b.N*count)/time.Since(began).Seconds(), "readings/s")
	b.ReportMetric(float64(in.Status().Commits), "commits")
	b.StopTimer()
	cancel()
	if err := <-done; err != nil {
		b.Fatal(err)
	}
	if err := st.Close(); err != nil {
		b.Fatal(err)
	}
}
