package mqtt_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fieldpost/faultproxy"
	"fieldpost/forwarder"
	"fieldpost/forwarder/link/mqtt"
	"fieldpost/internal/testca"
	"fieldpost/mqttguard"
	"fieldpost/telemetry/wire"
)

var info = forwarder.Info{Node: "pi-7", Link: "lte", Software: "test 1", Epoch: 0xe1, Nonce: 0xabc}

func dialer(t *testing.T, s mqtt.Settings) *mqtt.Dialer {
	t.Helper()
	d, err := mqtt.New(s, nil)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func dial(t *testing.T, d *mqtt.Dialer, i forwarder.Info) forwarder.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	c, err := d.Dial(ctx, i)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func receive(t *testing.T, c forwarder.Conn) string {
	t.Helper()
	select {
	case b := <-c.Receive():
		return string(b)
	case <-c.Done():
		t.Fatalf("connection ended: %v", c.Err())
	case <-time.After(20 * time.Second):
		t.Fatal("nothing received")
	}
	return ""
}

func ended(t *testing.T, c forwarder.Conn) error {
	t.Helper()
	select {
	case <-c.Done():
		return c.Err()
	case <-time.After(20 * time.Second):
		t.Fatal("the connection does not end")
		return nil
	}
}

func state(online bool, i forwarder.Info) string {
	return string(wire.LinkState{Online: online, Version: i.Software, Epoch: i.Epoch, Nonce: i.Nonce, Link: i.Link}.Marshal())
}

func count(seen []message, topic, payload string) (n int) {
	for _, m := range seen {
		if m.topic == topic && m.payload == payload {
			n++
		}
	}
	return n
}

const stateTopic = "fp/pi-7/state/lte"

func TestThereAndBack(t *testing.T) {
	ca := testca.New(t, t.TempDir())
	ca.Issue(t, "pi-7")
	secure := mqtt.Settings{CAFile: ca.Path("ca.pem"), CertFile: ca.Path("pi-7.pem"), KeyFile: ca.Path("pi-7.key")}
	for _, scheme := range []string{"tcp", "ssl", "ws", "wss"} {
		t.Run(scheme, func(t *testing.T) {
			s := mqtt.Settings{}
			b := &broker{}
			if scheme == "ssl" || scheme == "wss" {
				s = secure
				b = startBroker(t, scheme, ca.Server(t), "")
			} else {
				b = startBroker(t, scheme, nil, "")
			}
			p, err := faultproxy.Listen(b.addr)
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			s.URL = scheme + "://" + p.Addr()
			d := dialer(t, s)
			c := dial(t, d, info)
			b.until(t, "online", func(seen []message) bool {
				return len(seen) > 0 && seen[0].topic == stateTopic && seen[0].payload == state(true, info)
			})
			const n = 300
			for i := range n {
				if err := c.Send(t.Context(), fmt.Appendf(nil, "up %d", i), forwarder.SendOptions{Direct: i%2 == 0}); err != nil {
					t.Fatal(err)
				}
				if err := b.Publish("fp/pi-7/down", fmt.Appendf(nil, "down %d", i), false, 1); err != nil {
					t.Fatal(err)
				}
			}
			for i := range n {
				if got, want := receive(t, c), fmt.Sprintf("down %d", i); got != want {
					t.Fatalf("received %q, want %q", got, want)
				}
			}
			b.until(t, "all", func(seen []message) bool { return len(seen) == 1+2*n })
			i := 0
			for _, m := range b.seen {
				if m.topic == "fp/pi-7/up" {
					if want := fmt.Sprintf("up %d", i); m.payload != want || m.qos != byte(i%2) || m.retained {
						t.Errorf("broker saw %+v, want %q", m, want)
					}
					i++
				}
			}
			if err := c.Close(); err != nil {
				t.Error(err)
			}
			if err := ended(t, c); err == nil {
				t.Error("no reason given")
			}
			b.until(t, "offline", func(seen []message) bool { return count(seen, stateTopic, state(false, info)) == 1 })
			if err := c.Send(t.Context(), []byte("x"), forwarder.SendOptions{}); err == nil {
				t.Error("a closed connection takes messages")
			}
			if err := p.Close(); err != nil {
				t.Error(err)
			}
			got := d.Counters()
			up, down := uint64(p.Bytes(faultproxy.Up)), uint64(p.Bytes(faultproxy.Down))
			// The proxy may be gone before it read the last few bytes.
			if got.Out.Socket < up || got.Out.Socket > up+200 || got.In.Socket > down || got.In.Socket+200 < down || got.Connects != 1 {
				t.Errorf("counted %+v; %d bytes went up and %d down", got, up, down)
			}
			for _, x := range []forwarder.Traffic{got.In, got.Out} {
				if x.Connect == 0 || x.Connect+x.Packets > x.Socket || x.Payload == 0 || x.Payload >= x.Packets {
					t.Errorf("the parts do not add up: %+v", x)
				}
				if wrapped := x.Wrapping(); scheme == "tcp" && wrapped > 0 || scheme != "tcp" && wrapped < 64 {
					t.Errorf("over %s encryption and framing took %d bytes", scheme, x.Wrapping())
				}
			}
		})
	}
}

func TestWillWhenCut(t *testing.T) {
	b := startBroker(t, "tcp", nil, "")
	p, err := faultproxy.Listen(b.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	c := dial(t, dialer(t, mqtt.Settings{URL: "tcp://" + p.Addr()}), info)
	p.Cut()
	if err := ended(t, c); err == nil {
		t.Error("no reason given")
	}
	b.until(t, "the will", func(seen []message) bool { return count(seen, stateTopic, state(false, info)) == 1 })
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

// TestTakenOver: the will of the connection before lands late, and the node says again that it is there.
func TestTakenOver(t *testing.T) {
	b := startBroker(t, "tcp", nil, "")
	d := dialer(t, mqtt.Settings{URL: "tcp://" + b.addr})
	first := dial(t, d, info)
	now := info
	now.Nonce++
	second := dial(t, d, now)
	if err := ended(t, first); err == nil {
		t.Error("no reason given")
	}
	if err := b.Publish(stateTopic, []byte(state(false, info)), true, 1); err != nil {
		t.Fatal(err)
	}
	b.until(t, "the last word", func(seen []message) bool {
		for i := len(seen) - 1; i >= 0; i-- {
			if seen[i].topic == stateTopic {
				return seen[i].payload == state(true, now) && count(seen, stateTopic, state(true, now)) >= 2
			}
		}
		return false
	})
	select {
	case <-second.Done():
		t.Errorf("the second connection ended: %v", second.Err())
	default:
	}
}

// TestHalfOpen: a socket that takes nothing keeps neither Send nor Close for ever.
func TestHalfOpen(t *testing.T) {
	b := startBroker(t, "tcp", nil, "")
	p, err := faultproxy.Listen(b.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	c := dial(t, dialer(t, mqtt.Settings{URL: "tcp://" + p.Addr()}), info)
	p.StallAll(true)
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	for err == nil {
		err = c.Send(ctx, make([]byte, 64<<10), forwarder.SendOptions{Direct: true})
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("send into a stalled socket: %v", err)
	}
	begin := time.Now()
	c.Close()
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("Close took %v", took)
	}
}

// TestTooLargeAPacket: what no gateway sends ends the connection at its header, before paho makes room for it.
func TestTooLargeAPacket(t *testing.T) {
	b := startBroker(t, "tcp", nil, "")
	c := dial(t, dialer(t, mqtt.Settings{URL: "tcp://" + b.addr}), info)
	largest := strings.Repeat("x", 4<<20+64<<10)
	if err := b.Publish("fp/pi-7/down", []byte(largest), false, 1); err != nil {
		t.Fatal(err)
	}
	if receive(t, c) != largest {
		t.Error("the largest message did not arrive whole")
	}
	if err := b.Publish("fp/pi-7/down", make([]byte, 5<<20), false, 1); err != nil {
		t.Fatal(err)
	}
	if err := ended(t, c); !errors.Is(err, mqttguard.ErrTooLarge) {
		t.Errorf("ended with %v", err)
	}
}

func TestDialErrors(t *testing.T) {
	ca, other := testca.New(t, t.TempDir()), testca.New(t, t.TempDir())
	ca.Issue(t, "pi-7")
	other.Issue(t, "pi-7")
	secure := startBroker(t, "ssl", ca.Server(t), "")
	older := ca.Server(t)
	older.MaxVersion = tls.VersionTLS12 // refuses a certificate within the handshake, TLS 1.3 after it
	secure12 := startBroker(t, "ssl", older, "")
	secureWeb := startBroker(t, "wss", ca.Server(t), "")
	web := startBroker(t, "ws", nil, "")
	users := startBroker(t, "tcp", nil, "right")
	dir := t.TempDir()
	for name, text := range map[string]string{"wrong": "wrong\n", "right": "right\n", "junk": "junk"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	in := func(name string) string { return filepath.Join(dir, name) }
	closed, err := faultproxy.Listen("")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	for _, c := range []struct {
		name string
		s    mqtt.Settings
		want string // "": no error
	}{
		{"nobody there", mqtt.Settings{URL: "tcp://" + closed.Addr()},
			"connect to tcp://" + closed.Addr() + ": dial tcp " + closed.Addr() + ": connect: connection refused; is the gateway running"},
		{"nobody there, WebSocket", mqtt.Settings{URL: "ws://" + closed.Addr()}, "connection refused; is the gateway running"},
		{"TLS port, no TLS", mqtt.Settings{URL: "tcp://" + secure.addr}, "if it wants TLS, begin url with ssl://"},
		{"TLS WebSocket port, no TLS", mqtt.Settings{URL: "ws://" + secureWeb.addr}, "if the port wants TLS, begin url with wss://"},
		{"TLS, port without", mqtt.Settings{URL: "ssl://" + users.addr}, "speak TLS? if not, begin url with tcp://"},
		{"TLS WebSocket, port without", mqtt.Settings{URL: "wss://" + web.addr}, "speak TLS? if not, begin url with ws://"},
		{"hangs up", mqtt.Settings{URL: "tcp://" + talker(t, "")}, "if it wants TLS, begin url with ssl://"},
		{"a TLS alert", mqtt.Settings{URL: "tcp://" + talker(t, "\x15\x03\x01\x00\x02\x02\x46")}, "if it wants TLS, begin url with ssl://"},
		{"greets in another language", mqtt.Settings{URL: "ssl://" + talker(t, "220 mail.example ESMTP\r\n")}, "does not look like a TLS handshake; does the gateway's port speak TLS?"},
		{"100 MB for a CONNACK", mqtt.Settings{URL: "tcp://" + talker(t, "\x20\x80\xc2\xd7\x2f")}, "packet too large"},
		{"certificate of another authority", mqtt.Settings{URL: "ssl://" + secure.addr, CAFile: ca.Path("ca.pem"), CertFile: other.Path("pi-7.pem"), KeyFile: other.Path("pi-7.key")},
			"check cert_file and key_file"},
		{"certificate of another authority, TLS 1.2", mqtt.Settings{URL: "ssl://" + secure12.addr, CAFile: ca.Path("ca.pem"), CertFile: other.Path("pi-7.pem"), KeyFile: other.Path("pi-7.key")},
			"check cert_file and key_file"},
		{"no client certificate, TLS 1.2", mqtt.Settings{URL: "ssl://" + secure12.addr, CAFile: ca.Path("ca.pem")}, "name it under cert_file and key_file"},
		{"nobody answers", mqtt.Settings{URL: "tcp://" + mutePort(t)}, "deadline exceeded"},
		{"nobody shakes hands", mqtt.Settings{URL: "ssl://" + mutePort(t)}, "deadline exceeded"},
		{"no WebSocket", mqtt.Settings{URL: "ws://" + mutePort(t)}, "connect to ws://"},
		{"wrong password", mqtt.Settings{URL: "tcp://" + users.addr, Username: "pi-7", PasswordFile: in("wrong")}, "check username, password_file"},
		{"right password", mqtt.Settings{URL: "tcp://" + users.addr, Username: "pi-7", PasswordFile: in("right")}, ""},
		{"no password file", mqtt.Settings{URL: "tcp://" + users.addr, Username: "pi-7", PasswordFile: in("none")}, "read password_file: open "},
		{"authority not known", mqtt.Settings{URL: "ssl://" + secure.addr}, "name the gateway's certificate authority under ca_file"},
		{"another authority", mqtt.Settings{URL: "ssl://" + secure.addr, CAFile: other.Path("ca.pem")}, "ca_file"},
		{"no client certificate", mqtt.Settings{URL: "ssl://" + secure.addr, CAFile: ca.Path("ca.pem")}, "tls: certificate required; the gateway wants a certificate of the node's own: name it under cert_file and key_file"},
		{"junk for an authority", mqtt.Settings{URL: "ssl://" + secure.addr, CAFile: in("junk")}, "holds no certificate in PEM form"},
		{"key missing", mqtt.Settings{URL: "ssl://" + secure.addr, CertFile: ca.Path("pi-7.pem"), KeyFile: in("none")}, "read cert_file and key_file"},
		{"certificate for another name", mqtt.Settings{URL: "ssl://localhost:" + secure.addr[strings.LastIndex(secure.addr, ":")+1:], CAFile: ca.Path("ca.pem")}, "write the name that the certificate has into url"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			wait := 20 * time.Second
			if strings.Contains(c.want, "deadline") || c.name == "no WebSocket" {
				wait = 300 * time.Millisecond
			}
			ctx, cancel := context.WithTimeout(t.Context(), wait)
			defer cancel()
			begin := time.Now()
			conn, err := dialer(t, c.s).Dial(ctx, info)
			if conn != nil {
				defer conn.Close()
			}
			switch {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("got %v, want %q", err, c.want)
			case err != nil && strings.Contains(err.Error(), "network Error"):
				t.Errorf("paho's words are left in %v", err)
			}
			t.Log(err)
			if took := time.Since(begin); wait < time.Second && took > 10*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
	for _, url := range []string{"", "http://x:1", "x:1", "tcp://[::1"} {
		if _, err := mqtt.New(mqtt.Settings{URL: url}, nil); err == nil {
			t.Errorf("url %q was taken", url)
		}
	}
}
