package e2e

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
	"fieldpost/telemetry/wire"
)

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

// intruder is an MQTT client by hand: it says what no well-meant client would.
type intruder struct {
	t *testing.T
	net.Conn
}

// knock opens a connection to the broker and says nothing.
func (s *site) knock(t *testing.T) *intruder {
	t.Helper()
	c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.mqtt))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(2 * patience)); err != nil {
		t.Fatal(err)
	}
	return &intruder{t, c}
}

// connectPacket is a CONNECT of MQTT 3.1.1 with a keep-alive of a minute.
func connectPacket(id, user, password string) *packets.ConnectPacket {
	p := packets.NewControlPacket(packets.Connect).(*packets.ConnectPacket)
	p.ProtocolName, p.ProtocolVersion, p.CleanSession, p.Keepalive = "MQTT", 4, true, 60
	p.ClientIdentifier = id
	if user != "" {
		p.UsernameFlag, p.Username, p.PasswordFlag, p.Password = true, user, true, []byte(password)
	}
	return p
}

func publishPacket(topic string, qos byte, payload []byte) *packets.PublishPacket {
	p := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
	p.TopicName, p.Qos, p.Payload, p.MessageID = topic, qos, payload, 1
	return p
}

// say writes a packet; that the other side has hung up already is for the reader to find.
func (c *intruder) say(p packets.ControlPacket) { _ = p.Write(c) }

// connect says p and returns the CONNACK's code, or 255 if the connection was closed instead.
func (c *intruder) connect(p *packets.ConnectPacket) byte {
	c.t.Helper()
	c.say(p)
	if ack, ok := c.hear().(*packets.ConnackPacket); ok {
		return ack.ReturnCode
	}
	return 255
}

// intrude connects under a client id where nobody asks for more.
func (s *site) intrude(t *testing.T, id string) *intruder {
	t.Helper()
	c := s.knock(t)
	if code := c.connect(connectPacket(id, "", "")); code != 0 {
		t.Fatalf("%s was refused with %d", id, code)
	}
	return c
}

// hear returns the next packet, or nil if the connection was closed.
func (c *intruder) hear() packets.ControlPacket {
	c.t.Helper()
	p, err := packets.ReadPacket(c)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.t.Fatal("neither an answer nor an end of the connection")
	}
	if err != nil {
		return nil
	}
	return p
}

// closed waits until the other side has closed the connection.
func (c *intruder) closed() {
	c.t.Helper()
	for c.hear() != nil {
	}
}

// serves reports whether the broker has dealt with everything said so far and keeps the connection.
func (c *intruder) serves() bool {
	c.t.Helper()
	c.say(packets.NewControlPacket(packets.Pingreq))
	for {
		switch c.hear().(type) {
		case nil:
			return false
		case *packets.PingrespPacket:
			return true
		}
	}
}

// taken publishes with quality of service 1 and reports whether the broker acknowledged it; if not, it has closed the connection.
func (c *intruder) taken(topic string, payload []byte) bool {
	c.t.Helper()
	c.say(publishPacket(topic, 1, payload))
	for {
		switch c.hear().(type) {
		case nil:
			return false
		case *packets.PubackPacket:
			return true
		}
	}
}

// messages are what a node would say: a hello, a table, and a frame of ten readings of d0's metric n.
type messages struct {
	epoch               telemetry.Epoch
	hello, table, frame []byte
}

