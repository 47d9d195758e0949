package mqttbroker

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"fieldpost/gateway/source"
)

// room is the memory for big packets: Limits.ReadBytes in all, of which one node or user gets no more than Limits.NodeBytes. A packet
// that finds none waits. Then those that hold some and stand still are ended (see watch), so that nobody waits long for the dead. Safe for
// concurrent use.
type room struct {
	all, most int64 // bytes in all, and of one owner
	stallWait time.Duration
	free      *semaphore.Weighted
	waiting   atomic.Int64 // packets

	mu      sync.Mutex
	owners  map[string]*owner
	holders map[*socket]struct{} // whose packet has room and has not come to its end
}

// owner is who holds or waits for room under one name.
type owner struct {
	free *semaphore.Weighted
	uses int // packets that hold or wait; the owner goes with the last
}

// loan is room that one packet has.
type loan struct {
	bytes int64
	name  string
	owner *owner // nil for a client without a name
}

func newRoom(l Limits) *room {
	return &room{
		all: l.ReadBytes, most: min(l.NodeBytes, l.ReadBytes), stallWait: l.StallWait, free: semaphore.NewWeighted(l.ReadBytes),
		owners: make(map[string]*owner), holders: make(map[*socket]struct{}),
	}
}

// borrow waits for bytes of room for the packet that k is reading. The name is the node's or user's; without one only the whole bounds it.
// What is more than there can be is granted when nothing else is. The error is that of ctx.
func (m *room) borrow(ctx context.Context, k *socket, name string, bytes int64) (loan, error) {
	ln := loan{bytes: min(bytes, m.all), name: name}
	if name != "" {
		ln.bytes = min(bytes, m.most)
		ln.owner = m.enter(name)
	}
	m.waiting.Add(1)
	err := m.acquire(ctx, ln)
	m.waiting.Add(-1)
	if err != nil {
		m.leave(ln)
		return loan{}, err
	}
	m.mu.Lock()
	m.holders[k] = struct{}{}
	m.mu.Unlock()
	return ln, nil
}

// acquire takes from the owner first: whoever waits for its own packets to end keeps nobody else waiting.
func (m *room) acquire(ctx context.Context, ln loan) error {
	if ln.owner == nil {
		return m.free.Acquire(ctx, ln.bytes)
	}
	if err := ln.owner.free.Acquire(ctx, ln.bytes); err != nil {
		return err
	}
	if err := m.free.Acquire(ctx, ln.bytes); err != nil {
		ln.owner.free.Release(ln.bytes)
		return err
	}
	return nil
}

func (m *room) giveBack(k *socket, ln loan) {
	m.mu.Lock()
	delete(m.holders, k)
	m.mu.Unlock()
	m.free.Release(ln.bytes)
	if ln.owner != nil {
		ln.owner.free.Release(ln.bytes)
	}
	m.leave(ln)
}

func (m *room) enter(name string) *owner {
	m.mu.Lock()
	defer m.mu.Unlock()
	o := m.owners[name]
	if o == nil {
		o = &owner{free: semaphore.NewWeighted(m.most)}
		m.owners[name] = o
	}
	o.uses++
	return o
}

func (m *room) leave(ln loan) {
	if ln.owner == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if ln.owner.uses--; ln.owner.uses == 0 {
		delete(m.owners, ln.name)
	}
}

// watch ends, while packets wait, the clients that hold room and have sent nothing for stallWait, until ctx ends.
func (m *room) watch(ctx context.Context) {
	tick := time.NewTicker(max(m.stallWait/4, time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if m.waiting.Load() == 0 {
			continue
		}
		for _, k := range m.stalled() {
			k.session.end(source.Silent, fmt.Errorf("stopped for %v in the middle of a packet while others wait for its memory", m.stallWait))
		}
	}
}

func (m *room) stalled() (found []*socket) {
	now := time.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	for k := range m.holders {
		if since := k.waits.Load(); since != nil && now.Sub(*since) >= m.stallWait {
			found = append(found, k)
		}
	}
	return found
}
