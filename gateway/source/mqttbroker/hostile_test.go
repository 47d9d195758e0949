package mqttbroker_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"fieldpost/gateway/source"
	"fieldpost/gateway/source/internal/sourcetest"
	"fieldpost/gateway/source/mqttbroker"
	"fieldpost/telemetry/wire"
)

// syncBuffer is a log that tests can read while it is written.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) count(part string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Count(s.b.String(), part)
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return ln
}

// Each refusal is counted each time, logged once for the connection, reaches no receiver, and leaves other nodes alone.
func TestRefusedMessages(t *testing.T) {
	online := string(wire.LinkState{Online: true, Nonce: 1, Link: "lte"}.Marshal())
	tests := []struct {
		name, topic, payload string
		retain               bool
		want                 source.Reason
	}{
		{"upper-case node", "fp/PI/up", "x", false, source.BadNode},
		{"empty node", "fp//up", "x", false, source.BadNode},
		{"node with a dot", "fp/a.b/up", "x", false, source.BadNode},
		{"node of 64 bytes", "fp/" + strings.Repeat("a", 64) + "/up", "x", false, source.BadNode},
		{"node with a slash", "fp/x/y/up", "x", false, source.BadTopic},
		{"another prefix", "pf/x/up", "x", false, source.BadTopic},
		{"beyond up", "fp/x/up/", "x", false, source.BadTopic},
		{"the broker's own", "$SYS/broker/uptime", "x", false, source.BadTopic},
		{"empty link", "fp/x/state/", online, true, source.BadTopic},
		{"the gateway's to write", "fp/x/down", "x", false, source.NotAllowed},
		{"another node", "fp/y/up", "x", false, source.ForeignNode},
		{"another node's state", "fp/y/state/lte", online, true, source.ForeignNode},
		{"retained", "fp/x/up", "x", true, source.Retained},
		{"no state", "fp/x/state/lte", "on", true, source.BadState},
		{"empty state", "fp/x/state/lte", "", true, source.BadState},
		{"large state", "fp/x/state/lte", strings.Repeat(" ", 5000) + online, true, source.TooLarge},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, log, ln := sourcetest.NewRecorder(), new(syncBuffer), listen(t)
			b, _ := serve(t, ln, r, slog.New(slog.NewTextHandler(log, nil)), nil)
			bystander := sourcetest.Dial(t, "tcp://"+ln.Addr().String(), "bystander", "lte", nil)
			c := dialRaw(t, ln.Addr().String())
			c.connect("x.lte", nil)
			c.publish("fp/x/up", "good") // it speaks for x
			for range 50 {
				p := publishPacket(tt.topic, 0, []byte(tt.payload))
				p.Retain = tt.retain
				c.say(p)
			}
			c.ping() // it is still connected
			if n := b.Status().Refused; n[tt.want] != 50 || len(n) != 1 {
				t.Errorf("counted %v, want %s 50 times", n, tt.want)
			}
			if n := log.count("client refused"); n != 1 || log.count("reason="+string(tt.want)) != 1 {
				t.Errorf("logged %d times:\n%s", n, log.b.String())
			}
			bystander.Up(t, 1, "well")
			r.AwaitEvent(t, `received bystander "well"`)
			if got := fmt.Sprint(r.Events()); got != `[connected x received x "good" connected bystander received bystander "well"]` {
				t.Errorf("the receiver got %s", got)
			}
		})
	}
}

// A client of 3.1.1 that waits for an answer can be told no only by ending it.
func TestRefusedMessagesThatWantAnAnswer(t *testing.T) {
	tests := []struct {
		name, topic string
		qos         byte
		retain      bool
		want        source.Reason
	}{
		{"bad node", "fp/PI/up", 1, false, source.BadNode},
		{"another node", "fp/y/up", 1, false, source.ForeignNode},
		{"retained", "fp/x/up", 1, true, source.Retained},
		{"no state", "fp/x/state/lte", 1, true, source.BadState},
		{"quality of service 2", "fp/x/up", 2, false, source.BadQoS},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := sourcetest.NewRecorder()
			b, address, _ := start(t, r, nil)
			c := dialRaw(t, address)
			c.connect("x.lte", nil)
			c.publish("fp/x/up", "good")
			p := publishPacket(tt.topic, tt.qos, []byte("x"))
			p.Retain = tt.retain
			c.say(p)
			c.awaitEnd()
			r.AwaitEvent(t, "gone x")
			if n := b.Status().Refused; n[tt.want] != 1 || len(n) != 1 {
				t.Errorf("counted %v, want %s once", n, tt.want)
			}
			if got := fmt.Sprint(r.Events()); got != `[connected x received x "good" gone x]` {
				t.Errorf("the receiver got %s", got)
			}
		})
	}
}

