package mqttbroker_test

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"fieldpost/gateway/source/internal/sourcetest"
)

// raw is a client that says exactly what a test wants it to say.
type raw struct {
	t *testing.T
	net.Conn
}

func dialRaw(t *testing.T, address string) *raw {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(sourcetest.Patience)); err != nil {
		t.Fatal(err)
	}
	return &raw{t, conn}
}

// connect says CONNECT, as change alters it, and returns CONNACK's code.
func (r *raw) connect(id string, change func(*packets.ConnectPacket)) byte {
	r.t.Helper()
	r.say(connectPacket(id, change))
	return r.hear().(*packets.ConnackPacket).ReturnCode
}

func connectPacket(id string, change func(*packets.ConnectPacket)) *packets.ConnectPacket {
	p := packets.NewControlPacket(packets.Connect).(*packets.ConnectPacket)
	p.ProtocolName, p.ProtocolVersion, p.CleanSession, p.ClientIdentifier, p.Keepalive = "MQTT", 4, true, id, 60
	if change != nil {
		change(p)
	}
	return p
}

func publishPacket(topic string, qos byte, payload []byte) *packets.PublishPacket {
	p := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
	p.TopicName, p.Qos, p.Payload, p.MessageID = topic, qos, payload, uint16(qos)
	return p
}

func (r *raw) publish(topic string, payload string) {
	r.t.Helper()
	r.say(publishPacket(topic, 0, []byte(payload)))
}

// subscribe returns what was granted.
func (r *raw) subscribe(filters ...string) []byte {
	r.t.Helper()
	p := packets.NewControlPacket(packets.Subscribe).(*packets.SubscribePacket)
	p.MessageID = 7
	for _, f := range filters {
		p.Topics, p.Qoss = append(p.Topics, f), append(p.Qoss, 1)
	}
	r.say(p)
	return r.hear().(*packets.SubackPacket).ReturnCodes
}

// ping makes sure that everything said before it has been dealt with.
func (r *raw) ping() {
	r.t.Helper()
	r.say(packets.NewControlPacket(packets.Pingreq))
	for {
		if _, ok := r.hear().(*packets.PingrespPacket); ok {
			return
		}
	}
}

func (r *raw) say(p packets.ControlPacket) {
	r.t.Helper()
	if err := p.Write(r); err != nil {
		r.t.Fatal(err)
	}
}

func (r *raw) hear() packets.ControlPacket {
	r.t.Helper()
	p, err := packets.ReadPacket(r)
	if err != nil {
		r.t.Fatal(err)
	}
	return p
}

// awaitEnd waits until the broker ends the connection.
func (r *raw) awaitEnd() {
	r.t.Helper()
	_, err := io.Copy(io.Discard, r)
	if err != nil && !errors.Is(err, syscall.ECONNRESET) || errors.Is(err, os.ErrDeadlineExceeded) {
		r.t.Fatalf("the broker did not end the connection: %v", err)
	}
}
