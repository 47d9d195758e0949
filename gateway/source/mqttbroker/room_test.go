package mqttbroker_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"fieldpost/gateway/source"
	"fieldpost/gateway/source/internal/sourcetest"
	"fieldpost/gateway/source/mqttbroker"
)

// patient asks for no keep-alive, so that nothing but the broker's own limits ends the connection.
func patient(p *packets.ConnectPacket) { p.Keepalive = 0 }

// announce begins a PUBLISH of 4 MiB, and no more of it than its topic.
func (r *raw) announce(topic string) {
	r.t.Helper()
	head := append([]byte{0x30, 0x80, 0x80, 0x80, 0x02, 0, byte(len(topic))}, topic...)
	if _, err := r.Write(head); err != nil {
		r.t.Fatal(err)
	}
}

// Clients that announce big packets and say no more use up the memory for a moment only. They are nobody yet, so that no share bounds them.
func TestStalledPacketsEndWhenOthersWait(t *testing.T) {
	r := sourcetest.NewRecorder()
	b, address, _ := start(t, r, func(_ *mqttbroker.Settings, l *mqttbroker.Limits) {
		l.ReadBytes, l.NodeBytes = 32<<20, 32<<20 // four of them
		l.ReadWait, l.StallWait = time.Hour, 100*time.Millisecond
	})
	for i := range 8 {
		c := dialRaw(t, address)
		c.connect(fmt.Sprint("stalled.", i), patient)
		c.announce("fp/e/up")
	}
	sourcetest.AwaitCount(t, b, source.Silent, 4) // the first, for the others
	good := dialRaw(t, address)
	good.connect("good.lte", patient)
	big := strings.Repeat("x", 70_000)
	good.publish("fp/good/up", big)
	r.AwaitEvent(t, fmt.Sprintf("received good %d bytes", len(big)))
	good.ping()
}

// While nobody needs the memory a pause does no harm.
func TestPauseWhileNobodyWaits(t *testing.T) {
	r := sourcetest.NewRecorder()
	_, address, _ := start(t, r, func(_ *mqttbroker.Settings, l *mqttbroker.Limits) { l.StallWait = 20 * time.Millisecond })
	big := strings.Repeat("x", 100<<10)
	var packet bytes.Buffer
	if err := publishPacket("fp/a/up", 0, []byte(big)).Write(&packet); err != nil {
		t.Fatal(err)
	}
	c := dialRaw(t, address)
	c.connect("a.lte", patient)
	for _, part := range [][]byte{packet.Next(60 << 10), packet.Bytes()} {
		if _, err := c.Write(part); err != nil {
			t.Fatal(err)
		}
		<-time.After(200 * time.Millisecond) // the pause
	}
	r.AwaitEvent(t, fmt.Sprintf("received a %d bytes", len(big)))
}

// One node's connections have a share of the memory among them; beyond it they wait for each other, and nobody else does.
func TestShareOfANode(t *testing.T) {
	r := sourcetest.NewRecorder()
	_, address, _ := start(t, r, func(_ *mqttbroker.Settings, l *mqttbroker.Limits) {
		l.ReadBytes, l.NodeBytes = 32<<20, 16<<20
		l.ReadWait, l.StallWait = time.Hour, time.Hour
	})
	speak := func(node, link string) *raw {
		c := dialRaw(t, address)
		c.connect(node+"."+link, patient)
		c.publish("fp/"+node+"/up", link)
		r.AwaitEvent(t, fmt.Sprintf("received %s %q", node, link))
		return c
	}
	var greedy []*raw
	for i := range 6 {
		c := speak("greedy", fmt.Sprint("l", i))
		c.announce("fp/greedy/up")
		greedy = append(greedy, c)
	}
	big := strings.Repeat("x", 3<<20) // 6 MiB of memory
	speak("good", "lte").publish("fp/good/up", big)
	r.AwaitEvent(t, fmt.Sprintf("received good %d bytes", len(big)))
	own := speak("greedy", "own")
	own.publish("fp/greedy/up", big)
	for _, c := range greedy {
		c.Close()
	}
	r.AwaitEvent(t, fmt.Sprintf("received greedy %d bytes", len(big)))
}

// A packet's body has to come at a pace, whatever its size, and no deadline but that.
func TestPaceOfABody(t *testing.T) {
	big := strings.Repeat("x", 100<<10)
	var packet bytes.Buffer
	if err := publishPacket("fp/a/up", 0, []byte(big)).Write(&packet); err != nil {
		t.Fatal(err)
	}
	small := []byte{0x30, 100, 0, 7, 'f', 'p'}
	tests := []struct {
		name      string
		readWait  time.Duration
		keepalive uint16
		say       []byte
		piece     int           // written at once
		each      time.Duration // pause after it
		ends      bool
	}{
		{"nothing after the header", 100 * time.Millisecond, 0, packet.Bytes()[:20], 20, 0, true},
		{"a small packet that stops", 100 * time.Millisecond, 0, small, len(small), 0, true},
		{"a trickle", 300 * time.Millisecond, 0, packet.Bytes(), 1, 10 * time.Millisecond, true},
		{"slow, and longer than one and a half keep-alives", 5 * time.Second, 1, packet.Bytes(), 16 << 10, 300 * time.Millisecond, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := sourcetest.NewRecorder()
			b, address, _ := start(t, r, func(_ *mqttbroker.Settings, l *mqttbroker.Limits) { l.ReadWait = tt.readWait })
			c := dialRaw(t, address)
			c.connect("a.lte", func(p *packets.ConnectPacket) { p.Keepalive = tt.keepalive })
			for rest := tt.say; len(rest) > 0; {
				n := min(tt.piece, len(rest))
				if _, err := c.Write(rest[:n]); err != nil {
					break // ended; counted below
				}
				rest = rest[n:]
				<-time.After(tt.each)
				if b.Status().Refused[source.Silent] > 0 {
					break
				}
			}
			if tt.ends {
				sourcetest.AwaitCount(t, b, source.Silent, 1)
				c.awaitEnd()
				return
			}
			r.AwaitEvent(t, fmt.Sprintf("received a %d bytes", len(big)))
			if n := b.Status().Refused; len(n) != 0 {
				t.Errorf("counted %v", n)
			}
		})
	}
}
