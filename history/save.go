package history

import (
	"encoding/json"
	"fmt"
	"strings"

	"fieldpost/api"
	"fieldpost/journal"
	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
)

// Keys of the state file that a catalogue uses.
const (
	keySeries  = "series/" // series/<node>
	keyCovered = "series-covered"
)

type (
	seriesRecord struct {
		Device  string            `json:"device"`
		Metric  string            `json:"metric"`
		Table   uint64            `json:"table"`
		Unit    string            `json:"unit,omitempty"`
		Kind    telemetry.Kind    `json:"kind,omitempty"`
		Labels  map[string]string `json:"labels,omitempty"`
		Derived bool              `json:"derived,omitempty"`
		Round   frame.Rounding    `json:"round,omitzero"`
		First   *placeRecord      `json:"first,omitempty"`
		Last    *placeRecord      `json:"last,omitempty"`
	}
	placeRecord struct {
		Time    telemetry.Time    `json:"time"`
		Kind    telemetry.Kind    `json:"kind,omitempty"`
		Bits    uint64            `json:"bits,omitempty"`
		Text    []byte            `json:"text,omitempty"` // not always UTF-8
		Quality telemetry.Quality `json:"quality,omitempty"`
		Reader  uint8             `json:"reader,omitempty"`
		Pos     uint64            `json:"pos"`
		Unset   bool              `json:"unset,omitempty"`
		Stale   bool              `json:"stale,omitempty"`
	}
)

// Save adds to puts what has changed since the last call, for one journal.State.Update. undo takes that back if the update fails.
func (c *Catalogue) Save(puts map[string][]byte) (undo func(), err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var written []*catalogueNode
	mark := func(dirty bool) {
		for _, n := range written {
			n.dirty = dirty
		}
	}
	for name, n := range c.nodes {
		if !n.dirty {
			continue
		}
		b, err := n.marshal()
		if err != nil {
			return nil, fmt.Errorf("write series of node %s: %w", name, err)
		}
		puts[keySeries+name] = b
		written = append(written, n)
	}
	covered, err := json.Marshal(c.covered)
	if err != nil {
		return nil, fmt.Errorf("write extent of the catalogue: %w", err)
	}
	puts[keyCovered] = covered
	mark(false)
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		mark(true)
	}, nil
}

// Load replaces the catalogue by what Save wrote. On an error the catalogue is empty, and Rebuild of its Readers fills it from the journals.
func (c *Catalogue) Load(st *journal.State) error {
	fresh := NewCatalogue()
	err := st.Each(keySeries, func(key string, v []byte) error {
		node := strings.TrimPrefix(key, keySeries)
		n := &catalogueNode{series: map[deviceMetric]*catalogued{}}
		if err := n.unmarshal(v); err != nil {
			return fmt.Errorf("read series of node %s: %w", node, err)
		}
		fresh.nodes[node] = n
		return nil
	})
	if err == nil {
		var b []byte
		if b, err = st.Get(keyCovered); err == nil && b != nil {
			err = json.Unmarshal(b, &fresh.covered)
		}
	}
	if err != nil {
		fresh = NewCatalogue()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.nodes, c.covered = fresh.nodes, fresh.covered
	return err
}

// Reset forgets all of reader's points, so that its Rebuild reads the whole journal.
func (c *Catalogue) Reset(reader uint8) {
	c.mu.Lock()
	delete(c.covered, reader)
	c.mu.Unlock()
	c.Forget(reader, 1<<64-1)
}

func (n *catalogueNode) marshal() ([]byte, error) {
	if len(n.series) == 0 {
		return nil, nil // deletes the key
	}
	out := make([]seriesRecord, 0, len(n.series))
	for key, e := range n.series {
		out = append(out, seriesRecord{
			key.device, key.metric, e.table, e.unit, e.kind, e.labels, e.derived, e.round, e.first.record(), e.last.record(),
		})
	}
	return json.Marshal(out)
}

func (n *catalogueNode) unmarshal(b []byte) error {
	var in []seriesRecord
	if err := json.Unmarshal(b, &in); err != nil {
		return err
	}
	for _, r := range in {
		n.series[deviceMetric{r.Device, r.Metric}] = &catalogued{
			table: r.Table, unit: r.Unit, kind: r.Kind, labels: r.Labels, derived: r.Derived, round: r.Round,
			first: r.First.place(), last: r.Last.place(),
		}
	}
	return nil
}

func (p *place) record() *placeRecord {
	if !p.ok {
		return nil
	}
	return &placeRecord{
		p.Time, p.Value.Kind(), p.Value.Bits(), []byte(p.Value.Text()), p.Quality, p.reader, p.pos, p.unset, p.stale,
	}
}

func (r *placeRecord) place() place {
	if r == nil {
		return place{}
	}
	v := telemetry.ValueOfBits(r.Kind, r.Bits)
	if r.Kind == telemetry.KindText {
		v = telemetry.Text(string(r.Text))
	}
	return place{
		Point:  api.Point{Time: r.Time, Value: v, Quality: r.Quality},
		reader: r.Reader, pos: r.Pos, unset: r.Unset, stale: r.Stale, ok: true,
	}
}
