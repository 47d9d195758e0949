package history

import (
	"container/list"
	"fmt"
	"sync"

	"fieldpost/telemetry/frame"
)

// Table is a decoded series table.
type Table struct {
	Hash   uint64
	Labels map[string]string // of the node
	Series []frame.Series    // by index
}

// ParseTable decodes and checks an encoded table.
func ParseTable(encoded []byte) (*Table, error) {
	t, err := frame.DecodeTable(encoded)
	if err != nil {
		return nil, err
	}
	return &Table{Hash: frame.Hash(encoded), Labels: t.Labels, Series: t.Series()}, nil
}

// Check reports whether a frame with header h can be read with t.
func (t *Table) Check(h frame.Header) error {
	if h.Table != t.Hash {
		return fmt.Errorf("frame names table %016x, not %016x", h.Table, t.Hash)
	}
	for _, c := range h.Columns {
		if int(c.Series) >= len(t.Series) {
			return fmt.Errorf("frame has series %d, table %016x only %d", c.Series, t.Hash, len(t.Series))
		}
	}
	return nil
}

// tables keeps the tables used last, by hash. Content-addressed, they never go stale. Safe for concurrent use.
type tables struct {
	mu     sync.Mutex
	room   int // series that may still be kept
	byHash map[uint64]*list.Element
	used   list.List // of *Table, most recent first
}

// tableSeries bounds the series of all tables kept: some 200 bytes each.
const tableSeries = 1 << 16

func newTables() *tables { return &tables{room: tableSeries, byHash: map[uint64]*list.Element{}} }

func (t *tables) get(hash uint64) *Table {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.byHash[hash]
	if e == nil {
		return nil
	}
	t.used.MoveToFront(e)
	return e.Value.(*Table)
}

func (t *tables) put(table *Table) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byHash[table.Hash] != nil {
		return
	}
	t.byHash[table.Hash] = t.used.PushFront(table)
	t.room -= len(table.Series)
	for t.room < 0 && t.used.Len() > 1 {
		old := t.used.Remove(t.used.Back()).(*Table)
		delete(t.byHash, old.Hash)
		t.room += len(old.Series)
	}
}
