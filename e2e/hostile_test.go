package e2e

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"fieldpost/drivers/emulate"
	"fieldpost/telemetry"
	"fieldpost/telemetry/ranges"
	"fieldpost/telemetry/wire"
)

// victim is a site with a well-meant edge, pi-1, on which hostile clients are let loose.
type victim struct {
	*site
	tcp   *emulate.TCP
	edge  *edge
	said  int
	since time.Time
}

func newVictim(t *testing.T) *victim {
	t.Helper()
	v := &victim{site: newSite(t, ""), since: time.Now()}
	v.up()
	v.edge, v.tcp = tcpSite(t, v.site, fmt.Sprintf("tcp://127.0.0.1:%d", v.mqtt))
	v.unharmed(t)
	return v
}

// unharmed checks that the gateway still does its work: what the edge reads now arrives, and everything is there once.
func (v *victim) unharmed(t *testing.T) {
	t.Helper()
	say(t, v.tcp, v.said+1, v.said+20)
	v.said += 20
	await(t, fmt.Sprintf("%d readings", v.said), patience, func() bool { return len(v.readings("pi-1")) >= v.said })
	onceInOrder(t, v.readings("pi-1"), 1, v.said)
	await(t, "nothing missing", patience, func() bool { n := v.node("pi-1"); return n.Online && n.missing() == 0 })
}

// TestHostileClients lets clients loose on the broker, one kind after the other, and asks after each whether it was refused, counted, and
// without effect on a real node.
func TestHostileClients(t *testing.T) {
	t.Parallel()
	v := newVictim(t)

	// These take ten seconds to be thrown out, so they come first and are asked last. Each is listened to all the while: a deadline that passed while
	// others were at work would hide an end that came in time.
	mute, slow := v.knock(t), v.knock(t)
	ends := make(chan error, 2)
	for _, c := range []*intruder{mute, slow} {
		go func() {
			_, err := io.Copy(io.Discard, c)
			ends <- err
		}()
	}
	var dribble bytes.Buffer
	connectPacket("slow", "", "").Write(&dribble)
	go func() {
		for _, b := range dribble.Bytes() {
			if _, err := slow.Write([]byte{b}); err != nil {
				return
			}
			<-time.After(time.Second)
		}
	}()

	for _, c := range []struct {
		name string
		run  func(*testing.T, *victim)
	}{
		{"a publish of 100 MB", hugePublish},
		{"random bytes on up", randomBytes},
		{"real messages cut short", truncatedMessages},
		{"real messages with a bit flipped", flippedMessages},
		{"a flood of corrupt frames", corruptFlood},
		{"a hello with a million holes", holedHello},
		{"node names that are none", badNodeNames},
		{"a frame that names another node", foreignFrame},
		{"one connection for two nodes", twoNodes},
		{"retained and quality of service 2", badFlags},
		{"listening to everything", eavesdropping},
		{"CONNECT byte by byte", byteByByte},
		{"not MQTT", notMQTT},
		{"silence after CONNECT", silentAfterConnect},
		{"200 connections at once", manyAtOnce},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.run(t, v)
			v.unharmed(t)
		})
	}
	t.Run("silence before CONNECT", func(t *testing.T) {
		// The documented deadline is 10 s from accept to a complete CONNECT; knock listens for longer.
		for range 2 {
			if err := <-ends; errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatal("the connection was not ended")
			}
		}
		await(t, "both to be counted", patience, func() bool { return v.refused(t, "no_connect") >= 2 })
		v.unharmed(t)
	})
	v.boundedLog(t, v.since)
	if st, ok := v.edge.status(); !ok || st.Links[0].State != "up" || st.Links[0].Connects != 1 {
		t.Errorf("the edge's link did not stay up: %+v", st.Links)
	}
}

