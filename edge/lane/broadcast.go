package lane

import (
	"sync"
	"time"
)

// broadcast wakes all who wait on a channel that they took before they looked. The zero value is ready.
type broadcast struct {
	mu sync.Mutex
	c  chan struct{}
}

func (b *broadcast) wait() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.c == nil {
		b.c = make(chan struct{})
	}
	return b.c
}

func (b *broadcast) send() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.c != nil {
		close(b.c)
		b.c = nil
	}
}

// backoff doubles from min to max.
type backoff struct {
	min, max, last time.Duration
}

func (b *backoff) next() time.Duration {
	b.last = min(b.max, max(b.min, 2*b.last))
	return b.last
}

func (b *backoff) reset() { b.last = 0 }
