package history

import (
	"fieldpost/api"
	"fieldpost/telemetry"
)

// direction is the order that a query asks for.
type direction bool

const descending direction = true

func (d direction) compare(a, b api.Cursor) int {
	if d == descending {
		return b.Compare(a)
	}
	return a.Compare(b)
}

// Index keys: one for each series, and for questions that are wider than a few series one for all readings of a node, one
// for all readings, and one for all events. A series has no empty name, so that none is mistaken for another.
var (
	readingsKey = key("", "", "")
	eventsKey   = key("", "events", "")
)

func nodeKey(node string) uint64 { return key(node, "", "") }

func seriesKey(s telemetry.Series) uint64 { return key(s.Node, s.Device, s.Metric) }

// key is FNV-1a over the three names, a zero byte after each. It is part of the index's files. Two series with one key cost frames decoded in
// vain, no more: what is found is checked by name.
func key(parts ...string) uint64 {
	const offset, prime = 14695981039346656037, 1099511628211
	h := uint64(offset)
	for _, part := range parts {
		for i := range len(part) {
			h = (h ^ uint64(part[i])) * prime
		}
		h *= prime
	}
	return h
}

// Questions for more series than these are answered through the wider key: a node's series mostly lie in the same frames.
const (
	fewOfNode = 8
	fewOfAll  = 64
)

// keys returns the index keys under which the wanted series, those that f lets through, are found, and whether each has its own.
func keys(f api.Filter, wanted []telemetry.Series) (found []uint64, own bool) {
	switch {
	case f.Node != "" && len(wanted) > fewOfNode:
		return []uint64{nodeKey(f.Node)}, false
	case len(wanted) > fewOfAll:
		return []uint64{readingsKey}, false
	}
	out := make([]uint64, len(wanted))
	for i, s := range wanted {
		out[i] = seriesKey(s)
	}
	return out, true
}