func hugePublish(t *testing.T, v *victim) {
	const size = 100 << 20
	before := v.refused(t, "too_large")
	c := v.intrude(t, "evil.huge")
	v.gateway.forgetPeak(t)
	now, _ := v.gateway.rss(t)
	topic := wire.Up("fp", "evil")
	head := []byte{0x30, 0, 0, 0, 0, 0, byte(len(topic))}
	for i, n := 1, size; i <= 4; i, n = i+1, n>>7 { // remaining length [MQTT-2.2.3]
		head[i] = byte(n & 0x7f)
		if i < 4 {
			head[i] |= 0x80
		}
	}
	_, err := c.Write(append(head, topic...))
	chunk := make([]byte, 1<<16)
	sent := 0
	for ; err == nil && sent < size; sent += len(chunk) {
		_, err = c.Write(chunk)
	}
	if err == nil {
		t.Errorf("the gateway took all of %d bytes", size)
	}
	c.closed()
	await(t, "a refusal to be counted", patience, func() bool { return v.refused(t, "too_large") == before+1 })
	_, peak := v.gateway.rss(t)
	t.Logf("memory %d KiB before, %d KiB at most; %d KiB went into the socket", now>>10, peak>>10, sent>>10)
	if peak-now > 16<<20 {
		t.Errorf("the gateway's memory went from %d KiB to %d KiB", now>>10, peak>>10)
	}
}

// throw publishes payloads as node evil, each on a connection that is still there, and returns how many ended theirs. They must all be
// counted as violations.
func throw(t *testing.T, v *victim, payloads [][]byte, after ...[]byte) (ended int) {
	t.Helper()
	before := v.refused(t, "violation")
	topic := wire.Up("fp", "evil")
	var c *intruder
	for _, p := range payloads {
		if c == nil {
			c = v.intrude(t, "evil.up")
			for _, a := range after {
				if !c.taken(topic, a) {
					t.Fatalf("a proper message was not taken: %x", a)
				}
			}
		}
		if !c.taken(topic, p) {
			c.Close()
			c = nil
			ended++
		}
	}
	if c != nil {
		c.Close()
	}
	await(t, "all violations to be counted", patience, func() bool { return v.refused(t, "violation") == before+ended })
	return ended
}

func randomBytes(t *testing.T, v *victim) {
	random := rand.New(rand.NewPCG(3, 4))
	payloads := [][]byte{{}, {0}, {1}, {1, 0}, {255, 255}, bytes.Repeat([]byte{0}, 1<<20), bytes.Repeat([]byte{255}, 1<<20)}
	for range 300 {
		p := make([]byte, 1+random.IntN(200))
		for i := range p {
			p[i] = byte(random.Uint32())
		}
		if random.IntN(2) == 0 && len(p) > 2 { // past the first hurdle
			p[0], p[1] = wire.ProtocolVersion, []byte{1, 2, 3, 16, 17, 18}[random.IntN(6)]
		}
		payloads = append(payloads, p)
	}
	if ended := throw(t, v, payloads); ended < 250 {
		t.Errorf("only %d of %d were refused", ended, len(payloads))
	}
	if n := len(v.readings("evil")); n != 0 {
		t.Errorf("%d readings came out of noise", n)
	}
}

func truncatedMessages(t *testing.T, v *victim) {
	m := forge(t, "evil", 0xe1, 1)
	var payloads [][]byte
	for _, whole := range [][]byte{m.hello, m.table} {
		for n := range len(whole) {
			payloads = append(payloads, whole[:n])
		}
	}
	for n := range len(m.frame) {
		// Each of other records: one that comes twice is put into quarantine and counts as received.
		f := forge(t, "evil", m.epoch, uint64(1+10*n)).frame
		payloads = append(payloads, f[:min(n, len(f)-1)])
	}
	refusals := func() int { return int(v.counter(t, "fieldpost_ingest_refused_frames_total")) }
	before := refusals()
	// A frame that is cut off behind its header gets a refusal; all else ends the connection.
	ended := throw(t, v, payloads)
	if refused := refusals() - before; ended+refused != len(payloads) {
		t.Errorf("%d of %d messages cut short ended their connection and %d were refused; the others were taken", ended, len(payloads), refused)
	}
	if n := len(v.readings("evil")); n != 0 {
		t.Errorf("%d readings came out of frames cut short", n)
	}
}

func flippedMessages(t *testing.T, v *victim) {
	m := forge(t, "evil", 0xe2, 1)
	flips := func(whole []byte, step int) (out [][]byte) {
		for bit := 0; bit < 8*len(whole); bit += step {
			p := bytes.Clone(whole)
			p[bit/8] ^= 1 << (bit % 8)
			out = append(out, p)
		}
		return out
	}
	throw(t, v, flips(m.hello, 3)) // some are hellos still
	throw(t, v, flips(m.table, 3)) // and tables of other names
	before := v.counter(t, "fieldpost_ingest_refused_frames_total", `reason="corrupt"`)
	throw(t, v, flips(m.frame, 1), m.hello, m.table)
	if v.counter(t, "fieldpost_ingest_refused_frames_total", `reason="corrupt"`) == before {
		t.Error("no frame with a sound header and broken records was refused as corrupt")
	}
	if n := len(v.readings("evil")); n != 0 {
		t.Errorf("%d readings came out of frames with a bit flipped", n)
	}
}

