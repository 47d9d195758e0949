package mqttbroker_test

import (
	"bytes"
	"context"
	"net"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"fieldpost/gateway/source"
	"fieldpost/gateway/source/internal/sourcetest"
	"fieldpost/gateway/source/mqttbroker"
	"fieldpost/telemetry/wire"
)

// counting is a receiver that takes everything and says when it has enough.
type counting struct {
	left   atomic.Int64
	enough chan struct{}
}

func (*counting) Connected(source.Conn)           {}
func (*counting) Gone(source.Conn)                {}
func (*counting) Presence(string, wire.LinkState) {}
func (c *counting) Receive(source.Conn, []byte) error {
	if c.left.Add(-1) == 0 {
		close(c.enough)
	}
	return nil
}

func benchBroker(b *testing.B, r source.Receiver) string {
	b.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	broker := mqttbroker.New("bench", mqttbroker.Settings{Prefix: "fp"}, nil)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- broker.Serve(ctx, ln, r) }()
	b.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			b.Error(err)
		}
	})
	return ln.Addr().String()
}

func benchClient(b *testing.B, address string) net.Conn {
	b.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { conn.Close() })
	if err := connectPacket("", nil).Write(conn); err != nil {
		b.Fatal(err)
	}
	if _, err := packets.ReadPacket(conn); err != nil {
		b.Fatal(err)
	}
	return conn
}

// BenchmarkUp measures messages of 1 KiB from one node's socket to the receiver, client and broker on the same machine.
func BenchmarkUp(b *testing.B) {
	r := &counting{enough: make(chan struct{})}
	r.left.Store(int64(b.N))
	conn := benchClient(b, benchBroker(b, r))
	var p bytes.Buffer
	if err := publishPacket("fp/x/up", 0, make([]byte, 1<<10)).Write(&p); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(1 << 10)
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		if _, err := conn.Write(p.Bytes()); err != nil {
			b.Fatal(err)
		}
	}
	<-r.enough
}

// BenchmarkIdleConnection reports the heap and stack that one idle connection of a node costs.
func BenchmarkIdleConnection(b *testing.B) {
	address := benchBroker(b, sourcetest.NewRecorder())
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range b.N {
		conn := benchClient(b, address)
		p := publishPacket("fp/x/up", 1, []byte("hello"))
		p.MessageID = uint16(i%1000 + 1)
		if err := p.Write(conn); err != nil {
			b.Fatal(err)
		}
		if _, err := packets.ReadPacket(conn); err != nil {
			b.Fatal(err)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.HeapInuse+after.StackInuse-before.HeapInuse-before.StackInuse)/float64(b.N), "B/conn")
}