func TestRefusedSubscriptions(t *testing.T) {
	r := sourcetest.NewRecorder()
	b, address, _ := start(t, r, nil)
	c := dialRaw(t, address)
	c.connect("x.lte", nil)
	refused := []string{"#", "fp/#", "+/+/down", "fp/+/down", "fp/+/up", "fp/x/up", "$SYS/#", "$share/g/fp/+/state/+", "fp/X/down", "fp/x/state/#"}
	for _, f := range refused {
		if got := c.subscribe(f); !bytes.Equal(got, []byte{0x80}) {
			t.Errorf("%s: granted %x", f, got)
		}
	}
	granted := []string{"fp/x/down", "fp/x/state/+", "fp/x/state/lte", "fp/+/state/+"}
	if got := c.subscribe(granted...); !bytes.Equal(got, []byte{0, 0, 0, 0}) { // 1 was asked for
		t.Errorf("%v: granted %x", granted, got)
	}
	var n uint64
	for _, count := range b.Status().Refused {
		n += count
	}
	if n != uint64(len(refused)) {
		t.Errorf("counted %v, want %d in all", b.Status().Refused, len(refused))
	}
	many := make([]string, 60)
	for i := range many {
		many[i] = fmt.Sprintf("fp/n%d/state/+", i)
	}
	c.say(&packets.SubscribePacket{FixedHeader: packets.FixedHeader{MessageType: packets.Subscribe, Qos: 1}, MessageID: 9, Topics: many, Qoss: make([]byte, 60)})
	c.awaitEnd()
	sourcetest.AwaitCount(t, b, source.TooMany, 1)
}

// Connections that end at their first bytes.
func TestRefusedConnections(t *testing.T) {
	header := func(p packets.ControlPacket) []byte {
		var b bytes.Buffer
		if err := p.Write(&b); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	connect := header(connectPacket("x.lte", nil))
	will := func(topic, payload string) []byte {
		return header(connectPacket("x.lte", func(p *packets.ConnectPacket) {
			p.WillFlag, p.WillTopic, p.WillMessage, p.WillRetain = true, topic, []byte(payload), true
		}))
	}
	offline := string(wire.LinkState{Nonce: 1, Link: "lte"}.Marshal())
	tests := []struct {
		name string
		say  []byte
		want source.Reason
	}{
		{"nothing", nil, source.NoConnect},
		{"half a CONNECT", connect[:len(connect)-1], source.NoConnect},
		{"PUBLISH first", header(publishPacket("fp/x/up", 0, []byte("x"))), source.NoConnect},
		{"web browser", []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), source.Malformed},
		{"AUTH first", []byte{0xf0, 0}, source.NoConnect},
		{"CONNECT of 65 KiB", []byte{0x10, 0x81, 0x88, 0x04}, source.TooLarge},
		{"PUBLISH of 100 MB", append(bytes.Clone(connect), 0x30, 0x80, 0xc2, 0xd7, 0x2f, 0, 7, 'f', 'p'), source.TooLarge},
		{"length without end", append(bytes.Clone(connect), 0x30, 0xff, 0xff, 0xff, 0xff), source.Malformed},
		{"two CONNECTs", append(bytes.Clone(connect), connect...), source.Malformed},
		{"protocol 9", header(connectPacket("x", func(p *packets.ConnectPacket) { p.ProtocolVersion = 9 })), source.Malformed},
		{"will on up", will("fp/x/up", "x"), source.NotAllowed},
		{"will elsewhere", will("a/b", "x"), source.BadTopic},
		{"will of no node", will("fp/X/state/lte", offline), source.BadNode},
		{"will that is no state", will("fp/x/state/lte", "bye"), source.BadState},
		// A topic alias (property 0x23) that mochi would resolve after asking whether the topic, still empty, is allowed.
		{"topic alias", append([]byte{0x10, 14, 0, 4, 'M', 'Q', 'T', 'T', 5, 2, 0, 60, 0, 0, 1, 'x'},
			0x30, 12, 0, 5, 'f', 'p', '/', 'y', 'z', 3, 0x23, 0, 1, 'p'), source.Malformed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := sourcetest.NewRecorder()
			b, address, _ := start(t, r, func(_ *mqttbroker.Settings, l *mqttbroker.Limits) { l.ConnectWait = 200 * time.Millisecond })
			c := dialRaw(t, address)
			if _, err := c.Write(tt.say); err != nil {
				t.Fatal(err)
			}
			c.awaitEnd()
			sourcetest.AwaitCount(t, b, tt.want, 1)
			if n := b.Status().Refused; len(n) != 1 {
				t.Errorf("counted %v", n)
			}
			if e := r.Events(); len(e) != 0 {
				t.Errorf("the receiver was told %v", e)
			}
			sourcetest.AwaitStatus(t, b, "closed", func(s source.Status) bool { return s.Connections == 0 })
		})
	}
}

