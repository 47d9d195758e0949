package ingest_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"fieldpost/api"
	"fieldpost/gateway/ingest"
	"fieldpost/gateway/source"
	"fieldpost/gateway/store"
	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
	"fieldpost/telemetry/ranges"
	"fieldpost/telemetry/wire"
)

// conn is a source.Conn that keeps what it was sent.
type conn struct {
	peer source.Peer

	mu       sync.Mutex
	messages []wire.Message
	closed   error
	changed  chan struct{}
}

func (c *conn) Peer() source.Peer { return c.peer }

func (c *conn) Send(payload []byte) error {
	m, err := wire.Parse(payload)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed != nil {
		return source.ErrGone
	}
	c.messages = append(c.messages, m)
	close(c.changed)
	c.changed = make(chan struct{})
	return nil
}

func (c *conn) Close(reason error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed == nil {
		c.closed = reason
		close(c.changed)
		c.changed = make(chan struct{})
	}
}

// next takes the next message, waiting for it.
func (c *conn) next(t *testing.T) wire.Message {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for {
		c.mu.Lock()
		changed := c.changed
		if len(c.messages) > 0 {
			m := c.messages[0]
			c.messages = c.messages[1:]
			c.mu.Unlock()
			return m
		}
		c.mu.Unlock()
		select {
		case <-changed:
		case <-deadline:
			t.Fatal("no message came")
		}
	}
}

// waitClosed waits for the gateway to end the connection.
func (c *conn) waitClosed(t *testing.T) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for {
		c.mu.Lock()
		changed, closed := c.changed, c.closed
		c.mu.Unlock()
		if closed != nil {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			t.Fatal("connection was not ended")
		}
	}
}

func nextAs[M wire.Message](t *testing.T, c *conn) M {
	t.Helper()
	m := c.next(t)
	want, ok := m.(M)
	if !ok {
		t.Fatalf("got %T %+v, want %T", m, m, want)
	}
	return want
}

// gateway is an ingest over a store in a folder.
type gateway struct {
	*ingest.Ingest
	t     *testing.T
	store *store.Store
	stop  func()
}

func start(t *testing.T, dir string) *gateway {
	t.Helper()
	st, err := store.Open(dir, store.RetentionSettings{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return startOver(t, st, st)
}

func startOver(t *testing.T, st *store.Store, seen ingest.Store) *gateway {
	return startWith(t, st, seen, func(*ingest.Ingest) {})
}

func startWith(t *testing.T, st *store.Store, seen ingest.Store, change func(*ingest.Ingest)) *gateway {
	in := ingest.New(seen, nil)
	change(in)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- in.Run(ctx) }()
	g := &gateway{Ingest: in, t: t, store: st}
	g.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(g.stop)
	return g
}

// connect opens a connection of node.
func (g *gateway) connect(node, link string) *conn {
	c := &conn{peer: source.Peer{Node: node, Link: link, Source: "test", Direct: true}, changed: make(chan struct{})}
	g.Connected(c)
	return c
}

func (g *gateway) send(c *conn, m wire.Message) {
	g.t.Helper()
	if err := g.Receive(c, wire.Append(nil, m)); err != nil {
		g.t.Fatal(err)
	}
}

// hello says h and returns the answer.
func (g *gateway) hello(c *conn, h *wire.Hello) *wire.Welcome {
	g.t.Helper()
	g.send(c, h)
	return nextAs[*wire.Welcome](g.t, c)
}

// table is the one that all frames of these tests name: boiler/temperature and boiler/running.
var table = func() []byte {
	b, err := (&frame.Table{
		Labels: map[string]string{"site": "north"},
		Devices: []frame.Device{{Name: "boiler", Metrics: []frame.Metric{
			{Name: "temperature", Unit: "Cel", Kind: telemetry.KindInt},
			{Name: "temperature_mean", Unit: "Cel", Kind: telemetry.KindInt, Derived: true},
		}}},
	}).Encode()
	if err != nil {
		panic(err)
	}
	return b
}()

const second = telemetry.Time(1e9)

// readings returns a frame of the live lane: the value of record n is salt*1000000+n, its time n seconds.
func readings(t testing.TB, node string, epoch telemetry.Epoch, first, count, salt uint64) []byte {
	t.Helper()
	recs := make([]frame.Record, count)
	for i := range recs {
		seq := first + uint64(i)
		recs[i] = frame.Record{Time: telemetry.Time(seq) * second, Value: telemetry.Int(int64(salt*1_000_000 + seq))}
	}
	b, err := frame.Encode(nil, frame.Header{
		Node: node, Epoch: epoch, Lane: telemetry.Live, First: first,
		Boot: telemetry.Boot{Ordinal: 1, ID: 7}, Clock: telemetry.ClockSync, Table: frame.Hash(table),
	}, recs)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// stored reads all that the store has, as epoch/sequence=value, in order of time.
func (g *gateway) stored(node string) []string {
	g.t.Helper()
	var out []string
	q := api.Query{Filter: api.Filter{Node: node}, From: -1 << 63, To: 1<<63 - 1}
	for r, err := range g.store.Readings(context.Background(), q) {
		if err != nil {
			g.t.Fatal(err)
		}
		out = append(out, fmt.Sprintf("%d/%d=%d", r.Epoch, r.Seq, r.Value.Int()))
	}
	return out
}

// want lists records as stored does.
func want(epoch telemetry.Epoch, first, last, salt uint64) []string {
	var out []string
	for seq := first; seq <= last; seq++ {
		out = append(out, fmt.Sprintf("%d/%d=%d", epoch, seq, salt*1_000_000+seq))
	}
	return out
}

func (g *gateway) wantStored(node string, want ...string) {
	g.t.Helper()
	if got := g.stored(node); !slices.Equal(got, want) {
		g.t.Fatalf("stored %v\n  want %v", got, want)
	}
}

// lane returns the live lane of an epoch as the API lists it.
func (g *gateway) lane(node string, epoch telemetry.Epoch) api.Lane {
	g.t.Helper()
	nodes, err := g.store.Nodes(context.Background())
	if err != nil {
		g.t.Fatal(err)
	}
	for _, n := range nodes {
		for _, l := range n.Lanes {
			if n.Node == node && l.Epoch == epoch && l.Lane == telemetry.Live {
				return l
			}
		}
	}
	return api.Lane{}
}

func span(from, to uint64) ranges.Range { return ranges.Range{From: from, To: to} }

func set(rs ...ranges.Range) ranges.Set { return ranges.Make(rs...) }

// sends sends a frame and returns the runs that the ack says are stored.
func (g *gateway) sendFrame(c *conn, data []byte) {
	g.t.Helper()
	g.send(c, &wire.Frame{Data: data})
}

func (g *gateway) wantAck(c *conn, epoch telemetry.Epoch, runs ranges.Set) {
	g.t.Helper()
	ack := nextAs[*wire.Ack](g.t, c)
	if ack.Generation != g.store.Generation() || len(ack.Stored) != 1 || ack.Stored[0].Epoch != epoch || !ack.Stored[0].Ranges.Equal(runs) {
		g.t.Fatalf("ack %+v, want %s of epoch %d", ack, runs, epoch)
	}
}
