package mqttbroker

import (
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"fieldpost/gateway/source"
	"fieldpost/telemetry/wire"
)

const (
	listenerID = "fieldpost" // mochi wants one; the listening is ours

	maxConnect    = 64 << 10                  // bytes of a CONNECT, before anybody is known: name, password, will
	maxPacket     = source.MaxPayload + 1<<10 // and of any packet after it: payload, topic, properties
	maxFilters    = 64                        // subscriptions of one client
	readerQueue   = 1024                      // states waiting for one client; mochi reserves 8 bytes for each at once
	longKeepalive = 3600                      // seconds, told to a client of MQTT 5 that wants none
	day           = 24 * 60 * 60              // seconds
)

// newServer makes mochi with the access rules of this package and without a listener.
func (b *Broker) newServer() (*mqtt.Server, error) {
	c := mqtt.NewDefaultServerCapabilities()
	c.MaximumMessageExpiryInterval = 0 // or retained states would vanish after a day
	c.MaximumSessionExpiryInterval = 0 // no session outlives its connection: nothing that counts is in one
	c.MaximumClientWritesPending = readerQueue
	c.MaximumPacketSize = maxPacket
	c.MaximumInflight = 16  // unused: subscribers get quality of service 0
	c.TopicAliasMaximum = 0 // mochi asks for access before it resolves an alias
	c.MaximumQos = 1
	c.SharedSubAvailable = 0
	s := mqtt.New(&mqtt.Options{
		Capabilities:           c,
		Logger:                 slog.New(slog.DiscardHandler), // a line per message; what matters is logged here
		SysTopicResendInterval: day,                           // nobody may read them, and each stops the world to count memory
	})
	if err := s.AddHook(&hook{b: b}, nil); err != nil {
		return nil, fmt.Errorf("set up broker: %w", err)
	}
	if err := s.Serve(); err != nil {
		return nil, fmt.Errorf("start broker: %w", err)
	}
	return s, nil
}

// hook is where mochi asks. Each method runs in the reading goroutine of the client it is about, unless it says otherwise.
type hook struct {
	mqtt.HookBase
	b *Broker
}

func (h *hook) ID() string { return listenerID }

func (h *hook) Provides(what byte) bool {
	switch what {
	case mqtt.OnConnect, mqtt.OnConnectAuthenticate, mqtt.OnSessionEstablish, mqtt.OnPacketRead, mqtt.OnACLCheck,
		mqtt.OnSubscribe, mqtt.OnPublish, mqtt.OnPublishDropped, mqtt.OnWillSent:
		return true
	}
	return false
}

// sessionOf finds the session of a client: its connection is our socket.
func sessionOf(cl *mqtt.Client) *session {
	if k, ok := cl.Net.Conn.(*socket); ok {
		return k.session
	}
	panic("mqttbroker: a client that did not come by our listener")
}

// OnConnect takes away what could outlive the connection.
func (h *hook) OnConnect(cl *mqtt.Client, _ packets.Packet) error {
	s := sessionOf(cl)
	s.client, s.clientID = cl, cl.ID
	if cl.Properties.ProtocolVersion < 5 {
		cl.Properties.Clean = true // mochi would keep the session of a 3.1.1 client that asks for it; a 5 one is told otherwise
	}
	cl.Properties.Will.WillDelayInterval = 0 // mochi sends a delayed will after a newer connection's online
	cl.State.Inflight.ResetSendQuota(0)      // with a quota, mochi strands messages for ever
	if cl.State.Keepalive == 0 && cl.Properties.ProtocolVersion == 5 {
		cl.State.Keepalive, cl.State.ServerKeepalive = longKeepalive, true
	}
	return nil
}

// OnConnectAuthenticate decides who the client is, and whether its will is its to leave: mochi publishes wills unasked.
func (h *hook) OnConnectAuthenticate(cl *mqtt.Client, pk packets.Packet) bool {
	s := sessionOf(cl)
	var err error
	if s.who, err = h.b.authenticate(s.sock, string(pk.Connect.Username), pk.Connect.Password); err != nil {
		reason := source.AuthFailed
		if errors.Is(err, errNodeName) {
			reason = source.BadNode
		}
		s.offend(reason, err)
		return false
	}
	if !pk.Connect.WillFlag {
		return true
	}
	reason, err := s.mayWrite(pk.Connect.WillTopic)
	if err == nil {
		_, reason, err = h.b.parseState(pk.Connect.WillTopic, pk.Connect.WillPayload)
	}
	if err != nil {
		s.offend(reason, fmt.Errorf("will: %w", err))
		return false
	}
	return true
}

// OnSessionEstablish admits the client. mochi gets an id that never comes twice, because its own way of handing a session
// over can lose the newer one, writes to the older under a lock that a stuck connection holds, and knows nothing of users.
func (h *hook) OnSessionEstablish(cl *mqtt.Client, _ packets.Packet) {
	s := sessionOf(cl)
	h.b.claim(s)
	cl.ID = s.clientID + "\x00" + strconv.FormatUint(h.b.serial.Add(1), 10)
	s.sock.admitted.Store(true)
	if s.who.hash != "" && !h.b.users.holds(s.who) {
		s.end("", errChanged) // while it was coming in; from here on watchUsers sees it
	}
}

// OnPacketRead ends a client that publishes with quality of service 2, which mochi would quietly treat as 1, and counts
// what mochi drops without asking.
func (h *hook) OnPacketRead(cl *mqtt.Client, pk packets.Packet) (packets.Packet, error) {
	switch {
	case pk.FixedHeader.Type != packets.Publish:
	case pk.FixedHeader.Qos == 2:
		sessionOf(cl).end(source.BadQoS, errors.New("quality of service 2; use 0 or 1"))
	case strings.HasPrefix(pk.TopicName, "$"):
		sessionOf(cl).offend(source.BadTopic, fmt.Errorf("topic %.100q is the broker's own", pk.TopicName))
	}
	return pk, nil
}

