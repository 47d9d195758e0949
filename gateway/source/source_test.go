package source_test

import (
	"fmt"
	"testing"

	"fieldpost/gateway/source"
	"fieldpost/telemetry/frame"
	"fieldpost/telemetry/wire"
)

// Whatever a node may rightly say fits.
func TestMaxPayload(t *testing.T) {
	if most := max(frame.MaxSize, frame.MaxTable) + wire.Overhead; most > source.MaxPayload {
		t.Errorf("a message may have %d bytes, and a source carries %d", most, source.MaxPayload)
	}
}

func TestParseTopic(t *testing.T) {
	for topic, want := range map[string]source.Reason{
		"fp/pi-7/up": "", "fp/pi-7/down": "", "fp/pi-7/state/lte": "",
		"fp/PI/up": source.BadNode, "fp//up": source.BadNode, "fp/-a/state/x": source.BadNode, "fp/": source.BadNode, "fp/+/up": source.BadNode,
		"fp": source.BadTopic, "": source.BadTopic, "fp/a": source.BadTopic, "fp/a/b/up": source.BadTopic, "fpp/a/up": source.BadTopic, "fp/a/state/+": source.BadTopic,
	} {
		if _, got, err := source.ParseTopic("fp", topic); got != want || (err == nil) != (want == "") {
			t.Errorf("%q: %q, %v, want %q", topic, got, err, want)
		}
	}
}

func TestCounters(t *testing.T) {
	var c source.Counters
	lines := 0
	for i := range 100 {
		n, log := c.Count(source.BadNode)
		if n != uint64(i+1) {
			t.Errorf("count %d is %d", i+1, n)
		}
		if log {
			lines++
		}
	}
	if _, log := c.Count(source.BadTopic); !log {
		t.Error("one reason's flood hides another")
	}
	if lines != 10 {
		t.Errorf("%d lines", lines)
	}
	if got := fmt.Sprint(c.Counts()); got != "map[bad_node:100 bad_topic:1]" {
		t.Errorf("counts %s", got)
	}
}
