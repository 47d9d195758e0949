package ingest

import "sync"

// Bounds on the bytes of frames that are received and not yet committed.
const (
	nodeBytes  = 4 << 20  // of one node: four frames of the largest size
	totalBytes = 64 << 20 // of all nodes
	minCredit  = 64 << 10 // what a node is allowed however many there are
)

// budget counts the bytes in flight. Safe for concurrent use.
type budget struct {
	mu      sync.Mutex
	freed   sync.Cond
	nodes   map[string]int
	total   int
	stopped bool
}

func newBudget() *budget {
	b := &budget{nodes: map[string]int{}}
	b.freed.L = &b.mu
	return b
}

// take waits until n bytes of node may be in flight. It reports false if the budget was stopped.
func (b *budget) take(node string, n int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	// Whoever has nothing in flight may have one frame, whatever its size.
	for !b.stopped && (b.nodes[node] > 0 && b.nodes[node]+n > nodeBytes || b.total > 0 && b.total+n > totalBytes) {
		b.freed.Wait()
	}
	if b.stopped {
		return false
	}
	b.nodes[node] += n
	b.total += n
	return true
}

func (b *budget) give(node string, n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.total -= n
	if b.nodes[node] -= n; b.nodes[node] <= 0 {
		delete(b.nodes, node)
	}
	b.freed.Broadcast()
}

// stop ends all waiting, for good.
func (b *budget) stop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stopped = true
	b.freed.Broadcast()
}

func (b *budget) inFlight() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.total
}
