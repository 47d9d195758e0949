package ingest

import (
	"testing"

	"fieldpost/telemetry/frame"
)

func suspicious(first, count int) frame.Header {
	return frame.Header{Node: "pi", Epoch: 9, First: uint64(first), Count: uint32(count)}
}

func TestSuspectsAreBounded(t *testing.T) {
	s := newSuspects()
	for first := range maxSuspects {
		if s.again(suspicious(2*first, 1)) {
			t.Fatalf("frame %d came for the first time", first)
		}
	}
	if !s.again(suspicious(0, 1)) || !s.again(suspicious(2*maxSuspects-2, 1)) {
		t.Fatal("frame came for the second time")
	}
	if s.again(suspicious(2*maxSuspects, 1)) || s.again(suspicious(0, 1)) || len(s.order) != maxSuspects {
		t.Fatal("the oldest should have made room")
	}
	for first := range maxSuspects {
		h := suspicious(0, 1)
		h.Epoch++
		h.First = uint64(first)
		s.again(h)
	}
	if len(s.seen) != 1 {
		t.Fatalf("%d lanes remembered, want the last one", len(s.seen))
	}
}

// The same records come again in other frames than the first time.
func TestSuspectsCutOtherwise(t *testing.T) {
	s := newSuspects()
	for _, c := range []struct {
		first, count int
		again        bool
	}{
		{10, 20, false},
		{10, 5, true},   // its head alone
		{15, 15, true},  // and the rest
		{25, 10, false}, // with five more behind it, which nobody has seen yet
		{10, 25, true},  // all of both
		{5, 10, false},
		{5, 30, true},
		{35, 1, false},
	} {
		if got := s.again(suspicious(c.first, c.count)); got != c.again {
			t.Errorf("%d records from %d: again is %v", c.count, c.first, got)
		}
	}
	other := suspicious(10, 5)
	if other.Lane++; s.again(other) {
		t.Error("another lane")
	}
	other = suspicious(10, 5)
	if other.Node = "pi-2"; s.again(other) {
		t.Error("another node")
	}
}
