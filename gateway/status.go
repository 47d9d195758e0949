package gateway

import (
	"context"
	"time"

	"fieldpost/gateway/source"
	"fieldpost/telemetry"
)

// Status is what a running gateway says of itself: the control socket's answer, which `fieldpost-gateway status` prints.
type Status struct {
	Software string         `json:"software"`
	Since    time.Time      `json:"since"`
	Store    StoreStatus    `json:"store"`
	Ingest   IngestStatus   `json:"ingest"`
	Sources  []SourceStatus `json:"sources"`
	Nodes    []NodeStatus   `json:"nodes"`
}

// StoreStatus is the store.
type StoreStatus struct {
	Dir         string   `json:"dir"`
	ID          string   `json:"id"`
	Size        int64    `json:"size"`      // bytes of the journal
	Blocks      int64    `json:"blocks"`    // bytes of what is kept by series
	Unblocked   uint64   `json:"unblocked"` // records that are to be, and are not yet
	Records     uint64   `json:"records"`
	Commits     uint64   `json:"commits"` // since the start
	Quarantined uint64   `json:"quarantined"`
	Dropped     uint64   `json:"dropped"` // records, by retention
	Err         string   `json:"err,omitempty"`
	RolledBack  []string `json:"rolled_back"` // node/epoch of which there is more than the next epoch knew
}

// IngestStatus counts what came since the start.
type IngestStatus struct {
	Frames  uint64            `json:"frames"`
	Dense   uint64            `json:"dense"` // of them
	Bytes   uint64            `json:"bytes"`
	Records uint64            `json:"records"`
	Repeats uint64            `json:"repeats"`
	Failed  uint64            `json:"failed_commits"`
	Slowest float64           `json:"slowest_commit"` // seconds
	Refused map[string]uint64 `json:"refused"`
}

// SourceStatus is one source.
type SourceStatus struct {
	Name        string                   `json:"name"`
	Kind        string                   `json:"kind"`
	Address     string                   `json:"address"`
	Up          bool                     `json:"up"`
	Connections int                      `json:"connections"`
	Nodes       int                      `json:"nodes"`
	Received    uint64                   `json:"received"`
	Refused     map[source.Reason]uint64 `json:"refused,omitempty"`
	Err         string                   `json:"err,omitempty"`
}

// NodeStatus is one node, all its epochs and lanes together.
type NodeStatus struct {
	Node     string         `json:"node"`
	Online   bool           `json:"online"`
	LastSeen telemetry.Time `json:"last_seen"`
	Stored   uint64         `json:"stored"`
	Missing  uint64         `json:"missing"`
	Held     uint64         `json:"held"`
	Lost     uint64         `json:"lost"`
}

// Status returns what the gateway says of itself now.
func (g *Gateway) Status(ctx context.Context) (Status, error) {
	st, in := g.store.Status(), g.ingest.Status()
	s := Status{
		Software: g.config.Software, Since: g.started,
		Store: StoreStatus{
			Dir: g.config.Data, ID: st.ID.String(), Size: st.Size, Blocks: st.BlockSize, Unblocked: st.Unblocked, Records: st.Records, Commits: st.Commits,
			Quarantined: st.Quarantined, Dropped: st.Dropped, Err: st.Err, RolledBack: []string{},
		},
		Ingest: IngestStatus{
			Frames: in.Frames, Dense: in.Dense, Bytes: in.Bytes, Records: in.Records, Repeats: in.Repeats, Failed: in.Failed,
			Slowest: in.Slowest.Seconds(), Refused: map[string]uint64{},
		},
	}
	for _, r := range st.RolledBack {
		s.Store.RolledBack = append(s.Store.RolledBack, r.Node+"/"+r.Epoch.String())
	}
	for reason, n := range in.Refusals {
		s.Ingest.Refused[reason.String()] = n
	}
	for _, src := range g.config.Sources {
		x := src.Status()
		s.Sources = append(s.Sources, SourceStatus{
			Name: x.Name, Kind: x.Kind, Address: x.Address, Up: x.Up, Connections: x.Connections, Nodes: x.Nodes,
			Received: x.Received, Refused: x.Refused, Err: x.Err,
		})
	}
	nodes, err := g.store.Nodes(ctx)
	if err != nil {
		return s, err
	}
	for _, n := range nodes {
		x := NodeStatus{Node: n.Node, Online: n.Online, LastSeen: n.LastSeen}
		for _, l := range n.Lanes {
			x.Stored += l.Stored
			x.Missing += l.Missing.Len()
			x.Held += l.Held.Len()
			for _, loss := range l.Lost {
				x.Lost += loss.Len()
			}
		}
		s.Nodes = append(s.Nodes, x)
	}
	return s, nil
}
