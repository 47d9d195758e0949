package ingest

import (
	"sync"

	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
	"fieldpost/telemetry/ranges"
)

// suspects remembers records that came in a corrupt frame once, whatever connection it came by. A node cuts and joins frames as its link allows, so that
// the same records may come again in other frames. It keeps the last 1024 frames: the records of one pushed out of it are asked for once more.
// Safe for concurrent use.
type suspects struct {
	mu    sync.Mutex
	seen  map[suspectLane]ranges.Set
	order []suspect
}

type suspectLane struct {
	node  string
	epoch telemetry.Epoch
	lane  telemetry.Lane
}

type suspect struct {
	lane suspectLane
	span ranges.Range
}

const maxSuspects = 1024

func newSuspects() *suspects { return &suspects{seen: map[suspectLane]ranges.Set{}} }

// again reports whether all records of the frame with header h have come corrupt before, and remembers that they have now.
func (s *suspects) again(h frame.Header) bool {
	n := suspect{suspectLane{h.Node, h.Epoch, h.Lane}, ranges.Range{From: h.First, To: h.Last()}}
	s.mu.Lock()
	defer s.mu.Unlock()
	if ranges.Make(n.span).Minus(s.seen[n.lane]).Empty() {
		return true
	}
	if len(s.order) == maxSuspects {
		s.forget(s.order[0])
		s.order = append(s.order[:0], s.order[1:]...)
	}
	set := s.seen[n.lane]
	set.Add(n.span)
	s.seen[n.lane] = set
	s.order = append(s.order, n)
	return false
}

// forget takes one frame's records out. What another frame has in common with it goes too, and is asked for once more.
func (s *suspects) forget(old suspect) {
	set := s.seen[old.lane]
	set.Remove(old.span)
	if set.Empty() {
		delete(s.seen, old.lane)
		return
	}
	s.seen[old.lane] = set
}