// OnACLCheck is asked for each message a client publishes, for each filter it subscribes to, and, from any goroutine, for
// each state about to be delivered to it. Where it says no, mochi drops a message of quality of service 0 and ends a 3.1.1
// connection that expects an answer.
func (h *hook) OnACLCheck(cl *mqtt.Client, topic string, write bool) bool {
	s := sessionOf(cl)
	var reason source.Reason
	var err error
	if write {
		reason, err = s.mayWrite(topic)
	} else {
		reason, err = s.mayRead(topic)
	}
	if err != nil {
		s.offend(reason, err)
	}
	return err == nil
}

// OnSubscribe grants quality of service 0 whatever was asked for. With 1, one reader that does not read would stop the
// publishers: mochi numbers each message under the lock that it writes under.
func (h *hook) OnSubscribe(cl *mqtt.Client, pk packets.Packet) packets.Packet {
	s := sessionOf(cl)
	if s.filters += len(pk.Filters); s.filters > maxFilters {
		s.end(source.TooMany, fmt.Errorf("more than %d subscriptions", maxFilters))
		pk.Filters = nil
	}
	for i := range pk.Filters {
		pk.Filters[i].Qos = 0
	}
	return pk
}

// OnPublish gives up messages to the receiver, and lets states through to mochi. CodeSuccessIgnore acknowledges one of quality
// of service 1 after the receiver has taken it (for the sender's flow; it proves nothing) and keeps it from retention and fan-out;
// ErrRejectPacket drops it without a word. Any other error mochi would acknowledge as success.
func (h *hook) OnPublish(cl *mqtt.Client, pk packets.Packet) (packets.Packet, error) {
	s := sessionOf(cl)
	if s.ended() {
		return pk, packets.ErrRejectPacket
	}
	t, reason, err := source.ParseTopic(h.b.settings.Prefix, pk.TopicName)
	switch {
	case err != nil:
	case t.Direction == wire.ToGateway:
		reason, err = s.up(pk)
	default:
		reason, err = s.state(t, pk)
	}
	switch {
	case err != nil && (pk.FixedHeader.Qos > 0 || reason == source.Violation):
		s.end(reason, err) // a 3.1.1 client that waits for an answer can be told no in no other way
		return pk, packets.ErrRejectPacket
	case err != nil:
		s.offend(reason, err)
		return pk, packets.ErrRejectPacket
	case t.Direction == wire.ToGateway:
		return pk, packets.CodeSuccessIgnore
	}
	return pk, nil
}

// up gives one message to the receiver. mochi made the payload for this packet alone.
func (s *session) up(pk packets.Packet) (source.Reason, error) {
	if pk.FixedHeader.Retain {
		return source.Retained, fmt.Errorf("message on %s is marked retained", pk.TopicName)
	}
	if len(pk.Payload) > source.MaxPayload {
		return source.TooLarge, fmt.Errorf("message of %d bytes, at most %d", len(pk.Payload), source.MaxPayload)
	}
	if !s.speaks {
		s.speak()
	}
	s.b.received.Add(1)
	s.b.bytes.Add(uint64(len(pk.Payload)))
	if err := s.b.receiver.Receive(s, pk.Payload); err != nil {
		return source.Violation, err
	}
	return "", nil
}

// state tells the receiver what a state message says, before mochi retains it.
func (s *session) state(t wire.Topic, pk packets.Packet) (source.Reason, error) {
	state, reason, err := s.b.parseState(pk.TopicName, pk.Payload)
	if err != nil {
		return reason, err
	}
	retained := s.b.server.Topics.Retained
	if _, known := retained.Get(pk.TopicName); !known && retained.Len() >= s.b.Limits.StateTopics {
		return source.TooMany, fmt.Errorf("more than %d state topics", s.b.Limits.StateTopics)
	}
	s.b.receiver.Presence(t.Node, state)
	return "", nil
}

// OnPublishDropped counts a state that a client was too slow to take. It runs in the publisher's goroutine.
func (h *hook) OnPublishDropped(cl *mqtt.Client, _ packets.Packet) {
	sessionOf(cl).offend(source.Behind, fmt.Errorf("more than %d states wait; what it sees is not complete", readerQueue))
}

// OnWillSent tells the receiver of a will, which passes by OnPublish. Its topic and payload were checked with CONNECT.
func (h *hook) OnWillSent(_ *mqtt.Client, pk packets.Packet) {
	if h.b.stopping.Load() {
		return
	}
	t, _, err := source.ParseTopic(h.b.settings.Prefix, pk.TopicName)
	if err != nil {
		return
	}
	if state, _, err := h.b.parseState(pk.TopicName, pk.Payload); err == nil {
		h.b.receiver.Presence(t.Node, state)
	}
}

// parseState reads a state message. The topic says whose it is.
func (b *Broker) parseState(topic string, payload []byte) (wire.LinkState, source.Reason, error) {
	t, reason, err := source.ParseTopic(b.settings.Prefix, topic)
	if err != nil {
		return wire.LinkState{}, reason, err
	}
	if t.Direction != wire.OfLink {
		return wire.LinkState{}, source.NotAllowed, fmt.Errorf("topic %s is not a link's state", topic)
	}
	if len(payload) > b.Limits.MaxStateSize {
		return wire.LinkState{}, source.TooLarge, fmt.Errorf("state message of %d bytes, at most %d", len(payload), b.Limits.MaxStateSize)
	}
	state, err := wire.ParseLinkState(payload)
	if err != nil {
		return wire.LinkState{}, source.BadState, err
	}
	state.Link = t.Link
	return state, "", nil
}
