package lane

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"fieldpost/history"
	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
)

// SeriesID names a series of this process. It never changes while the process runs, unlike a series' place in the frames' table.
type SeriesID uint32

// Description is what the gateway is told of a series.
type Description struct {
	Device  string
	Metric  string
	Unit    string
	Kind    telemetry.Kind
	Derived bool
	Round   frame.Rounding    // that a link may do
	Labels  map[string]string // of the device: the same for all its series
}

// catalogue numbers the series and builds the table that frames name.
type catalogue struct {
	mu     sync.Mutex
	labels map[string]string
	byName map[[2]string]SeriesID
	list   []Description
	table  *table // nil: to be built
}

// table is one immutable state of the catalogue.
type table struct {
	hash    uint64
	encoded []byte
	parsed  *history.Table
	place   []uint32 // SeriesID → index in the table
}

func newCatalogue(labels map[string]string) *catalogue {
	return &catalogue{labels: labels, byName: map[[2]string]SeriesID{}}
}

// id returns the number of d, a new one if the series is new. A description that differs replaces the earlier one.
func (c *catalogue) id(d Description) (SeriesID, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := [2]string{d.Device, d.Metric}
	if id, ok := c.byName[key]; ok {
		if old := &c.list[id]; old.Unit != d.Unit || old.Kind != d.Kind || old.Derived != d.Derived || old.Round != d.Round || !maps.Equal(old.Labels, d.Labels) {
			*old, c.table = d, nil
		}
		return id, nil
	}
	if len(c.list) >= frame.MaxSeries {
		return 0, fmt.Errorf("add series %s/%s: the node has %d series already, the most it can have", d.Device, d.Metric, len(c.list))
	}
	id := SeriesID(len(c.list))
	c.byName[key] = id
	c.list = append(c.list, d)
	c.table = nil
	return id, nil
}

// current returns the table of all series so far. The order is by name, so that a restart with the same configuration gives the same hash.
func (c *catalogue) current() (*table, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.table != nil {
		return c.table, nil
	}
	order := make([]SeriesID, len(c.list))
	for i := range order {
		order[i] = SeriesID(i)
	}
	slices.SortFunc(order, func(a, b SeriesID) int {
		x, y := c.list[a], c.list[b]
		if x.Device != y.Device {
			return strings.Compare(x.Device, y.Device)
		}
		return strings.Compare(x.Metric, y.Metric)
	})
	t := &table{place: make([]uint32, len(c.list))}
	all := &frame.Table{Labels: c.labels}
	for i, id := range order {
		d := c.list[id]
		if n := len(all.Devices); n == 0 || all.Devices[n-1].Name != d.Device {
			all.Devices = append(all.Devices, frame.Device{Name: d.Device, Labels: d.Labels})
		}
		last := &all.Devices[len(all.Devices)-1]
		last.Metrics = append(last.Metrics, frame.Metric{Name: d.Metric, Unit: d.Unit, Kind: d.Kind, Derived: d.Derived, Rounding: d.Round})
		t.place[id] = uint32(i)
	}
	var err error
	if t.encoded, err = all.Encode(); err != nil {
		return nil, fmt.Errorf("encode the table of %d series: %w", len(order), err)
	}
	if t.parsed, err = history.ParseTable(t.encoded); err != nil {
		return nil, fmt.Errorf("read back the table of %d series: %w", len(order), err)
	}
	t.hash = t.parsed.Hash
	c.table = t
	return t, nil
}
