package ingest

import (
	"testing"

	"fieldpost/telemetry/frame"
)

func TestSuspects(t *testing.T) {
	s := newSuspects()
	h := func(first int) frame.Header {
		return frame.Header{Node: "pi", Epoch: 9, First: uint64(first), Count: 1}
	}
	for first := range maxSuspects {
		if s.again(h(first)) {
			t.Fatalf("frame %d came for the first time", first)
		}
	}
	if !s.again(h(0)) || !s.again(h(maxSuspects-1)) {
		t.Fatal("frame came for the second time")
	}
	if s.again(h(maxSuspects)) || s.again(h(0)) || len(s.seen) != maxSuspects {
		t.Fatal("the oldest should have made room")
	}
}
