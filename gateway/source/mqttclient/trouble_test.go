package mqttclient_test

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"fieldpost/gateway/source"
	"fieldpost/gateway/source/internal/sourcetest"
	"fieldpost/gateway/source/mqttclient"
	"fieldpost/internal/testca"
	"fieldpost/telemetry/wire"
)

func TestBrokerGoesAwayAndComesBack(t *testing.T) {
	r := sourcetest.NewRecorder()
	first := mochi(t, "127.0.0.1:0", nil)
	c, _ := run(t, first.url, r, nil)
	awaitUp(t, c)
	sourcetest.Dial(t, first.url, "a", "lte", nil).Up(t, 1, "before")
	before := r.AwaitEvent(t, `received a "before"`).Conn
	first.cut()
	r.AwaitEvent(t, "gone a")
	if err := before.Send([]byte("x")); err == nil {
		t.Error("an ended conversation took a message")
	}
	sourcetest.AwaitStatus(t, c, "down", func(s source.Status) bool { return !s.Up && s.Err != "" && s.Nodes == 0 })

	second := mochi(t, strings.TrimPrefix(first.url, "tcp://"), nil)
	awaitUp(t, c)
	a := sourcetest.Dial(t, second.url, "a", "lte", nil)
	a.Up(t, 1, "after")
	after := r.AwaitEvent(t, `received a "after"`).Conn
	if err := after.Send([]byte("ack")); err != nil {
		t.Error(err)
	}
	a.AwaitDown(t, "ack")
	if got := fmt.Sprint(r.Events()); got != `[connected a received a "before" gone a connected a received a "after"]` {
		t.Errorf("the receiver got %s", got)
	}
}

func TestSubscriptionRefused(t *testing.T) {
	var allowed atomic.Bool
	b := mochi(t, "127.0.0.1:0", allowed.Load)
	c, _ := run(t, b.url, sourcetest.NewRecorder(), nil)
	sourcetest.AwaitStatus(t, c, "refused", func(s source.Status) bool {
		return !s.Up && strings.Contains(s.Err, "the broker refuses the subscription to fp/+/")
	})
	allowed.Store(true)
	awaitUp(t, c)
}

// What other clients of the broker publish under our prefix is counted and does no harm.
func TestMessagesThatAreNone(t *testing.T) {
	r := sourcetest.NewRecorder()
	b := mochi(t, "127.0.0.1:0", nil)
	c, _ := run(t, b.url, r, nil)
	awaitUp(t, c)
	n := sourcetest.Dial(t, b.url, "a", "lte", nil)
	publish := func(topic string, retained bool, payload string) {
		t.Helper()
		if tok := n.Client.Publish(topic, 1, retained, payload); !tok.WaitTimeout(sourcetest.Patience) || tok.Error() != nil {
			t.Fatal(tok.Error())
		}
	}
	publish("fp/PI/up", false, "x")
	publish("fp//up", false, "x")
	publish("fp/a b/state/lte", false, "{}")
	publish("fp/a/state/l.e", false, "{}")
	publish("fp/a/state/lte", false, "on")
	publish("fp/a/up", false, strings.Repeat("x", source.MaxPayload+1))
	publish("fp/a/state/lte", true, "") // cleared
	n.Up(t, 1, "well")
	r.AwaitEvent(t, `received a "well"`)
	want := map[source.Reason]uint64{source.BadNode: 3, source.BadTopic: 1, source.BadState: 1, source.TooLarge: 1}
	if got := c.Status().Refused; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("counted %v, want %v", got, want)
	}
	if got := fmt.Sprint(r.Events()); got != `[connected a received a "well"]` {
		t.Errorf("the receiver got %s", got)
	}
}

// A broker gives a retained message to each new subscriber, as if the node had just said it.
func TestRetainedMessagesAreOld(t *testing.T) {
	r := sourcetest.NewRecorder()
	b := mochi(t, "127.0.0.1:0", nil)
	n := sourcetest.Dial(t, b.url, "a", "lte", nil)
	n.Client.Publish(wire.Up("fp", "a"), 1, true, "old").Wait()
	n.State(t, wire.LinkState{Online: true, Nonce: 3, Link: "lte"})
	c, _ := run(t, b.url, r, nil)
	sourcetest.AwaitCount(t, c, source.Retained, 1)
	r.AwaitEvent(t, "presence a lte online=true nonce=3") // of a state that is what retained is for
	if len(r.Events("received")) != 0 {
		t.Errorf("the receiver got %v", r.Events())
	}
}

