package mqttbroker

import (
	"crypto/tls"
	"errors"
	"fmt"
	"strings"

	"fieldpost/gateway/source"
	"fieldpost/telemetry"
	"fieldpost/telemetry/wire"
)

// Role is what a client may do.
type Role uint8

// The roles.
const (
	Node   Role = iota // publish its own up and state topics, read its own down and state topics
	Reader             // read the states of all nodes, publish nothing
)

// who is a client's identity. Without a name it is anonymous: it may read states and speak for one node, the first it names.
type who struct {
	name string
	role Role
	hash string // of a user: the line of the file that let it in
}

var errNodeName = errors.New("certificate names no node")

// authenticate decides who the client on k is. A certificate decides before a password does; the client id never does.
func (b *Broker) authenticate(k *socket, user string, password []byte) (who, error) {
	if t, ok := k.Conn.Conn.(*tls.Conn); ok {
		if certs := t.ConnectionState().PeerCertificates; len(certs) > 0 {
			name := certs[0].Subject.CommonName
			if err := telemetry.CheckNode(name); err != nil {
				return who{}, fmt.Errorf("%w: its common name: %w", errNodeName, err)
			}
			return who{name: name}, nil
		}
	}
	if b.anonymous() {
		return who{}, nil
	}
	if b.users == nil {
		return who{}, errors.New("no client certificate")
	}
	return b.users.verify(user, password)
}

// mayWrite decides about publishing to a topic. It binds the connection to the first node that it names.
func (s *session) mayWrite(topic string) (source.Reason, error) {
	t, reason, err := source.ParseTopic(s.b.settings.Prefix, topic)
	switch {
	case err != nil:
		return reason, err
	case s.who.role == Reader:
		return source.NotAllowed, fmt.Errorf("user %s may only read, and published to %s", s.who.name, topic)
	case t.Direction == wire.ToNode:
		return source.NotAllowed, fmt.Errorf("%s is the gateway's to publish to", topic)
	case s.who.name != "" && t.Node != s.who.name:
		return source.ForeignNode, fmt.Errorf("%s published to %s", s.who.name, topic)
	case s.node != "" && t.Node != s.node:
		return source.ForeignNode, fmt.Errorf("a connection speaks for one node; this one speaks for %s and published to %s", s.node, topic)
	}
	s.node = t.Node
	return "", nil
}

// mayRead decides about subscribing to a filter, and about delivering a message of a topic. It uses only what is fixed once
// the client is admitted, as other clients' goroutines come here. Nothing is ever published to a down topic through the
// broker, so subscribing to one discloses nothing.
func (s *session) mayRead(filter string) (source.Reason, error) {
	rest, ok := strings.CutPrefix(filter, s.b.settings.Prefix+"/")
	levels := strings.Split(rest, "/")
	down := len(levels) == 2 && levels[1] == "down"
	state := len(levels) == 3 && levels[1] == "state" && (levels[2] == "+" || wire.ValidLink(levels[2]))
	if !ok || !down && !state {
		return source.BadTopic, fmt.Errorf("filter %.100q is neither a node's down nor its state", filter)
	}
	node, all := levels[0], s.who.name == "" || s.who.role == Reader
	switch {
	case state && all && (node == "+" || telemetry.CheckNode(node) == nil):
		return "", nil
	case s.who.role == Reader || node == "+":
		return source.NotAllowed, fmt.Errorf("%q may not read %.100q", s.who.name, filter)
	case telemetry.CheckNode(node) != nil:
		return source.BadNode, fmt.Errorf("filter %.100q: %w", filter, telemetry.CheckNode(node))
	case s.who.name != "" && node != s.who.name:
		return source.ForeignNode, fmt.Errorf("%s may not read %s", s.who.name, filter)
	}
	return "", nil
}
