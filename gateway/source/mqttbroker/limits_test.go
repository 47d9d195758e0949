package mqttbroker_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"fieldpost/gateway/source"
	"fieldpost/gateway/source/internal/sourcetest"
	"fieldpost/gateway/source/mqttbroker"
	"fieldpost/telemetry/wire"
)

// Keep-alive 0 asks for no end of silence; there is one all the same.
func TestSilenceEnds(t *testing.T) {
	b, address, _ := start(t, sourcetest.NewRecorder(), func(_ *mqttbroker.Settings, l *mqttbroker.Limits) { l.MaxIdle = 200 * time.Millisecond })
	for _, keepalive := range []uint16{0, 65535} {
		c := dialRaw(t, address)
		c.connect(fmt.Sprint("x.", keepalive), func(p *packets.ConnectPacket) { p.Keepalive = keepalive })
		c.awaitEnd()
	}
	sourcetest.AwaitCount(t, b, source.Silent, 2)
}

// Packets that are begun and not ended take room from others, which wait for it and then go on.
func TestRoomForBigPackets(t *testing.T) {
	r := sourcetest.NewRecorder()
	_, address, _ := start(t, r, func(_ *mqttbroker.Settings, l *mqttbroker.Limits) {
		l.ReadBytes, l.NodeBytes, l.StallWait = 500<<10, 500<<10, time.Hour // two of them
	})
	big := strings.Repeat("x", 100<<10)
	var packet bytes.Buffer
	if err := publishPacket("fp/a/up", 0, []byte(big)).Write(&packet); err != nil {
		t.Fatal(err)
	}
	hog := func(name string) *raw {
		c := dialRaw(t, address)
		c.connect(name, nil)
		c.publish("fp/a/up", name)
		r.AwaitEvent(t, fmt.Sprintf("received a %q", name))
		return c
	}
	h1, h2 := hog("h1"), hog("h2")
	head, tail := packet.Bytes()[:packet.Len()-1], packet.Bytes()[packet.Len()-1:]
	for _, h := range []*raw{h1, h2} {
		if _, err := h.Write(head); err != nil {
			t.Fatal(err)
		}
	}
	small := hog("small") // needs no room
	late := hog("late")
	if _, err := late.Write(packet.Bytes()); err != nil {
		t.Fatal(err)
	}
	small.ping()
	h1.Close() // gives its room back, though it never ended
	r.AwaitEvent(t, fmt.Sprintf("received a %d bytes", len(big)))
	if _, err := h2.Write(tail); err != nil {
		t.Fatal(err)
	}
	received := func(n int) func([]sourcetest.Event) bool {
		return func(events []sourcetest.Event) bool {
			got := 0
			for _, e := range events {
				if e.Payload == big {
					got++
				}
			}
			return got == n
		}
	}
	r.Await(t, "two big messages", received(2))
	for range 20 { // room is given back each time
		if _, err := late.Write(packet.Bytes()); err != nil {
			t.Fatal(err)
		}
	}
	r.Await(t, "all", received(22))
}

// A node whose link took a message and then stalled must not hold a goroutine and a buffer for ever.
func TestWritesHaveADeadline(t *testing.T) {
	r := sourcetest.NewRecorder()
	b, address, _ := start(t, r, func(_ *mqttbroker.Settings, l *mqttbroker.Limits) { l.WriteWait = 100 * time.Millisecond })
	c := dialRaw(t, address)
	c.connect("x.lte", nil)
	c.publish("fp/x/up", "x")
	conn := r.AwaitEvent(t, "connected x").Conn
	for { // the kernel takes some before it is full
		if err := conn.Send(make([]byte, 1<<20)); err != nil {
			break
		}
		if b.Status().Refused[source.Behind] > 0 {
			break
		}
	}
	r.AwaitEvent(t, "gone x")
	sourcetest.AwaitCount(t, b, source.Behind, 1)
}

// flaky is a listener whose Accept fails as it does when too many files are open.
type flaky struct {
	net.Listener
	mu       sync.Mutex
	failures int
}

func (f *flaky) Accept() (net.Conn, error) {
	f.mu.Lock()
	fail := f.failures > 0
	f.failures--
	f.mu.Unlock()
	if fail {
		return nil, &net.OpError{Op: "accept", Err: syscall.EMFILE}
	}
	return f.Listener.Accept()
}

func TestAcceptErrorsPass(t *testing.T) {
	r, log := sourcetest.NewRecorder(), new(syncBuffer)
	ln := &flaky{Listener: listen(t), failures: 6}
	b, _ := serve(t, ln, r, slog.New(slog.NewTextHandler(log, nil)), nil)
	n := sourcetest.Dial(t, "tcp://"+ln.Addr().String(), "x", "lte", nil)
	n.Up(t, 1, "through")
	r.AwaitEvent(t, `received x "through"`)
	if e := b.Status().Err; e != "" {
		t.Errorf("status still says %s", e)
	}
	if log.count("cannot accept") != 1 || log.count("accepting connections again") != 1 {
		t.Errorf("log:\n%s", log.b.String())
	}
}

func TestRunStopsWhileAcceptFails(t *testing.T) {
	ln := &flaky{Listener: listen(t), failures: 1 << 30}
	b, stop := serve(t, ln, sourcetest.NewRecorder(), nil, nil)
	sourcetest.AwaitStatus(t, b, "ailing", func(s source.Status) bool { return strings.Contains(s.Err, "too many open files") })
	if err := stop(); err != nil {
		t.Error(err)
	}
}

func TestTooManyConnections(t *testing.T) {
	b, address, _ := start(t, sourcetest.NewRecorder(), func(_ *mqttbroker.Settings, l *mqttbroker.Limits) { l.Connections = 3 })
	var held []*raw
	for i := range 3 {
		c := dialRaw(t, address)
		c.connect(fmt.Sprint("n", i), nil)
		held = append(held, c)
	}
	dialRaw(t, address).awaitEnd()
	sourcetest.AwaitCount(t, b, source.TooMany, 1)
	held[0].Close()
	sourcetest.AwaitStatus(t, b, "room again", func(s source.Status) bool { return s.Connections == 2 })
	dialRaw(t, address).connect("n4", nil)
	held[1].ping()
}

func TestTooManyStateTopics(t *testing.T) {
	r := sourcetest.NewRecorder()
	b, address, _ := start(t, r, func(_ *mqttbroker.Settings, l *mqttbroker.Limits) { l.StateTopics = 30 }) // $SYS has some
	c := dialRaw(t, address)
	c.connect("x.lte", nil)
	for i := range 40 {
		link := fmt.Sprint("l", i)
		p := publishPacket(wire.State("fp", "x", link), 0, wire.LinkState{Online: true, Link: link}.Marshal())
		p.Retain = true
		c.say(p)
	}
	c.ping()
	if n := b.Status().Refused[source.TooMany]; n < 10 || n >= 40 {
		t.Errorf("%d refused", n)
	}
	known := publishPacket(wire.State("fp", "x", "l0"), 0, wire.LinkState{Online: true, Nonce: 9, Link: "l0"}.Marshal())
	known.Retain = true
	c.say(known) // a topic that is there may still change
	r.AwaitEvent(t, "presence x l0 online=true nonce=9")
}
