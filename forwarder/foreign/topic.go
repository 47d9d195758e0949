package foreign

import (
	"fmt"
	"slices"
	"strings"
)

// Topic is a topic with names in braces for what differs: {node}, {kind} (readings or events), {lane}, {device}, {metric} (of an event, its pattern).
type Topic string

var placeholders = []string{"node", "kind", "lane", "device", "metric"}

// maxTopic bounds a topic before its names are put in, in bytes. MQTT allows 65,535; brokers often less.
const maxTopic = 1024

// Check says what is wrong with a topic (MQTT 3.1.1, clause 4.7).
func (t Topic) Check() error {
	switch {
	case t == "":
		return fmt.Errorf("an empty topic")
	case len(t) > maxTopic:
		return fmt.Errorf("a topic of %d bytes; at most %d", len(t), maxTopic)
	case strings.ContainsAny(string(t), "+#\x00"):
		return fmt.Errorf("topic %q: nothing can be published with + or # in it", string(t))
	case strings.HasPrefix(string(t), "$"):
		return fmt.Errorf("topic %q: what begins with $ is the broker's own", string(t))
	}
	rest := string(t)
	for {
		_, after, some := strings.Cut(rest, "{")
		if !some {
			break
		}
		name, more, closed := strings.Cut(after, "}")
		if !closed || !slices.Contains(placeholders, name) {
			return fmt.Errorf("topic %q: unknown name in braces; there are {%s}", string(t), strings.Join(placeholders, "}, {"))
		}
		rest = more
	}
	return nil
}

func (t Topic) expand(values map[string]string) string {
	pairs := make([]string, 0, 2*len(placeholders))
	for _, p := range placeholders {
		pairs = append(pairs, "{"+p+"}", values[p])
	}
	return strings.NewReplacer(pairs...).Replace(string(t))
}