// corruptFlood sends many frames whose header is sound: none may be taken, and none may cost a line of log each.
func corruptFlood(t *testing.T, v *victim) {
	const frames = 400
	m := forge(t, "evil", 0xe3, 1)
	before := v.counter(t, "fieldpost_ingest_refused_frames_total", `reason="corrupt"`)
	var payloads [][]byte
	for i := range frames {
		f := forge(t, "evil", 0xe3, uint64(1+10*i)).frame
		f[len(f)-6] ^= 0x10
		payloads = append(payloads, f)
	}
	if ended := throw(t, v, payloads, m.hello, m.table); ended != 0 {
		t.Errorf("%d frames ended their connection", ended)
	}
	if n := v.counter(t, "fieldpost_ingest_refused_frames_total", `reason="corrupt"`) - before; n != frames {
		t.Errorf("%.0f of %d frames were refused as corrupt", n, frames)
	}
	throw(t, v, payloads) // for the second time each: they go into quarantine
	if n := len(v.readings("evil")); n != 0 {
		t.Errorf("%d readings came out of corrupt frames", n)
	}
	v.boundedLog(t, v.since)
}

// holedHello is two megabytes that say of every second record that it is kept. The gateway must not reckon with each hole at every
// question about its nodes, nor turn away what may be an honest node with a bad card.
func holedHello(t *testing.T, v *victim) {
	const holes = 1_000_000
	rs := make([]ranges.Range, holes)
	for i := range rs {
		rs[i] = ranges.Of(uint64(2*i+1), 1)
	}
	lane := wire.Lane{Lane: telemetry.Live, First: 1, Next: 2*holes + 1, Kept: ranges.Make(rs...)}
	hello := wire.Hello{Nonce: 7, Link: "up", Codings: 1, Epochs: []wire.Epoch{{Epoch: 0xea, Lanes: []wire.Lane{lane}}}}
	if ended := throw(t, v, [][]byte{wire.Append(nil, &hello)}); ended != 0 {
		t.Error("it was refused: a node with a bad card could never deliver again")
	}
}

func badNodeNames(t *testing.T, v *victim) {
	hello := forge(t, "evil", 0xe4, 1).hello
	long := string(bytes.Repeat([]byte{'a'}, 64))
	for topic, reason := range map[string]string{
		"fp/Evil/up": "bad_node", "fp//up": "bad_node", "fp/é/up": "bad_node", "fp/" + long + "/up": "bad_node", "fp/-evil/up": "bad_node",
		"fp/e/vil/up": "bad_topic", "fp/evil/up/": "bad_topic", "/fp/evil/up": "bad_topic", "fp": "bad_topic", "other/evil/up": "bad_topic",
		"fp/evil/down": "not_allowed", "fp/pi-1/down": "not_allowed", "$SYS/x": "bad_topic",
	} {
		before := v.refused(t, reason)
		c := v.intrude(t, "evil.names")
		c.say(publishPacket(topic, 0, hello))
		c.serves() // whether the connection lives is the broker's to decide
		c.Close()
		await(t, fmt.Sprintf("%s to be counted as %s", topic, reason), patience, func() bool { return v.refused(t, reason) == before+1 })
	}
	var nodes []nodeInfo
	get(t, v.url("/v1/nodes", nil), &nodes)
	for _, n := range nodes {
		if telemetry.CheckNode(n.Node) != nil {
			t.Errorf("the gateway knows a node %q", n.Node)
		}
	}
}

func foreignFrame(t *testing.T, v *victim) {
	before := v.counter(t, "fieldpost_ingest_refused_frames_total", `reason="not-allowed"`)
	own, foreign := forge(t, "evil", 0xe5, 1), forge(t, "pi-1", 0xe5, 1)
	c := v.intrude(t, "evil.up")
	for _, m := range [][]byte{own.hello, own.table, foreign.frame} {
		if !c.taken(wire.Up("fp", "evil"), m) {
			t.Fatal("the connection was closed")
		}
	}
	if n := v.counter(t, "fieldpost_ingest_refused_frames_total", `reason="not-allowed"`); n != before+1 {
		t.Errorf("%.0f frames refused as not allowed, want one more than %.0f", n, before)
	}
	for _, l := range v.node("pi-1").Lanes {
		if l.Epoch == own.epoch.String() {
			t.Errorf("pi-1 got the epoch of a stranger: %+v", l)
		}
	}
}