// forge makes a node's messages with real encoders. first is the first reading's sequence.
func forge(t *testing.T, node string, epoch telemetry.Epoch, first uint64) messages {
	t.Helper()
	const count = 10
	table := frame.Table{Devices: []frame.Device{{Name: "d0", Metrics: []frame.Metric{{Name: "n", Kind: telemetry.KindInt}}}}}
	encoded, err := table.Encode()
	if err != nil {
		t.Fatal(err)
	}
	boot := telemetry.Boot{Ordinal: 1, ID: 42}
	h := frame.Header{
		Node: node, Epoch: epoch, Lane: telemetry.Live, First: first, Boot: boot, Clock: telemetry.ClockSync, Table: frame.Hash(encoded),
	}
	var recs []frame.Record
	for i := range int64(count) {
		recs = append(recs, frame.Record{Time: telemetry.TimeOf(time.Now()) + telemetry.Time(i), Value: telemetry.Int(-1000 - 7919*i*i*i)})
	}
	data, err := frame.Encode(nil, h, recs)
	if err != nil {
		t.Fatal(err)
	}
	lane := wire.Lane{Lane: telemetry.Live, First: 1, Next: first + count}
	hello := wire.Hello{
		Nonce: 7, Link: "up", Software: "intruder", Codings: 1, Epochs: []wire.Epoch{{Epoch: epoch, Lanes: []wire.Lane{lane}}},
		Boots: []wire.Boot{{Boot: boot, Clock: telemetry.ClockSync}},
	}
	return messages{
		epoch: epoch, hello: wire.Append(nil, &hello), table: wire.Append(nil, &wire.Table{Data: encoded}), frame: wire.Append(nil, &wire.Frame{Data: data}),
	}
}

// counter sums a metric of /metrics over the series that have all of labels, such as `reason="violation"`.
func (s *site) counter(t *testing.T, name string, labels ...string) (sum float64) {
	t.Helper()
	resp, err := http.Get(s.url("/metrics", nil))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
next:
	for lines.Scan() {
		rest, ok := strings.CutPrefix(lines.Text(), name)
		if !ok || rest == "" || rest[0] != '{' && rest[0] != ' ' {
			continue
		}
		for _, l := range labels {
			if !strings.Contains(rest, l) {
				continue next
			}
		}
		v, err := strconv.ParseFloat(rest[strings.LastIndexByte(rest, ' ')+1:], 64)
		if err != nil {
			t.Fatalf("/metrics: %q: %v", lines.Text(), err)
		}
		sum += v
	}
	if err := lines.Err(); err != nil && !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	return sum
}

// refused counts what the broker turned away for a reason, or for any if reason is "".
func (s *site) refused(t *testing.T, reason string) int {
	t.Helper()
	label := `source="broker"`
	if reason != "" {
		label = `reason="` + reason + `"`
	}
	return int(s.counter(t, "fieldpost_source_refused_total", label))
}

var refusedLine = regexp.MustCompile(`msg="client refused".* reason=(\w+)`)

// boundedLog checks that refusals cannot fill a disk with log: ten lines a minute for each reason, and little beside.
func (s *site) boundedLog(t *testing.T, since time.Time) {
	t.Helper()
	minutes := 1 + int(time.Since(since)/time.Minute)
	lines := strings.Split(s.gateway.log.String(), "\n")
	byReason := map[string]int{}
	for _, l := range lines {
		if m := refusedLine.FindStringSubmatch(l); m != nil {
			byReason[m[1]]++
		}
	}
	for reason, n := range byReason {
		if n > 10*(minutes+1) {
			t.Errorf("%d lines of log for reason %s in %d minutes", n, reason, minutes)
		}
	}
	if len(lines) > 250*minutes {
		t.Errorf("%d lines of log in %d minutes", len(lines), minutes)
	}
}

// rss returns a process's resident memory in bytes: now, and the most since the last call of forgetPeak.
func (p *process) rss(t *testing.T) (now, peak int64) {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		key, value, _ := strings.Cut(line, ":")
		if key != "VmRSS" && key != "VmHWM" {
			continue
		}
		kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		if key == "VmRSS" {
			now = kib << 10
		} else {
			peak = kib << 10
		}
	}
	return now, peak
}

// forgetPeak makes the peak of rss begin anew: proc_pid_clear_refs(5).
func (p *process) forgetPeak(t *testing.T) {
	t.Helper()
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", p.cmd.Process.Pid), []byte("5"), 0); err != nil {
		t.Fatal(err)
	}
}
