package source

import (
	"strings"

	"fieldpost/telemetry"
	"fieldpost/telemetry/wire"
)

// ParseTopic is wire.ParseTopic with the reason to count for a topic that is none: BadNode if it is the node's name, else BadTopic.
func ParseTopic(prefix, topic string) (wire.Topic, Reason, error) {
	t, err := wire.ParseTopic(prefix, topic)
	if err == nil {
		return t, "", nil
	}
	if rest, ok := strings.CutPrefix(topic, prefix+"/"); ok {
		node, _, _ := strings.Cut(rest, "/")
		if telemetry.CheckNode(node) != nil {
			return t, BadNode, err
		}
	}
	return t, BadTopic, err
}
