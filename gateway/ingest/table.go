package ingest

import (
	"fieldpost/history"
	"fieldpost/history/recent"
)

// cachedTables bounds the bytes of the encoded tables that are kept beyond their connections. Decoded they take about three times that.
const cachedTables = 16 << 20

// newTables makes what keeps the tables that came last, by hash, so that nodes with the same devices share them and a node that connects again
// is not refused.
func newTables() *recent.Cache[uint64, *table] {
	return recent.New[uint64](cachedTables, func(t *table) int { return len(t.encoded) })
}

// parseTable reads a table and keeps its own copy of the bytes.
func parseTable(encoded []byte) (*table, error) {
	t, err := history.ParseTable(encoded)
	if err != nil {
		return nil, err
	}
	return &table{t, append([]byte(nil), encoded...)}, nil
}