func TestConversationsAreBounded(t *testing.T) {
	r := sourcetest.NewRecorder()
	b := mochi(t, "127.0.0.1:0", nil)
	c, _ := run(t, b.url, r, func(_ *mqttclient.Settings, l *mqttclient.Limits) { l.Nodes = 2 })
	awaitUp(t, c)
	n := sourcetest.Dial(t, b.url, "any", "lte", nil)
	for _, name := range []string{"a", "b", "a", "c", "b"} { // c ends b, the longest silent; then b ends a
		n.Name = name
		n.Up(t, 1, "x")
	}
	r.Await(t, "all", func(e []sourcetest.Event) bool { return fmt.Sprint(e) != "" && len(e) == 11 })
	want := []string{
		"connected a", `received a "x"`, "connected b", `received b "x"`, `received a "x"`,
		"gone b", "connected c", `received c "x"`, "gone a", "connected b", `received b "x"`,
	}
	var got []string
	for _, e := range r.Events() {
		got = append(got, e.String())
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if n := c.Status().Nodes; n != 2 {
		t.Errorf("%d conversations", n)
	}
}

// A receiver that is slow makes the broker wait, and loses nothing.
func TestPushBack(t *testing.T) {
	const messages = 100
	r := sourcetest.NewRecorder()
	release := make(chan struct{})
	r.OnReceive = func(source.Conn, []byte) error {
		<-release
		return nil
	}
	b := mochi(t, "127.0.0.1:0", nil)
	c, _ := run(t, b.url, r, func(_ *mqttclient.Settings, l *mqttclient.Limits) { l.Queue, l.QueueBytes = 2, 1<<10 })
	awaitUp(t, c)
	n := sourcetest.Dial(t, b.url, "a", "lte", nil)
	var want []string
	for i := range messages {
		p := fmt.Sprint(i, strings.Repeat("x", 500))
		n.Up(t, 1, p)
		want = append(want, p)
	}
	close(release)
	r.Await(t, "all", func(e []sourcetest.Event) bool { return len(e) == messages+1 })
	for i, e := range r.Events("received") {
		if e.Payload != want[i] {
			t.Fatalf("message %d is %.10q", i, e.Payload)
		}
	}
}

// scripted is a broker that answers CONNECT and SUBSCRIBE, and then does what a test says. It returns its URL.
func scripted(t *testing.T, then func(net.Conn)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				for {
					p, err := packets.ReadPacket(conn)
					if err != nil {
						return
					}
					switch p := p.(type) {
					case *packets.ConnectPacket:
						_ = packets.NewControlPacket(packets.Connack).Write(conn)
					case *packets.SubscribePacket:
						a := packets.NewControlPacket(packets.Suback).(*packets.SubackPacket)
						a.MessageID, a.ReturnCodes = p.MessageID, p.Qoss
						_ = a.Write(conn)
						then(conn)
					}
				}
			}()
		}
	}()
	return "tcp://" + ln.Addr().String()
}

func TestHugePacketFromTheBroker(t *testing.T) {
	var times atomic.Int32
	url := scripted(t, func(conn net.Conn) {
		times.Add(1)
		_, _ = conn.Write([]byte{0x30, 0xff, 0xff, 0xff, 0x7f, 0, 7, 'f', 'p'})
	})
	c, _ := run(t, url, sourcetest.NewRecorder(), nil)
	sourcetest.AwaitCount(t, c, source.TooLarge, 2) // it comes back
	sourcetest.AwaitStatus(t, c, "why", func(s source.Status) bool { return strings.Contains(s.Err, "message_size_limit") })
}

