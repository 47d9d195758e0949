package wire

import (
	"fmt"
	"strings"

	"fieldpost/telemetry"
)

// Up, Down and State return the MQTT topics of a node under a prefix ("fp").
func Up(prefix, node string) string          { return prefix + "/" + node + "/up" }
func Down(prefix, node string) string        { return prefix + "/" + node + "/down" }
func State(prefix, node, link string) string { return prefix + "/" + node + "/state/" + link }

// Direction says which of a node's topics a Topic is.
type Direction uint8

// The directions.
const (
	ToGateway Direction = iota // …/up
	ToNode                     // …/down
	OfLink                     // …/state/<link>
)

// Topic is what the name of an MQTT topic says.
type Topic struct {
	Node      string
	Direction Direction
	Link      string // of OfLink only
}

// ParseTopic is the inverse of Up, Down and State. It refuses whatever they cannot have made, names out of the allowed letters included.
func ParseTopic(prefix, topic string) (Topic, error) {
	rest, ok := strings.CutPrefix(topic, prefix+"/")
	if !ok {
		return Topic{}, fmt.Errorf("topic %.100q is not under %s/", topic, prefix)
	}
	node, rest, _ := strings.Cut(rest, "/")
	if err := telemetry.CheckNode(node); err != nil {
		return Topic{}, fmt.Errorf("topic %.100q: %w", topic, err)
	}
	switch rest {
	case "up":
		return Topic{Node: node, Direction: ToGateway}, nil
	case "down":
		return Topic{Node: node, Direction: ToNode}, nil
	}
	link, ok := strings.CutPrefix(rest, "state/")
	if !ok || !ValidLink(link) {
		return Topic{}, fmt.Errorf("topic %.100q is none of up, down and state/LINK", topic)
	}
	return Topic{Node: node, Direction: OfLink, Link: link}, nil
}

// ValidLink reports whether s can be the name of a link: [A-Za-z0-9_-]{1,63}, so that it can stand in a topic and a client id.
func ValidLink(s string) bool {
	if s == "" || len(s) > telemetry.MaxName {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-') {
			return false
		}
	}
	return true
}
