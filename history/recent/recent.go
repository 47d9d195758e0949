// Package recent keeps what was used last, up to a bound. The history of both sides and the gateway's ingest keep series tables in it.
package recent

import (
	"container/list"
	"sync"
)

// Cache holds values by key, the least recently used of which make room. Values are content-addressed or otherwise never go stale: one that is there is
// not replaced. Safe for concurrent use.
type Cache[K comparable, V any] struct {
	weigh func(V) int

	mu    sync.Mutex
	room  int // weight that may still be added; below zero only while the one value that is there is too heavy
	byKey map[K]*list.Element
	used  list.List // of entry[K, V], most recent first
}

type entry[K comparable, V any] struct {
	key   K
	value V
}

// New makes a cache for values that weigh at most room in all. The last one added stays, whatever it weighs. weigh must always say the same of a value.
func New[K comparable, V any](room int, weigh func(V) int) *Cache[K, V] {
	return &Cache[K, V]{weigh: weigh, room: room, byKey: map[K]*list.Element{}}
}

// Get returns the value of a key, the zero value if there is none.
func (c *Cache[K, V]) Get(key K) (value V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.byKey[key]
	if e == nil {
		return value
	}
	c.used.MoveToFront(e)
	return e.Value.(entry[K, V]).value
}

// Put adds a value, unless its key has one.
func (c *Cache[K, V]) Put(key K, value V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byKey[key] != nil {
		return
	}
	c.byKey[key] = c.used.PushFront(entry[K, V]{key, value})
	c.room -= c.weigh(value)
	for c.room < 0 && c.used.Len() > 1 {
		old := c.used.Remove(c.used.Back()).(entry[K, V])
		delete(c.byKey, old.key)
		c.room += c.weigh(old.value)
	}
}