// A broker that takes messages and acknowledges none is as dead as one that is gone.
func TestBrokerThatAcknowledgesNothing(t *testing.T) {
	r := sourcetest.NewRecorder()
	r.OnReceive = func(c source.Conn, _ []byte) error { return c.Send([]byte("ack")) }
	url := scripted(t, func(conn net.Conn) {
		p := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
		p.TopicName, p.Payload = "fp/a/up", []byte("x")
		_ = p.Write(conn)
	})
	c, _ := run(t, url, r, func(_ *mqttclient.Settings, l *mqttclient.Limits) { l.AckWait = 100 * time.Millisecond })
	r.Await(t, "two connections", func(e []sourcetest.Event) bool {
		n := 0
		for _, e := range e {
			if e.What == "gone" {
				n++
			}
		}
		return n >= 2
	})
	if n := c.Status().Sent; n != 0 {
		t.Errorf("%d messages count as sent", n)
	}
}

// A broker that takes the connection and says nothing must not keep the gateway from stopping.
func TestStopWhileTheBrokerIsSilent(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_, stop := run(t, "tcp://"+ln.Addr().String(), sourcetest.NewRecorder(), nil)
	conn, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := packets.ReadPacket(conn); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	if err := stop(); err != nil {
		t.Error(err)
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("stopped after %v", took)
	}
}

func TestTLS(t *testing.T) {
	ca := testca.New(t, t.TempDir())
	ca.Issue(t, "broker")
	ca.Issue(t, "gateway")
	b := mochi(t, "127.0.0.1:0", nil)
	config := ca.Client(t, "broker")
	config.ClientCAs, config.ClientAuth = config.RootCAs, tls.RequireAndVerifyClientCert
	ln, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	b.open.Go(func() { b.accept(ln) })
	r := sourcetest.NewRecorder()
	c, _ := run(t, "ssl://"+ln.Addr().String(), r, func(s *mqttclient.Settings, _ *mqttclient.Limits) {
		s.CAFile, s.CertFile, s.KeyFile = ca.Path("ca.pem"), ca.Path("gateway.pem"), ca.Path("gateway.key")
	})
	awaitUp(t, c)
	sourcetest.Dial(t, b.url, "a", "lte", nil).Up(t, 1, "x")
	r.AwaitEvent(t, `received a "x"`)

	stranger, _ := run(t, "ssl://"+ln.Addr().String(), sourcetest.NewRecorder(), nil)
	sourcetest.AwaitStatus(t, stranger, "refused", func(s source.Status) bool { return strings.Contains(s.Err, "unknown authority") })
}

func TestUserAndPassword(t *testing.T) {
	seen := make(chan *packets.ConnectPacket, 1)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		if p, err := packets.ReadPacket(conn); err == nil {
			seen <- p.(*packets.ConnectPacket)
		}
	}()
	password := filepath.Join(t.TempDir(), "password")
	writeFile(t, password, "s3cret \n")
	run(t, "tcp://"+ln.Addr().String(), sourcetest.NewRecorder(), func(s *mqttclient.Settings, _ *mqttclient.Limits) {
		s.Username, s.PasswordFile = "gw", password
	})
	p := <-seen
	if p.Username != "gw" || !bytes.Equal(p.Password, []byte("s3cret ")) || !p.CleanSession || p.ProtocolVersion != 4 || len(p.ClientIdentifier) > 23 {
		t.Errorf("%+v", p)
	}
}

func TestFilesThatCannotBeUsed(t *testing.T) {
	none := filepath.Join(t.TempDir(), "none")
	empty := filepath.Join(t.TempDir(), "empty")
	writeFile(t, empty, "")
	for _, s := range []mqttclient.Settings{
		{URL: "tcp://127.0.0.1:1", Username: "u", PasswordFile: none},
		{URL: "ssl://127.0.0.1:1", CAFile: none},
		{URL: "ssl://127.0.0.1:1", CAFile: empty},
		{URL: "ssl://127.0.0.1:1", CertFile: none, KeyFile: none},
	} {
		s.Prefix = "fp"
		if err := mqttclient.New("plant", s, nil).Run(t.Context(), sourcetest.NewRecorder()); err == nil {
			t.Errorf("%+v was taken", s)
		}
	}
}
