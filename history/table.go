package history

import (
	"fmt"

	"fieldpost/history/recent"
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

// tableSeries bounds the series of all tables that a reader keeps: some 200 bytes each.
const tableSeries = 1 << 16

// newTables makes what keeps the tables used last, by hash.
func newTables() *recent.Cache[uint64, *Table] {
	return recent.New[uint64](tableSeries, func(t *Table) int { return len(t.Series) })
}
