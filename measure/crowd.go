package measure

import (
	"context"
	"fmt"
	"sync"
	"time"

	"fieldpost/forwarder"
	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
	"fieldpost/telemetry/ranges"
	"fieldpost/telemetry/wire"
)

const (
	crowdMetrics = 10
	crowdFrame   = 100 // readings: ten seconds of each metric
)

// crowd is many nodes made up in this process: the edge's own forwarder over real connections, with nothing behind it but numbers.
type crowd struct {
	table   []byte
	hash    uint64
	nodes   []*crowdNode
	options forwarder.Options // of all of them
	began   time.Time         // before it lies the hour that comes with a backlog

	mu        sync.Mutex
	latencies []time.Duration // from a frame's commit to its ack, of frames issued while they are counted
	counting  bool
}

// crowdNode is a forwarder.Outbox whose frames are worked out when they are asked for.
type crowdNode struct {
	crowd *crowd
	name  string
	epoch telemetry.Epoch

	mu      sync.Mutex
	issued  uint64               // frames
	at      map[uint64]time.Time // by frame: when it was issued, while it is not acknowledged
	acked   ranges.Set           // sequences
	changed chan struct{}
}

func newCrowd(o NodesOptions) (*crowd, error) {
	device := frame.Device{Name: "plant"}
	for m := range crowdMetrics {
		device.Metrics = append(device.Metrics, frame.Metric{Name: PlantMetric(m), Unit: "Cel", Kind: telemetry.KindFloat})
	}
	encoded, err := (&frame.Table{Devices: []frame.Device{device}}).Encode()
	if err != nil {
		return nil, err
	}
	c := &crowd{table: encoded, hash: frame.Hash(encoded), began: time.Now(), options: forwarder.Options{Coding: o.Coding, SendEvery: o.SendEvery}}
	for i := range o.Nodes {
		c.nodes = append(c.nodes, &crowdNode{
			crowd: c, name: fmt.Sprintf("node-%04d", i), epoch: telemetry.Epoch(1000 + i), at: map[uint64]time.Time{}, changed: make(chan struct{}),
		})
	}
	return c, nil
}

// run keeps the sessions of all nodes going until ctx ends.
func (c *crowd) run(ctx context.Context, dialer forwarder.Dialer) {
	var all sync.WaitGroup
	for _, n := range c.nodes {
		all.Go(func() {
			o := c.options
			o.Node, o.Link, o.Software, o.Outbox, o.Dialer = n.name, "up", "fieldpost-bench", n, dialer
			_ = forwarder.New(o).Run(ctx)
		})
	}
	all.Wait()
}

// issue gives each node a frame each ten seconds, spread over them, until ctx ends.
func (c *crowd) issue(ctx context.Context) {
	const every = 10 * time.Second
	tick := time.NewTicker(every / time.Duration(len(c.nodes)))
	defer tick.Stop()
	began := time.Now()
	for done := 0; ; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		// A tick may stand for several.
		for due := int(float64(time.Since(began)) / float64(every) * float64(len(c.nodes))); done < due; done++ {
			c.nodes[done%len(c.nodes)].add(1)
		}
	}
}

// add issues frames.
func (n *crowdNode) add(frames uint64) {
	n.crowd.mu.Lock()
	counting := n.crowd.counting
	n.crowd.mu.Unlock()
	n.mu.Lock()
	defer n.mu.Unlock()
	if counting && frames == 1 {
		n.at[n.issued] = time.Now()
	}
	n.issued += frames
	close(n.changed)
	n.changed = make(chan struct{})
}

// waiting returns how many records are not acknowledged.
func (n *crowdNode) waiting() uint64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.issued*crowdFrame - n.acked.Len()
}

func (n *crowdNode) acknowledged() uint64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.acked.Len()
}

func (c *crowd) waiting() (records uint64, nodes int) {
	for _, n := range c.nodes {
		if w := n.waiting(); w > 0 {
			records += w
			nodes++
		}
	}
	return records, nodes
}

// count has the latencies of frames issued from now on noted, and returns those noted before.
func (c *crowd) count(on bool) []time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := c.latencies
	c.latencies, c.counting = nil, on
	return out
}

func (n *crowdNode) Hello() wire.Hello {
	n.mu.Lock()
	defer n.mu.Unlock()
	l := wire.Lane{Lane: telemetry.Live, First: 1, Next: 1 + n.issued*crowdFrame}
	if n.issued > 0 {
		l.Kept = ranges.Make(ranges.Of(1, n.issued*crowdFrame))
	}
	return wire.Hello{Epochs: []wire.Epoch{{Epoch: n.epoch, Lanes: []wire.Lane{l}}}}
}

func (n *crowdNode) Frames(lane telemetry.Lane, seq uint64, maxBytes int) ([]forwarder.Stored, error) {
	if lane != telemetry.Live {
		return nil, nil
	}
	n.mu.Lock()
	issued := n.issued
	n.mu.Unlock()
	var out []forwarder.Stored
	size := 0
	for f := (max(seq, 1) - 1) / crowdFrame; f < issued; f++ {
		data, err := n.frame(f)
		if err != nil {
			return out, err
		}
		if size += len(data); size > maxBytes && len(out) > 0 {
			break
		}
		h, err := frame.ParseHeader(data)
		if err != nil {
			return out, err
		}
		out = append(out, forwarder.Stored{Header: h, Data: data})
	}
	return out, nil
}

// frame works out a frame: the same whenever it is asked for.
func (n *crowdNode) frame(f uint64) ([]byte, error) {
	recs := make([]frame.Record, crowdFrame)
	for i := range recs {
		at := n.crowd.began.Add(time.Duration(f)*10*time.Second + time.Duration(i/crowdMetrics)*time.Second)
		wave := (f*crowdFrame + uint64(i)*7 + uint64(n.epoch)*13) % 400
		recs[i] = frame.Record{Series: uint32(i % crowdMetrics), Time: telemetry.TimeOf(at), Value: telemetry.Float(float64(wave) / 10)}
	}
	return frame.Encode(nil, frame.Header{
		Node: n.name, Epoch: n.epoch, Lane: telemetry.Live, First: 1 + f*crowdFrame, Clock: telemetry.ClockSync, Table: n.crowd.hash,
	}, recs)
}

func (n *crowdNode) Table(hash uint64) ([]byte, error) {
	if hash != n.crowd.hash {
		return nil, fmt.Errorf("no table %016x", hash)
	}
	return n.crowd.table, nil
}

func (n *crowdNode) Changed() <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.changed
}

func (n *crowdNode) Acked(said forwarder.Said) {
	now := time.Now()
	var took []time.Duration
	n.mu.Lock()
	if said.All {
		n.acked = ranges.Set{}
	}
	for _, s := range said.Stored {
		if s.Epoch == n.epoch && s.Lane == telemetry.Live {
			n.acked.AddAll(s.Ranges)
		}
	}
	for f, at := range n.at {
		if n.acked.HasAll(ranges.Of(1+f*crowdFrame, crowdFrame)) {
			took = append(took, now.Sub(at))
			delete(n.at, f)
		}
	}
	n.mu.Unlock()
	n.crowd.mu.Lock()
	n.crowd.latencies = append(n.crowd.latencies, took...)
	n.crowd.mu.Unlock()
}
