package store

import (
	"context"
	"iter"

	"fieldpost/api"
	"fieldpost/journal"
	"fieldpost/telemetry"
	"fieldpost/telemetry/ranges"
	"fieldpost/telemetry/wire"
)

var (
	_ api.Selector        = (*Store)(nil)
	_ api.EventSelector   = (*Store)(nil)
	_ api.FeedSelector    = (*Store)(nil)
	_ api.PortionSelector = (*Store)(nil)
)

// Nodes is api.Selector. Past epochs, of which there can be thousands with nothing to tell, are not listed.
func (s *Store) Nodes(context.Context) ([]api.Node, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.ledger == nil {
		return nil, journal.ErrClosed
	}
	out := make([]api.Node, 0, len(s.ledger.nodes))
	for _, n := range s.ledger.ordered() {
		a := api.Node{Node: n.name, Online: n.online(), LastSeen: n.lastSeen, Labels: n.labels}
		for _, e := range n.ordered() {
			for i := range e.lanes {
				if l := &e.lanes[i]; !l.empty() {
					a.Lanes = append(a.Lanes, l.list(e.id, telemetry.Lane(i), n.before(e, i)))
				}
			}
		}
		out = append(out, a)
	}
	return out, nil
}

// before returns what is stored of a lane of the parent of e: a node may have told that e begins lower than it does, and what is before
// came under the parent. Of a parent that was rolled back the same sequences are other records.
func (n *node) before(e *epoch, which int) ranges.Set {
	if p := n.epochs[e.parent]; p != nil && !p.rolledBack && p.child == e.id {
		return p.lanes[which].stored
	}
	return ranges.Set{}
}

// list returns the lane for the API. Nothing of elsewhere counts as lost without an explanation.
func (l *lane) list(id telemetry.Epoch, which telemetry.Lane, elsewhere ranges.Set) api.Lane {
	out := api.Lane{Lane: which, Epoch: id, Stored: l.stored.Len()}
	out.Highest, _ = l.stored.Max()
	var lost losses
	out.Missing, out.Held, lost = l.account()
	lost.forget(lost.set(wire.Unexplained).Intersect(elsewhere), wire.Corrupt)
	for _, loss := range lost {
		out.Lost = append(out.Lost, api.Loss{Range: loss.Range, Reason: loss.Reason.String(), Time: loss.Time})
	}
	return out
}

// readers returns what answers queries now.
func (s *Store) readers() (*disk, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.disk == nil {
		return nil, journal.ErrClosed
	}
	return s.disk, nil
}

// Series is api.Selector.
func (s *Store) Series(ctx context.Context, f api.Filter) ([]api.Series, error) {
	d, err := s.readers()
	if err != nil {
		return nil, err
	}
	return d.merged.Series(ctx, f)
}

// Readings is api.Selector.
func (s *Store) Readings(ctx context.Context, q api.Query) iter.Seq2[api.Reading, error] {
	d, err := s.readers()
	if err != nil {
		return func(yield func(api.Reading, error) bool) { yield(api.Reading{}, err) }
	}
	return d.merged.Readings(ctx, q)
}

// Portions is api.PortionSelector.
func (s *Store) Portions(ctx context.Context, q api.Query, span func(telemetry.Time) telemetry.Time) iter.Seq2[api.Portion, error] {
	d, err := s.readers()
	if err != nil {
		return func(yield func(api.Portion, error) bool) { yield(api.Portion{}, err) }
	}
	return d.merged.Portions(ctx, q, span)
}

// Events is api.EventSelector.
func (s *Store) Events(ctx context.Context, q api.EventQuery) iter.Seq2[api.Event, error] {
	d, err := s.readers()
	if err != nil {
		return func(yield func(api.Event, error) bool) { yield(api.Event{}, err) }
	}
	return d.merged.Events(ctx, q)
}

// Feed is api.FeedSelector.
func (s *Store) Feed(ctx context.Context, after uint64, limit int) ([]api.Record, uint64, error) {
	d, err := s.readers()
	if err != nil {
		return nil, after, err
	}
	return d.reader.Feed(ctx, after, limit)
}

// Latest is api.FeedSelector.
func (s *Store) Latest() uint64 {
	d, err := s.readers()
	if err != nil {
		return 0
	}
	last, ok := d.journal.Kept().Max()
	if !ok {
		return 0
	}
	return last + 1
}

// Changed is api.FeedSelector.
func (s *Store) Changed() <-chan struct{} {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.changed
}

// Status is what the store says of itself beside its nodes.
type Status struct {
	ID          wire.StoreID
	Generation  uint64
	Err         string // why it takes in no more; "" while it does
	Size        int64  // bytes of the journal on disk
	BlockSize   int64  // bytes of what is kept by series
	Records     uint64 // positions on disk
	Unblocked   uint64 // positions that are to be kept by series, and are not yet
	Next        uint64 // journal position of the next record
	Written     uint64 // bytes of frames since the store was opened
	Commits     uint64 // since the store was opened
	Quarantined uint64 // frames since the process began
	Dropped     uint64 // records dropped by retention since the process began
	RolledBack  []RolledBack
}

// RolledBack names an epoch of which there is more than the next one knew of: the node was put back to an older state, or there are two of it.
type RolledBack struct {
	Node  string
	Epoch telemetry.Epoch
}

// Status may be called at any time.
func (s *Store) Status() Status {
	st := Status{ID: s.id, Quarantined: s.quarantined.Load(), Dropped: s.dropped.Load()}
	if err := s.Health(); err != nil {
		st.Err = err.Error()
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	st.Generation = s.generation
	if d := s.disk; d != nil {
		st.Size = d.journal.Size()
		st.BlockSize, st.Unblocked = d.reader.Blocks()
		st.Records = d.journal.Kept().Len()
		st.Next = d.journal.Next()
		st.Written, st.Commits = d.journal.Written()
	}
	if s.ledger != nil {
		for _, n := range s.ledger.ordered() {
			for _, e := range n.ordered() {
				if e.rolledBack {
					st.RolledBack = append(st.RolledBack, RolledBack{n.name, e.id})
				}
			}
		}
	}
	return st
}
