package ingest

import (
	"container/list"
	"sync"
	"time"

	"fieldpost/telemetry/frame/dense"
)

// ChainBytes bounds the coder states of all links together, unless AllowDense sets another bound.
const ChainBytes = 256 << 20

const (
	// linkBytes is what a link's states take, with a frame or two in flight.
	linkBytes = 3 * dense.MaxState

	// A link whose states were of use within this time does not give way to another: were there one link more than there is room for, and all of them turned, no frame would find its state.
	chainRest = time.Hour
)

// chains are the coder states of links whose frames are dense (delivery rule 26), the least recently used of which make room. A link's belong to the connection that said hello
// last: frames of one before it find nothing. Safe for concurrent use.
type chains struct {
	mu      sync.Mutex
	bound   int // bytes
	room    int // of them
	byLink  map[linkKey]*list.Element
	used    list.List // of *linkChain, most recent first
	changes uint64
}

type linkKey struct{ node, link string }

type linkChain struct {
	key   linkKey
	nonce uint64 // of the connection
	chain dense.Chain
	size  int
	used  time.Time
}

func newChains(room int) *chains {
	return &chains{bound: room, room: room, byLink: map[linkKey]*list.Element{}}
}

// begin gives a link's chain to a connection, with no states but those named, and returns the names of them. ok is false where there is no room for one link more.
func (c *chains) begin(key linkKey, nonce uint64, names []uint64) (has []uint64, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byLink[key] == nil && (len(c.byLink)+1)*linkBytes > c.bound {
		oldest := c.used.Back()
		if oldest == nil || time.Since(oldest.Value.(*linkChain).used) < chainRest {
			return nil, false
		}
		c.remove(oldest)
	}
	var chain dense.Chain
	if e := c.byLink[key]; e != nil {
		chain = e.Value.(*linkChain).chain.Only(names)
	}
	c.set(key, nonce, chain)
	return chain.Names(), true
}

// of returns the chain of a connection's link.
func (c *chains) of(key linkKey, nonce uint64) dense.Chain {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.byLink[key]; e != nil && e.Value.(*linkChain).nonce == nonce {
		return e.Value.(*linkChain).chain
	}
	return dense.Chain{}
}

// put sets the chain of a connection's link, unless that is another connection's by now.
func (c *chains) put(key linkKey, nonce uint64, chain dense.Chain) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.byLink[key]; e == nil || e.Value.(*linkChain).nonce == nonce {
		c.set(key, nonce, chain)
	}
}

func (c *chains) set(key linkKey, nonce uint64, chain dense.Chain) {
	c.changes++
	e := c.byLink[key]
	if e == nil {
		e = c.used.PushFront(&linkChain{key: key})
		c.byLink[key] = e
	}
	c.used.MoveToFront(e)
	l := e.Value.(*linkChain)
	c.room += l.size
	l.nonce, l.chain, l.size, l.used = nonce, chain, chain.Size(), time.Now()
	c.room -= l.size
	for c.room < 0 && c.used.Len() > 1 {
		c.remove(c.used.Back())
	}
}

func (c *chains) remove(e *list.Element) {
	old := c.used.Remove(e).(*linkChain)
	delete(c.byLink, old.key)
	c.room += old.size
}

// all returns what there is, most recent first, and a number that changes whenever it does.
func (c *chains) all() (out []linkChain, changes uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for e := c.used.Front(); e != nil; e = e.Next() {
		out = append(out, *e.Value.(*linkChain))
	}
	return out, c.changes
}
