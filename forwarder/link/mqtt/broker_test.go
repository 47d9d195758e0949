package mqtt_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

// broker is a plain MQTT broker with what it saw.
type broker struct {
	*mochi.Server
	addr string

	mu    sync.Mutex
	seen  []message
	more  chan struct{} // closed and replaced with each message
	onMsg func(message)
}

// message is one that a client published.
type message struct {
	topic    string
	payload  string
	qos      byte
	retained bool
}

// startBroker starts one on a listener that the kind names: tcp, ssl, ws or wss.
func startBroker(t *testing.T, kind string, config *tls.Config, password string) *broker {
	t.Helper()
	b := &broker{more: make(chan struct{})}
	b.Server = mochi.New(&mochi.Options{InlineClient: true, Logger: slog.New(slog.DiscardHandler)})
	if err := b.AddHook(&access{password: password}, nil); err != nil {
		t.Fatal(err)
	}
	l, err := newPort(kind, config)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.AddListener(l); err != nil {
		t.Fatal(err)
	}
	if err := b.Subscribe("fp/#", 1, func(_ *mochi.Client, _ packets.Subscription, pk packets.Packet) {
		m := message{pk.TopicName, string(pk.Payload), pk.FixedHeader.Qos, pk.FixedHeader.Retain}
		b.mu.Lock()
		b.seen = append(b.seen, m)
		close(b.more)
		b.more = make(chan struct{})
		f := b.onMsg
		b.mu.Unlock()
		if f != nil {
			f(m)
		}
	}); err != nil {
		t.Fatal(err)
	}
	if err := b.Serve(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.stop(); b.Server.Close() })
	b.addr = l.Address()
	return b
}

// access lets in whoever has the password, if there is one.
type access struct {
	mochi.HookBase
	password string
}

func (a *access) Provides(b byte) bool {
	return b == mochi.OnConnectAuthenticate || b == mochi.OnACLCheck
}

func (a *access) OnConnectAuthenticate(_ *mochi.Client, pk packets.Packet) bool {
	return a.password == "" || string(pk.Connect.Password) == a.password
}

func (a *access) OnACLCheck(*mochi.Client, string, bool) bool { return true }

// until waits until ok says that what was seen is enough.
func (b *broker) until(t *testing.T, what string, ok func(seen []message) bool) {
	t.Helper()
	timeout := time.After(20 * time.Second)
	for {
		b.mu.Lock()
		seen, more := b.seen, b.more
		b.mu.Unlock()
		if ok(seen) {
			return
		}
		select {
		case <-more:
		case <-timeout:
			t.Fatalf("waited in vain for %s; seen %d: %.2000s", what, len(seen), fmt.Sprint(seen))
		}
	}
}

// listener serves each connection with f, and closes it after that.
func listener(t *testing.T, f func(net.Conn)) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				f(c)
			}()
		}
	}()
	return l.Addr().String()
}

// mutePort accepts connections and says nothing.
func mutePort(t *testing.T) string {
	return listener(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
}

// talker accepts connections, says one thing to each, and hangs up once the other end does or has said something.
func talker(t *testing.T, say string) string {
	return listener(t, func(c net.Conn) {
		_, _ = io.WriteString(c, say)
		_, _ = c.Read(make([]byte, 4096))
	})
}