func twoNodes(t *testing.T, v *victim) {
	before := v.refused(t, "foreign_node")
	c := v.intrude(t, "evil.up")
	if !c.taken(wire.Up("fp", "evil"), forge(t, "evil", 0xe6, 1).hello) {
		t.Fatal("a proper hello was not taken")
	}
	if c.taken(wire.Up("fp", "evil-too"), forge(t, "evil-too", 0xe6, 1).hello) {
		t.Error("one connection spoke for two nodes")
	}
	await(t, "a refusal to be counted", patience, func() bool { return v.refused(t, "foreign_node") == before+1 })
	if n := v.node("evil-too"); n.Node != "" {
		t.Errorf("the gateway knows %+v", n)
	}
}

func badFlags(t *testing.T, v *victim) {
	hello := forge(t, "evil-flags", 0xe7, 1).hello
	retained := publishPacket(wire.Up("fp", "evil-flags"), 0, hello)
	retained.Retain = true
	twice := publishPacket(wire.Up("fp", "evil-flags"), 2, hello)
	for reason, p := range map[string]*packets.PublishPacket{"retained": retained, "bad_qos": twice} {
		before := v.refused(t, reason)
		c := v.intrude(t, "evil-flags.up")
		c.say(p)
		c.serves()
		c.Close()
		await(t, reason+" to be counted", patience, func() bool { return v.refused(t, reason) == before+1 })
	}
	if n := v.node("evil-flags"); n.Node != "" {
		t.Errorf("the gateway knows %+v", n)
	}
}

func eavesdropping(t *testing.T, v *victim) {
	for _, filter := range []string{"#", "fp/#", "fp/+/#", "+/+/down", "fp/+/down", "fp/+/up", "fp/pi-1/up", "fp/pi-1/#", "$SYS/#", "$share/x/fp/pi-1/down"} {
		before := v.refused(t, "")
		c := v.intrude(t, "evil.ear")
		p := packets.NewControlPacket(packets.Subscribe).(*packets.SubscribePacket)
		p.MessageID, p.Topics, p.Qoss = 1, []string{filter}, []byte{0}
		c.say(p)
		for said := c.hear(); said != nil; said = c.hear() {
			ack, ok := said.(*packets.SubackPacket)
			if !ok {
				t.Errorf("filter %s: the broker answered %s", filter, said)
			} else if ack.ReturnCodes[0] != 0x80 {
				t.Errorf("filter %s was granted: %v", filter, ack.ReturnCodes)
			}
			if ok {
				break
			}
		}
		c.Close()
		await(t, filter+" to be counted", patience, func() bool { return v.refused(t, "") > before })
	}
	// A node's down topic may be subscribed to where nobody asks who one is, but nothing ever comes by it.
	c := v.intrude(t, "evil.ear")
	p := packets.NewControlPacket(packets.Subscribe).(*packets.SubscribePacket)
	p.MessageID, p.Topics, p.Qoss = 1, []string{wire.Down("fp", "pi-1")}, []byte{1}
	c.say(p)
	if _, ok := c.hear().(*packets.SubackPacket); !ok {
		t.Fatal("no answer to the subscription")
	}
	v.unharmed(t) // acks go down to pi-1 meanwhile
	c.say(packets.NewControlPacket(packets.Pingreq))
	if said, ok := c.hear().(*packets.PingrespPacket); !ok {
		t.Errorf("a stranger heard %v", said)
	}
}

// byteByByte is not hostile, only slow: it must be served.
func byteByByte(t *testing.T, v *victim) {
	var b bytes.Buffer
	connectPacket("patient.up", "", "").Write(&b)
	publishPacket(wire.Up("fp", "patient"), 1, forge(t, "patient", 0xe8, 1).hello).Write(&b)
	c := v.knock(t)
	for _, x := range b.Bytes() {
		if _, err := c.Write([]byte{x}); err != nil {
			t.Fatal(err)
		}
	}
	if ack, ok := c.hear().(*packets.ConnackPacket); !ok || ack.ReturnCode != 0 {
		t.Fatal("CONNECT in single bytes was not accepted")
	}
	if !c.serves() {
		t.Error("the connection was closed")
	}
	if n := v.node("patient"); n.Node == "" {
		t.Error("a hello in single bytes did not arrive")
	}
}

