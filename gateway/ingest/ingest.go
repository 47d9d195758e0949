package ingest

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"fieldpost/gateway/source"
	"fieldpost/gateway/store"
	"fieldpost/history/recent"
	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
	"fieldpost/telemetry/frame/dense"
	"fieldpost/telemetry/ranges"
	"fieldpost/telemetry/wire"
)

// Store is what ingest needs of a store.Store, whose comments are the contract.
type Store interface {
	ID() wire.StoreID
	Generation() uint64
	Hello(node string, h *wire.Hello) ([]wire.Stored, error)
	Presence(node, link string, nonce uint64, online bool)
	Admits(node string, epoch telemetry.Epoch) bool
	Lacks(node string, epoch telemetry.Epoch, lane telemetry.Lane, r ranges.Range) ranges.Set
	Received(node string, epoch telemetry.Epoch, lane telemetry.Lane, r ranges.Range) ranges.Set
	Append(frames []store.Frame) error
	Quarantine(h frame.Header, data []byte) error
	Reopen() error
	Setbacks() <-chan struct{}
}

var _ Store = (*store.Store)(nil)

// Ingest is the source.Receiver of a gateway. Safe for concurrent use.
type Ingest struct {
	store    Store
	log      *slog.Logger
	budget   *budget
	tables   *recent.Cache[uint64, *table]
	suspects *suspects
	chains   *chains
	counters counters
	queue    chan *item
	stopped  chan struct{}

	mu       sync.Mutex
	sessions map[source.Conn]*session
}

var _ source.Receiver = (*Ingest)(nil)

// queueLength bounds the frames in flight, beside their bytes: small frames cost more than their bytes.
const queueLength = 4096

// New returns an Ingest into st. Nothing is committed before Run.
func New(st Store, log *slog.Logger) *Ingest {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Ingest{
		store: st, log: log, budget: newBudget(), tables: newTables(), suspects: newSuspects(), chains: newChains(ChainBytes),
		queue: make(chan *item, queueLength), stopped: make(chan struct{}), sessions: map[source.Conn]*session{},
	}
}

// AllowDense bounds the memory that the coder states of links with dense frames may take; 0: frames are to be plain. It is called before anything else.
func (in *Ingest) AllowDense(bytes int) { in.chains = newChains(bytes) }

// Connected is source.Receiver.
func (in *Ingest) Connected(c source.Conn) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.sessions[c] = &session{conn: c, peer: c.Peer()}
}

// Gone is source.Receiver.
func (in *Ingest) Gone(c source.Conn) {
	in.mu.Lock()
	s := in.sessions[c]
	delete(in.sessions, c)
	in.mu.Unlock()
	if s != nil && s.greeted {
		in.store.Presence(s.peer.Node, s.link, s.nonce, false)
	}
}

// Presence is source.Receiver.
func (in *Ingest) Presence(node string, state wire.LinkState) {
	in.store.Presence(node, state.Link, state.Nonce, state.Online)
}

// Receive is source.Receiver.
func (in *Ingest) Receive(c source.Conn, payload []byte) error {
	in.mu.Lock()
	s := in.sessions[c]
	in.mu.Unlock()
	if s == nil {
		return source.ErrGone
	}
	if err := in.receive(s, payload); err != nil {
		in.counters.offences.Add(1)
		return err
	}
	return nil
}

func (in *Ingest) receive(s *session, payload []byte) error {
	m, err := wire.Parse(payload)
	if err != nil {
		return err
	}
	switch m := m.(type) {
	case *wire.Hello:
		return in.hello(s, m)
	case *wire.Table:
		return in.table(s, m.Data)
	case *wire.Frame:
		return in.frame(s, m)
	case *wire.Unknown:
		in.counters.unknown.Add(1)
		return nil
	}
	return fmt.Errorf("%w: a node does not send %T", wire.ErrMalformed, m)
}

// hello answers a node's hello.
func (in *Ingest) hello(s *session, h *wire.Hello) error {
	in.counters.hellos.Add(1)
	// Drawn before the ranges are read: if the store is reopened in between, the node finds the ack of another generation and asks again.
	generation := in.store.Generation()
	stored, err := in.store.Hello(s.peer.Node, h)
	if err != nil {
		return err
	}
	if id := in.store.ID(); h.Store != (wire.StoreID{}) && h.Store != id && !s.greeted {
		in.log.Warn("node has met another store on this link, and waits until its config admits this one",
			"node", s.peer.Node, "link", h.Link, "store", id.String(), "met", h.Store.String())
	}
	s.greeted, s.nonce, s.link = true, h.Nonce, h.Link
	s.prompt.Store(true)
	var bases []uint64
	if h.Bases != nil {
		epoch, next, boot := h.Newest()
		s.known = dense.Known{Node: s.peer.Node, Epoch: epoch, Lane: telemetry.Live, Boot: boot.Boot, Clock: boot.Clock, Offset: boot.Offset, Next: next}
		bases, s.dense = in.chains.begin(s.chain(), s.nonce, h.Bases)
	}
	codings := uint32(1) << frame.Plain
	if s.dense {
		codings |= 1 << frame.Dense
	}
	in.send(s, &wire.Welcome{
		Nonce:      h.Nonce,
		Store:      in.store.ID(),
		Generation: generation,
		Credit:     in.credit(),
		Direct:     s.peer.Direct,
		Patient:    s.peer.Direct,
		MaxFrame:   frame.MaxSize,
		Codings:    codings,
		Time:       telemetry.TimeOf(time.Now()),
		Clock:      telemetry.ClockLocal,
		Stored:     stored,
		Bases:      bases,
	})
	s.welcomed.Store(generation)
	return nil
}

// credit is how many bytes a node may have in flight: what all nodes together may, divided by those that are here.
func (in *Ingest) credit() uint64 {
	in.mu.Lock()
	defer in.mu.Unlock()
	return uint64(min(max(totalBytes/max(len(in.sessions), 1), minCredit), nodeBytes))
}

// table takes a series table.
func (in *Ingest) table(s *session, encoded []byte) error {
	in.counters.tables.Add(1)
	t := in.tables.Get(frame.Hash(encoded))
	if t == nil {
		var err error
		if t, err = parseTable(encoded); err != nil {
			return err
		}
		in.tables.Put(t.Hash, t)
	}
	s.addTable(t)
	s.known.Table = t.Hash
	return nil
}

// send queues m on s. What a connection does not take is lost with it; the node's next hello makes up for it.
func (in *Ingest) send(s *session, m wire.Message) {
	err := s.conn.Send(wire.Append(nil, m))
	if err == nil || errors.Is(err, source.ErrGone) {
		return
	}
	in.counters.acksStuck.Add(1)
	if !errors.Is(err, source.ErrBehind) {
		in.log.Warn("answer not sent", "node", s.peer.Node, "link", s.peer.Link, "err", err)
	}
}

// refuse gives a frame's window slot back.
func (in *Ingest) refuse(s *session, h frame.Header, r wire.Refusal) {
	if int(r.Reason) < reasons {
		in.counters.refusals[r.Reason].Add(1)
	}
	r.Generation, r.Epoch, r.Lane, r.First, r.Count = in.store.Generation(), h.Epoch, h.Lane, h.First, h.Count
	in.send(s, &r)
}