// A look at the port is nobody's offence.
func TestEndsThatAreNoOffence(t *testing.T) {
	r := sourcetest.NewRecorder()
	b, address, _ := start(t, r, nil)
	dialRaw(t, address).Close()
	polite := dialRaw(t, address)
	polite.connect("x.lte", nil)
	polite.say(packets.NewControlPacket(packets.Disconnect))
	polite.awaitEnd()
	rude := dialRaw(t, address)
	rude.connect("y.lte", nil)
	rude.Close()
	sourcetest.AwaitStatus(t, b, "all gone", func(s source.Status) bool { return s.Connections == 0 })
	if n := b.Status().Refused; len(n) != 0 {
		t.Errorf("counted %v", n)
	}
}

func TestHundredMegabytesAreNotTaken(t *testing.T) {
	b, address, _ := start(t, sourcetest.NewRecorder(), nil)
	c := dialRaw(t, address)
	c.connect("x.lte", nil)
	head := append([]byte{0x30, 0x80, 0xc2, 0xd7, 0x2f, 0, 7}, "fp/x/up"...)
	taken, err := c.Write(head)
	for chunk := make([]byte, 1<<20); err == nil && taken < 100_000_000; {
		var n int
		n, err = c.Write(chunk)
		taken += n
	}
	if err == nil {
		t.Fatal("100 MB were taken")
	}
	t.Logf("%d bytes went into the sockets before %v", taken, err)
	sourcetest.AwaitCount(t, b, source.TooLarge, 1)
}

func TestRandomBytesGoToTheReceiver(t *testing.T) {
	r := sourcetest.NewRecorder()
	_, address, _ := start(t, r, nil)
	c := dialRaw(t, address)
	c.connect("x.lte", nil)
	noise := make([]byte, 10000)
	_, _ = rand.Read(noise)
	c.publish("fp/x/up", string(noise))
	r.AwaitEvent(t, fmt.Sprintf("received x %q", noise))
}

// The acknowledgement of quality of service 1 waits for the receiver, so that a sender that counts on it is held back.
func TestPubackComesAfterReceive(t *testing.T) {
	r := sourcetest.NewRecorder()
	inside, release := make(chan struct{}), make(chan error)
	r.OnReceive = func(source.Conn, []byte) error {
		inside <- struct{}{}
		return <-release
	}
	_, address, _ := start(t, r, nil)
	c := dialRaw(t, address)
	c.connect("x.lte", nil)
	c.say(publishPacket("fp/x/up", 1, []byte("a")))
	<-inside
	if err := c.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Read(make([]byte, 1)); err == nil || n != 0 {
		t.Fatal("acknowledged before it was received")
	}
	if err := c.SetReadDeadline(time.Now().Add(sourcetest.Patience)); err != nil {
		t.Fatal(err)
	}
	release <- nil
	if p, ok := c.hear().(*packets.PubackPacket); !ok || p.MessageID != 1 {
		t.Errorf("heard %v", p)
	}
	c.say(publishPacket("fp/x/up", 1, []byte("b")))
	<-inside
	release <- errors.New("no")
	if _, err := packets.ReadPacket(c); err == nil {
		t.Error("a message that was refused was acknowledged")
	}
}

// FuzzBroker says whatever it likes to a broker, before and after CONNECT. Nothing may panic, and others come and go unharmed.
func FuzzBroker(f *testing.F) {
	var connect bytes.Buffer
	if err := connectPacket("x.lte", nil).Write(&connect); err != nil {
		f.Fatal(err)
	}
	for _, seed := range [][]byte{nil, {0xc0, 0}, {0x10, 0}, {0x30, 9, 0, 7, 'f', 'p', '/', 'x', '/', 'u', 'p'}, {0x82, 3, 0, 1, 0}, {0xf0, 1, 0}, {0xe0, 0}, {0x62, 2, 0, 1}} {
		f.Add(true, seed)
		f.Add(false, seed)
	}
	// A CONNECT of version 5 with properties, and things that follow it.
	f.Add(false, []byte{0x10, 17, 0, 4, 'M', 'Q', 'T', 'T', 5, 2, 0, 60, 3, 0x21, 0, 1, 0, 1, 'x', 0xe0, 2, 4, 0})
	b := mqttbroker.New("fuzzed", mqttbroker.Settings{Prefix: "fp"}, nil)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		f.Fatal(err)
	}
	r := sourcetest.NewRecorder()
	ctx := f.Context()
	go func() { _ = b.Serve(ctx, ln, r) }()
	f.Fuzz(func(t *testing.T, connected bool, say []byte) {
		c := dialRaw(t, ln.Addr().String())
		if connected {
			say = append(bytes.Clone(connect.Bytes()), say...)
		}
		_, _ = c.Write(say)
		_ = c.Conn.(*net.TCPConn).CloseWrite()
		c.awaitEnd()
		other := dialRaw(t, ln.Addr().String())
		other.connect("other", nil)
		other.ping()
	})
}
