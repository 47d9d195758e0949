package ingest

import (
	"sync"

	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
)

// suspects remembers frames that came corrupt once, whatever connection they came by. It keeps the last 1024: a frame pushed out of it is
// asked for once more. Safe for concurrent use.
type suspects struct {
	mu    sync.Mutex
	seen  map[suspect]bool
	order []suspect
}

type suspect struct {
	node  string
	epoch telemetry.Epoch
	lane  telemetry.Lane
	first uint64
	count uint32
}

const maxSuspects = 1024

func newSuspects() *suspects { return &suspects{seen: map[suspect]bool{}} }

// again reports whether the frame with header h has come corrupt before, and remembers that it has now.
func (s *suspects) again(h frame.Header) bool {
	k := suspect{h.Node, h.Epoch, h.Lane, h.First, h.Count}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seen[k] {
		return true
	}
	if len(s.order) == maxSuspects {
		delete(s.seen, s.order[0])
		s.order = append(s.order[:0], s.order[1:]...)
	}
	s.seen[k] = true
	s.order = append(s.order, k)
	return false
}
