package mqttclient_test

import (
	"log/slog"
	"net"
	"sync"
	"testing"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

// broker is an outside broker without rules, in process. Its ACL can refuse subscriptions, and it can stop answering.
type broker struct {
	url    string
	server *mqtt.Server
	ln     net.Listener

	open sync.WaitGroup

	mu    sync.Mutex
	gone  bool
	conns []net.Conn
}

type rules struct {
	mqtt.HookBase
	mayRead func() bool
}

func (*rules) ID() string { return "rules" }
func (*rules) Provides(what byte) bool {
	return what == mqtt.OnConnectAuthenticate || what == mqtt.OnACLCheck
}
func (*rules) OnConnectAuthenticate(*mqtt.Client, packets.Packet) bool { return true }
func (r *rules) OnACLCheck(_ *mqtt.Client, _ string, write bool) bool  { return write || r.mayRead() }

// mochi runs a broker on address until the test ends or it is stopped.
func mochi(t *testing.T, address string, mayRead func() bool) *broker {
	t.Helper()
	ln, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	b := &broker{url: "tcp://" + ln.Addr().String(), ln: ln}
	b.server = mqtt.New(&mqtt.Options{Logger: slog.New(slog.DiscardHandler)})
	if mayRead == nil {
		mayRead = func() bool { return true }
	}
	if err := b.server.AddHook(&rules{mayRead: mayRead}, nil); err != nil {
		t.Fatal(err)
	}
	if err := b.server.Serve(); err != nil {
		t.Fatal(err)
	}
	b.open.Go(func() { b.accept(ln) })
	t.Cleanup(func() {
		b.cut()
		b.open.Wait()
		_ = b.server.Close()
	})
	return b
}

// accept takes connections until ln is closed.
func (b *broker) accept(ln net.Listener) {
	for {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		b.mu.Lock()
		b.conns = append(b.conns, conn)
		if b.gone {
			_ = conn.Close()
		}
		b.open.Go(func() { _ = b.server.EstablishConnection("t", conn) })
		b.mu.Unlock()
	}
}

// cut stops listening and breaks all connections.
func (b *broker) cut() {
	_ = b.ln.Close()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.gone = true
	for _, c := range b.conns {
		_ = c.Close()
	}
}
