package history

import (
	"fieldpost/api"
	"fieldpost/history/blocks"
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
	readingsKey = blocks.Key("", "", "")
	eventsKey   = blocks.Key("", "events", "")
)

func nodeKey(node string) uint64 { return blocks.Key(node, "", "") }

func seriesKey(s telemetry.Series) uint64 { return blocks.Key(s.Node, s.Device, s.Metric) }

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
