package store

import (
	"encoding/json"
	"fmt"
	"strings"

	"fieldpost/telemetry"
	"fieldpost/telemetry/ranges"
	"fieldpost/telemetry/wire"
)

// Keys of the state file. A node's name holds no slash.
const (
	keyCheckpoint = "checkpoint"
	keyNode       = "node/"
	keyBoots      = "boots/"
	keyEpoch      = "epoch/" // epoch/<node>/<epoch>
)

// What the state file holds, as JSON: it is written by the minute, and an operator with a broken gateway can read it.
type (
	checkpointRecord struct {
		Covered uint64         `json:"covered"`
		Kept    []ranges.Range `json:"kept"`
	}
	nodeRecord struct {
		LastSeen telemetry.Time    `json:"last_seen,omitempty"`
		Software string            `json:"software,omitempty"`
		Labels   map[string]string `json:"labels,omitempty"`
		Forgot   bool              `json:"forgot,omitempty"` // past epochs, for good
	}
	bootRecord struct {
		Ordinal uint32               `json:"ordinal"`
		ID      uint64               `json:"id"`
		Clock   telemetry.ClockState `json:"clock"`
		Offset  int64                `json:"offset"`
		Error   int64                `json:"error"`
	}
	epochRecord struct {
		Parent     telemetry.Epoch `json:"parent,omitempty"`
		Child      telemetry.Epoch `json:"child,omitempty"`
		Order      int             `json:"order"`
		RolledBack bool            `json:"rolled_back,omitempty"`
		Past       bool            `json:"past,omitempty"` // over: only what is stored counts
		Lanes      []laneRecord    `json:"lanes"`
	}
	laneRecord struct {
		Lane    telemetry.Lane `json:"lane"`
		Stored  []ranges.Range `json:"stored,omitempty"`
		Dropped []ranges.Range `json:"dropped,omitempty"`
		Lost    []lossRecord   `json:"lost,omitempty"`
		First   *uint64        `json:"first,omitempty"`
		End     *uint64        `json:"end,omitempty"`
		Told    uint64         `json:"told,omitempty"`
		Kept    []ranges.Range `json:"kept,omitempty"`
		Held    []ranges.Range `json:"held,omitempty"`
	}
	lossRecord struct {
		Range  ranges.Range   `json:"range"`
		Reason string         `json:"reason"`
		Time   telemetry.Time `json:"time,omitempty"`
	}
)

func epochKey(node string, id telemetry.Epoch) string { return keyEpoch + node + "/" + id.String() }

func parseEpochKey(key string) (node string, id telemetry.Epoch, err error) {
	node, hex, _ := strings.Cut(strings.TrimPrefix(key, keyEpoch), "/")
	id, err = telemetry.ParseEpoch(hex)
	return node, id, err
}

func (n *node) marshal() ([]byte, error) {
	return json.Marshal(nodeRecord{n.lastSeen, n.software, n.labels, n.forgot})
}

func (n *node) unmarshal(b []byte) error {
	var r nodeRecord
	if err := json.Unmarshal(b, &r); err != nil {
		return fmt.Errorf("read node %s: %w", n.name, err)
	}
	n.lastSeen, n.software, n.labels, n.forgot = r.LastSeen, r.Software, r.Labels, r.Forgot
	return nil
}

func (n *node) marshalBoots() ([]byte, error) {
	out := make([]bootRecord, 0, len(n.boots))
	for _, b := range n.boots {
		out = append(out, bootRecord{b.Ordinal, b.ID, b.Clock, b.Offset, b.Error})
	}
	return json.Marshal(out)
}

func (n *node) unmarshalBoots(b []byte) error {
	var in []bootRecord
	if err := json.Unmarshal(b, &in); err != nil {
		return fmt.Errorf("read boots of node %s: %w", n.name, err)
	}
	for _, r := range in {
		boot := telemetry.Boot{Ordinal: r.Ordinal, ID: r.ID}
		n.boots[boot] = wire.Boot{Boot: boot, Clock: r.Clock, Offset: r.Offset, Error: r.Error}
	}
	return nil
}

func (e *epoch) marshal() ([]byte, error) { return json.Marshal(e.record()) }

func (p past) marshal(id telemetry.Epoch) ([]byte, error) {
	r := p.open(id).record()
	r.Past = true
	return json.Marshal(r)
}

func (e *epoch) record() epochRecord {
	r := epochRecord{Parent: e.parent, Child: e.child, Order: e.order, RolledBack: e.rolledBack}
	for i := range e.lanes {
		l := &e.lanes[i]
		if l.started || l.closed || l.told > 0 || !l.empty() {
			r.Lanes = append(r.Lanes, l.record(telemetry.Lane(i)))
		}
	}
	return r
}

func (l *lane) record(id telemetry.Lane) laneRecord {
	r := laneRecord{
		Lane: id, Stored: l.stored.Ranges(), Dropped: l.dropped.Ranges(),
		Told: l.told, Kept: l.kept.Ranges(), Held: l.held.Ranges(),
	}
	if l.started {
		r.First = &l.first
	}
	if l.closed {
		r.End = &l.end
	}
	for _, loss := range l.lost {
		r.Lost = append(r.Lost, lossRecord{loss.Range, loss.Reason.String(), loss.Time})
	}
	return r
}

// unmarshal reads what marshal wrote, of e or of the past that it became.
func (e *epoch) unmarshal(b []byte) (over bool, err error) {
	var r epochRecord
	if err := json.Unmarshal(b, &r); err != nil {
		return false, fmt.Errorf("read epoch %s: %w", e.id, err)
	}
	e.parent, e.child, e.order, e.rolledBack = r.Parent, r.Child, r.Order, r.RolledBack
	for _, lr := range r.Lanes {
		if !lr.Lane.Valid() {
			return false, fmt.Errorf("read epoch %s: lane %d is none", e.id, lr.Lane)
		}
		e.lanes[lr.Lane] = lr.lane()
	}
	return r.Past, nil
}

func (r *laneRecord) lane() lane {
	l := lane{
		stored: ranges.Make(r.Stored...), dropped: ranges.Make(r.Dropped...),
		told: r.Told, kept: ranges.Make(r.Kept...), held: ranges.Make(r.Held...),
	}
	if r.First != nil {
		l.first, l.started = *r.First, true
	}
	if r.End != nil {
		l.end, l.closed = *r.End, true
	}
	for _, loss := range r.Lost {
		reason, err := wire.ParseReason(loss.Reason)
		if err != nil {
			reason = wire.Unexplained // written by a later version
		}
		l.lost.add(loss.Range, reason, loss.Time)
	}
	return l
}