func notMQTT(t *testing.T, v *victim) {
	for what, c := range map[string]struct{ bytes, reason string }{
		"HTTP":                     {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", ""},
		"TLS":                      {"16030100c8010000c40303" + strings.Repeat("5a", 200), ""},
		"PUBLISH before CONNECT":   {"300c000a66702f6576696c2f7570", "no_connect"},
		"CONNECT without an end":   {"10ffffff7f", "too_large"},
		"a length of five digits":  {"10ffffffffff01", "malformed"},
		"MQTT of version 9":        {"100c00044d5154540902003c0000", ""},
		"CONNECT of another thing": {"100c00044d5154580402003c0000", ""},
	} {
		b, err := hex.DecodeString(c.bytes)
		if err != nil {
			b = []byte(c.bytes)
		}
		before := v.refused(t, c.reason)
		x := v.knock(t)
		if _, err := x.Write(b); err != nil {
			t.Fatal(err)
		}
		if err := x.Conn.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		x.closed()
		await(t, fmt.Sprintf("%s to be counted as %q", what, c.reason), patience, func() bool { return v.refused(t, c.reason) > before })
	}
}

func silentAfterConnect(t *testing.T, v *victim) {
	before := v.refused(t, "silent")
	c := v.knock(t)
	p := connectPacket("quiet.up", "", "")
	p.Keepalive = 1
	if code := c.connect(p); code != 0 {
		t.Fatalf("refused with %d", code)
	}
	c.closed() // after one and a half keep-alives [MQTT-3.1.2-24]
	await(t, "the silence to be counted", patience, func() bool { return v.refused(t, "silent") == before+1 })
}

func manyAtOnce(t *testing.T, v *victim) {
	const clients = 200
	before := v.refused(t, "violation")
	open := v.counter(t, "fieldpost_source_connections")
	messages := make([]messages, clients)
	cs := make([]*intruder, clients)
	for i := range cs {
		messages[i] = forge(t, fmt.Sprintf("n-%d", i), telemetry.Epoch(1000+i), 1)
		cs[i] = v.knock(t)
	}
	var wg sync.WaitGroup
	greeted := make(chan bool, clients)
	for i, c := range cs {
		wg.Go(func() {
			m, topic := messages[i], wire.Up("fp", fmt.Sprintf("n-%d", i))
			if c.connect(connectPacket(fmt.Sprintf("n-%d.up", i), "", "")) != 0 {
				t.Errorf("client %d was refused", i)
				return
			}
			greeted <- c.taken(topic, m.hello) && c.taken(topic, m.table) && c.taken(topic, m.frame)
		})
	}
	wg.Wait()
	close(greeted)
	for ok := range greeted {
		if !ok {
			t.Fatal("a proper node was turned away")
		}
	}
	if n := v.counter(t, "fieldpost_source_connections"); n < open+clients {
		t.Errorf("%.0f connections open, want %d more than %.0f", n, clients, open)
	}
	for i := range cs {
		node := fmt.Sprintf("n-%d", i)
		await(t, "readings of "+node, patience, func() bool { return len(v.readings(node)) == 10 })
	}
	for _, c := range cs {
		wg.Go(func() {
			c.say(publishPacket("fp/n-0/up", 0, []byte("noise")))
			c.serves()
		})
	}
	wg.Wait()
	await(t, "the one violation", patience, func() bool { return v.refused(t, "violation") == before+1 })
	for _, c := range cs {
		c.Close()
	}
	await(t, "all connections to be gone", patience, func() bool { return v.counter(t, "fieldpost_source_connections") <= open })
}

// TestHostileUsers is about clients where everybody needs a password.
func TestHostileUsers(t *testing.T) {
	t.Parallel()
	begun := time.Now()
	s := newSite(t, "")
	users := filepath.Join(s.dir, "users")
	edit(t, s.config, "mqtt_broker: {", "mqtt_broker: {users_file: users, ")
	passwords := map[string]string{}
	for _, u := range []string{"pi-1", "evil"} {
		passwords[u] = passwd(t, users, u)
	}
	s.up()
	tcp, err := emulate.ListenTCP("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	e := newEdge(t, s.dir, "pi-1", fmt.Sprintf("tcp://127.0.0.1:%d", s.mqtt), "tcp: "+tcp.Address())
	write(t, filepath.Join(s.dir, "pi-1", "password"), passwords["pi-1"])
	edit(t, e.config, "mqtt: {", "mqtt: {username: pi-1, password_file: password, ")
	e.up()
	connected(t, tcp)
	v := &victim{site: s, tcp: tcp, edge: e, since: begun}
	v.unharmed(t)

	asEvil := func(t *testing.T, id string) *intruder {
		t.Helper()
		c := s.knock(t)
		if code := c.connect(connectPacket(id, "evil", strings.TrimSpace(passwords["evil"]))); code != 0 {
			t.Fatalf("evil was refused with %d under its own password", code)
		}
		return c
	}
	t.Run("wrong passwords", func(t *testing.T) {
		before := s.refused(t, "auth_failed")
		const guesses = 15
		for i := range guesses {
			c := s.knock(t)
			user := []string{"pi-1", "nobody", ""}[i%3]
			if code := c.connect(connectPacket("pi-1.up", user, fmt.Sprint("guess", i))); code != 4 && code != 5 {
				t.Errorf("user %q with a wrong password: %d, want 4 or 5", user, code)
			}
			c.closed()
		}
		await(t, "all guesses to be counted", patience, func() bool { return s.refused(t, "auth_failed") == before+guesses })
		v.unharmed(t)
	})
	t.Run("another node's topics", func(t *testing.T) {
		before := s.refused(t, "foreign_node")
		if asEvil(t, "evil.up").taken(wire.Up("fp", "pi-1"), forge(t, "pi-1", 0xe9, 1).hello) {
			t.Error("evil spoke for pi-1")
		}
		c := asEvil(t, "evil.up")
		state := publishPacket(wire.State("fp", "pi-1", "up"), 0, wire.LinkState{Link: "up"}.Marshal())
		state.Retain = true
		c.say(state)
		p := packets.NewControlPacket(packets.Subscribe).(*packets.SubscribePacket)
		p.MessageID, p.Topics, p.Qoss = 1, []string{wire.Down("fp", "pi-1")}, []byte{0}
		c.say(p)
		if ack, ok := c.hear().(*packets.SubackPacket); ok && ack.ReturnCodes[0] != 0x80 {
			t.Error("evil may listen to what the gateway says to pi-1")
		}
		c.Close()
		will := connectPacket("evil.up", "evil", strings.TrimSpace(passwords["evil"]))
		will.WillFlag, will.WillRetain, will.WillTopic, will.WillMessage = true, true, wire.State("fp", "pi-1", "up"), wire.LinkState{Link: "up"}.Marshal()
		if code := s.knock(t).connect(will); code == 0 {
			t.Error("evil may leave a will for pi-1")
		}
		await(t, "all four to be counted", patience, func() bool { return s.refused(t, "foreign_node") == before+4 })
		v.unharmed(t)
	})
	t.Run("another node's client id", func(t *testing.T) {
		before := s.refused(t, "taken_over")
		c := asEvil(t, "pi-1.up")
		if !c.serves() {
			t.Error("a client id was taken for a right")
		}
		v.unharmed(t)
		if n := s.refused(t, "taken_over"); n != before {
			t.Error("evil ended the connection of pi-1 by its client id")
		}
	})
	v.boundedLog(t, begun)
	if strings.Contains(s.gateway.log.String(), "$2") || strings.Contains(s.gateway.log.String(), strings.TrimSpace(passwords["evil"])) {
		t.Error("a password or its hash is in the log")
	}
	if st, ok := e.status(); !ok || st.Links[0].Connects != 1 {
		t.Errorf("the edge's link did not stay up: %+v", st.Links)
	}
}

// passwd makes a user as an operator does, and returns what was printed: the password and a line end.
func passwd(t *testing.T, file, user string) string {
	t.Helper()
	out, err := exec.Command(filepath.Join(binaries, "fieldpost-gateway"), "passwd", "-file", file, user).Output()
	if err != nil {
		t.Fatalf("passwd %s: %v", user, err)
	}
	return string(out)
}

// edit replaces the first old in a file.
func edit(t *testing.T, path, old, now string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(b), old) {
		t.Fatalf("%s has no %q:\n%s", path, old, b)
	}
	write(t, path, strings.Replace(string(b), old, now, 1))
}
