package ingest

import (
	"container/list"
	"sync"

	"fieldpost/history"
)

// cachedTables bounds the bytes of the encoded tables that are kept beyond their connections. Decoded they take about three times that.
const cachedTables = 16 << 20

// tables keeps the tables that came last, by hash, so that nodes with the same devices share them and a node that connects again
// is not refused. Safe for concurrent use.
type tables struct {
	mu     sync.Mutex
	size   int
	byHash map[uint64]*list.Element
	used   list.List // of *table, most recent first
}

func newTables() *tables { return &tables{byHash: map[uint64]*list.Element{}} }

// parseTable reads a table and keeps its own copy of the bytes.
func parseTable(encoded []byte) (*table, error) {
	t, err := history.ParseTable(encoded)
	if err != nil {
		return nil, err
	}
	return &table{t, append([]byte(nil), encoded...)}, nil
}

func (t *tables) get(hash uint64) *table {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.byHash[hash]
	if e == nil {
		return nil
	}
	t.used.MoveToFront(e)
	return e.Value.(*table)
}

func (t *tables) put(n *table) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byHash[n.Hash] != nil {
		return
	}
	t.byHash[n.Hash] = t.used.PushFront(n)
	t.size += len(n.encoded)
	for t.size > cachedTables && t.used.Len() > 1 {
		old := t.used.Remove(t.used.Back()).(*table)
		delete(t.byHash, old.Hash)
		t.size -= len(old.encoded)
	}
}
