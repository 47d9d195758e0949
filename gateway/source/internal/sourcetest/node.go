package sourcetest

import (
	"fmt"
	"net"
	"net/url"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"fieldpost/telemetry/wire"
)

// Node is a node as far as a source can tell: an MQTT client that speaks for it.
type Node struct {
	Name   string
	Client paho.Client
	Down   chan string   // payloads of the node's down topic
	Lost   chan struct{} // closed when the connection was lost

	conn net.Conn
}

// Dial connects a node under the prefix fp, with no will, and subscribes to its down topic. change may alter the options.
func Dial(t *testing.T, broker, node, link string, change func(*paho.ClientOptions)) *Node {
	t.Helper()
	n, err := TryDial(t, broker, node, link, change)
	if err != nil {
		t.Fatalf("node %s: %v", node, err)
	}
	return n
}

// TryDial is Dial where it may fail.
func TryDial(t *testing.T, broker, node, link string, change func(*paho.ClientOptions)) (*Node, error) {
	n := &Node{Name: node, Down: make(chan string, 1000), Lost: make(chan struct{})}
	o := paho.NewClientOptions().AddBroker(broker).SetClientID(node + "." + link).SetProtocolVersion(4)
	o.SetAutoReconnect(false).SetConnectRetry(false).SetCleanSession(true).SetConnectTimeout(Patience).SetOrderMatters(true)
	o.SetConnectionLostHandler(func(paho.Client, error) { close(n.Lost) })
	o.SetDefaultPublishHandler(func(_ paho.Client, m paho.Message) {
		if m.Topic() == wire.Down("fp", node) {
			n.Down <- string(m.Payload())
		}
	})
	o.SetCustomOpenConnectionFn(func(u *url.URL, _ paho.ClientOptions) (net.Conn, error) {
		var err error
		n.conn, err = net.Dial("tcp", u.Host)
		return n.conn, err
	})
	if change != nil {
		change(o)
	}
	n.Client = paho.NewClient(o)
	t.Cleanup(func() { n.Client.Disconnect(0) })
	if err := wait(n.Client.Connect()); err != nil {
		return nil, err
	}
	return n, wait(n.Client.Subscribe(wire.Down("fp", node), 1, nil))
}

// Up publishes on the node's up topic and waits for what its quality of service promises.
func (n *Node) Up(t *testing.T, qos byte, payload string) {
	t.Helper()
	if err := wait(n.Client.Publish(wire.Up("fp", n.Name), qos, false, payload)); err != nil {
		t.Fatalf("node %s: publish: %v", n.Name, err)
	}
}

// State publishes the state of a link, retained.
func (n *Node) State(t *testing.T, s wire.LinkState) {
	t.Helper()
	if err := wait(n.Client.Publish(wire.State("fp", n.Name, s.Link), 1, true, s.Marshal())); err != nil {
		t.Fatalf("node %s: publish state: %v", n.Name, err)
	}
}

// Cut breaks the connection without a farewell.
func (n *Node) Cut(t *testing.T) {
	t.Helper()
	if err := n.conn.Close(); err != nil {
		t.Fatal(err)
	}
}

// AwaitDown waits for the next message on the node's down topic and compares it.
func (n *Node) AwaitDown(t *testing.T, want string) {
	t.Helper()
	select {
	case got := <-n.Down:
		if got != want {
			t.Fatalf("node %s got %q, want %q", n.Name, got, want)
		}
	case <-time.After(Patience):
		t.Fatalf("node %s did not get %q", n.Name, want)
	}
}

// AwaitLost waits until the node's connection was ended from the other side.
func (n *Node) AwaitLost(t *testing.T) {
	t.Helper()
	select {
	case <-n.Lost:
	case <-time.After(Patience):
		t.Fatalf("node %s is still connected", n.Name)
	}
}

func wait(t paho.Token) error {
	if !t.WaitTimeout(Patience) {
		return fmt.Errorf("no answer within %v", Patience)
	}
	return t.Error()
}
