package forwarder_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"fieldpost/forwarder"
	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
	"fieldpost/telemetry/frame/dense"
	"fieldpost/telemetry/ranges"
	"fieldpost/telemetry/wire"
)

// gateway is a model of a gateway with a link to it: what it has is durable per generation, what it says comes late, and it can be
// made to fail in every way that delivery in ARCHITECTURE.md speaks of. It is a forwarder.Dialer.
type gateway struct {
	t *testing.T

	mu      sync.Mutex
	store   wire.StoreID
	gens    []map[laneOf]ranges.Set // what each generation had on its disk, the last one's still growing
	content map[laneOf]map[uint64]int64
	tables  map[uint64]bool
	conns   []*link
	dials   []time.Time
	names   []string // of the links dialled

	// How it behaves. Change under mu.
	latency   time.Duration // each way
	commit    time.Duration
	rate      int    // bytes per second that the link takes; 0: no limit
	queue     bool   // what it cannot take at once lies in a queue (a modem's, the kernel's), not with the sender
	second    string // name of a second connection that may be there beside the first
	stuck     bool   // the first connection carries nothing, either way; the second does
	maxFrame  uint32
	credit    uint64
	direct    bool
	broker    bool // an outside broker: connections outlive the gateway
	refuse    bool // to be dialled
	deaf      bool // hears nothing
	missed    bool // heard nothing of something
	mute      bool // says nothing
	swallow   bool // says no acks
	lose      int  // percent of messages that vanish, either way
	double    int  // percent that come twice
	disorder  bool // messages overtake each other
	patient   bool // it knows frames whose ack may wait
	dense     bool // it reads dense frames
	blind     bool // it says so, and has the states of none
	chain     dense.Chain
	known     dense.Known
	refusal   func(h frame.Header) *wire.Refusal
	got       []arrival
	hellos    []wire.Hello
	helloTime []time.Time
	resentAll int // records that came though durable already
	waited    int // patient frames that came
	acks      []time.Time
}

// arrival is a frame that came.
type arrival struct {
	at     time.Time
	header frame.Header
	size   int
}

func newGateway(t *testing.T) *gateway {
	return &gateway{
		t: t, store: wire.StoreID{1}, gens: []map[laneOf]ranges.Set{{}}, content: make(map[laneOf]map[uint64]int64), tables: make(map[uint64]bool),
		latency: 20 * time.Millisecond, commit: 10 * time.Millisecond, direct: true, maxFrame: 256 << 10,
	}
}

func generation(i int) uint64 { return uint64(1000 + i) }

func (g *gateway) set(f func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	f()
}

// restart begins a new generation with the given disk, or with what there is.
func (g *gateway) restart(disk map[laneOf]ranges.Set) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if disk == nil {
		disk = g.gens[len(g.gens)-1]
	}
	g.gens = append(g.gens, clone(disk))
	clear(g.tables)
	if !g.broker {
		g.cutLocked(errors.New("gateway restarted"))
	}
}

// backup returns a copy of the disk.
func (g *gateway) backup() map[laneOf]ranges.Set {
	g.mu.Lock()
	defer g.mu.Unlock()
	return clone(g.gens[len(g.gens)-1])
}

func clone(m map[laneOf]ranges.Set) map[laneOf]ranges.Set {
	out := make(map[laneOf]ranges.Set)
	for k, s := range m {
		out[k] = s.Clone()
	}
	return out
}

func (g *gateway) has(k laneOf) ranges.Set {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.gens[len(g.gens)-1][k].Clone()
}

func (g *gateway) cut(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.cutLocked(err)
}

func (g *gateway) cutLocked(err error) {
	for _, c := range g.conns {
		c.end(err)
	}
	g.conns = nil
}

// takeOver ends the connections of one name.
func (g *gateway) takeOver(name string) {
	g.conns = slices.DeleteFunc(g.conns, func(c *link) bool {
		if c.info.Link == name {
			c.end(errors.New("taken over"))
		}
		return c.info.Link == name
	})
}

// claims checks what the outbox was told in all against what the gateway has in the newest generation that the outbox has heard of.
func (g *gateway) claims(gen uint64, all map[laneOf]ranges.Set) {
	g.mu.Lock()
	defer g.mu.Unlock()
	disk := g.gens[gen-generation(0)]
	for k, set := range all {
		if lie := set.Minus(disk[k]); !lie.Empty() {
			g.t.Errorf("outbox was told that %v of %v/%v is stored, which the gateway has not", lie, k.epoch, k.lane)
		}
	}
}

func (g *gateway) Counters() forwarder.Counters { return forwarder.Counters{} }

func (g *gateway) Dial(ctx context.Context, info forwarder.Info) (forwarder.Conn, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.dials = append(g.dials, time.Now())
	g.names = append(g.names, info.Link)
	if g.refuse {
		return nil, errors.New("connection refused")
	}
	if g.second == "" {
		g.cutLocked(errors.New("taken over"))
	} else {
		g.takeOver(info.Link)
	}
	c := &link{g: g, info: info, rx: make(chan []byte), done: make(chan struct{}), up: make(chan dated, 4096), down: make(chan dated, 4096)}
	g.conns = append(g.conns, c)
	go c.carry(c.up, c.handle)
	go c.carry(c.down, c.deliver)
	return c, nil
}

// link is one connection to the model.
type link struct {
	g        *gateway
	info     forwarder.Info
	rx       chan []byte
	done     chan struct{}
	once     sync.Once
	err      error
	up, down chan dated
	busy     time.Time // until when what was sent is in the queue; under g.mu
	closed   bool
	owed     []receipt // what acks are still to tell; under g.mu
	paid     int       // how often that was told, so that who waits for it knows whether it is still the same
	asked    bool      // a hello came, and no patient frame since
}

type dated struct {
	due time.Time
	b   []byte
}

func (c *link) end(err error) { c.once.Do(func() { c.err = err; close(c.done) }) }

func (c *link) Receive() <-chan []byte { return c.rx }
func (c *link) Done() <-chan struct{}  { return c.done }
func (c *link) Err() error             { return c.err }
func (c *link) Close() error {
	c.g.set(func() { c.closed = true })
	c.end(errors.New("closed"))
	return nil
}

func (c *link) Send(ctx context.Context, payload []byte, o forwarder.SendOptions) error {
	c.g.mu.Lock()
	rate, deaf := c.g.rate, c.g.deaf
	var wait time.Duration
	if rate > 0 && !deaf {
		wait = time.Duration(float64(len(payload)) / float64(rate) * float64(time.Second))
	}
	if c.g.queue {
		now := time.Now()
		if c.busy.Before(now) {
			c.busy = now
		}
		c.busy, wait = c.busy.Add(wait), 0
	}
	c.g.mu.Unlock()
	select {
	case <-time.After(wait):
	case <-ctx.Done():
		return ctx.Err()
	case <-c.done:
		return c.err
	}
	c.put(c.up, payload)
	return nil
}

// put hands a message to one direction, which may lose or double it.
func (c *link) put(ch chan dated, b []byte) {
	c.g.mu.Lock()
	lose, double, latency, disorder := c.g.lose, c.g.double, c.g.latency, c.g.disorder
	if ch == c.up && c.g.queue {
		latency += time.Until(c.busy)
	}
	stuck := c.g.stuck && c.info.Link != c.g.second
	c.g.mu.Unlock()
	if stuck || rand.IntN(100) < lose {
		return
	}
	times := 1
	if rand.IntN(100) < double {
		times = 2
	}
	for range times {
		d := latency
		if disorder {
			d = time.Duration(rand.Int64N(int64(4*latency) + 1))
		}
		select {
		case ch <- dated{time.Now().Add(d), slices.Clone(b)}:
		case <-c.done:
		}
	}
}

// carry takes messages to their end when they are due, in the order of that.
func (c *link) carry(ch chan dated, to func([]byte)) {
	var late []dated
	timer := time.NewTimer(time.Hour)
	for {
		wait := time.Hour
		if len(late) > 0 {
			wait = time.Until(late[0].due)
		}
		timer.Reset(wait)
		select {
		case <-c.done:
			return
		case d := <-ch:
			i, _ := slices.BinarySearchFunc(late, d, func(a, b dated) int {
				if a.due.After(b.due) {
					return 1
				}
				return -1 // equal ones keep their order
			})
			late = slices.Insert(late, i, d)
		case <-timer.C:
			if len(late) > 0 {
				b := late[0].b
				late = late[1:]
				to(b)
			}
		}
	}
}

// deliver hands a message to the session.
func (c *link) deliver(b []byte) {
	if _, err := wire.Parse(b); err != nil {
		c.g.t.Errorf("gateway said what cannot be read: %v", err)
	}
	select {
	case c.rx <- b:
	case <-c.done:
	}
}

func (c *link) say(m wire.Message) { c.put(c.down, wire.Append(nil, m)) }

// handle is the gateway hearing a message.
func (c *link) handle(b []byte) {
	g := c.g
	m, err := wire.Parse(b)
	if err != nil {
		g.t.Errorf("node said what cannot be read: %v", err)
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.deaf {
		g.missed = true
		return
	}
	gen := len(g.gens) - 1
	switch m := m.(type) {
	case *wire.Hello:
		g.hellos = append(g.hellos, *m)
		g.helloTime = append(g.helloTime, time.Now())
		if m.Nonce != c.info.Nonce || m.Link != c.info.Link || m.Link != "lte" && m.Link != g.second || m.Codings&1 == 0 {
			g.t.Errorf("hello is %+v", m)
		}
		w := &wire.Welcome{Nonce: m.Nonce, Store: g.store, Generation: generation(gen), Direct: g.direct, MaxFrame: g.maxFrame, Credit: g.credit, Codings: 1, Patient: g.patient && g.direct}
		if g.dense {
			w.Codings |= 2
			if m.Bases != nil {
				g.chain = g.chain.Only(m.Bases)
				w.Bases = g.chain.Names()
				epoch, next, boot := m.Newest()
				g.known = dense.Known{Node: node, Epoch: epoch, Lane: telemetry.Live, Boot: boot.Boot, Clock: boot.Clock, Offset: boot.Offset, Next: next}
			}
		}
		for _, e := range m.Epochs {
			for _, l := range e.Lanes {
				if set := g.gens[gen][laneOf{e.Epoch, l.Lane}]; !set.Empty() {
					w.Stored = append(w.Stored, wire.Stored{Epoch: e.Epoch, Lane: l.Lane, Ranges: set.Clone()})
				}
			}
		}
		c.owed, c.asked = nil, true
		c.paid++
		if !g.mute {
			go c.say(w)
		}
	case *wire.Table:
		g.tables[frame.Hash(m.Data)] = true
		g.known.Table = frame.Hash(m.Data)
	case *wire.Frame:
		if m.Patient {
			g.waited++
			c.asked = false
			if !g.patient {
				g.t.Error("a frame whose ack may wait came to a gateway that knows none")
			}
		}
		g.frame(c, gen, m.Data, m.Patient)
	}
}

func (g *gateway) frame(c *link, gen int, data []byte, patient bool) {
	size := len(data)
	h, recs, err := frame.Decode(data, nil)
	if dense.Is(data) {
		if h, recs, g.chain, err = dense.Decode(data, g.known, g.chain); err != nil || g.blind {
			g.chain = dense.Chain{}
			go c.say(&wire.Refusal{Generation: generation(gen), Reason: wire.Cold, Frame: wire.FrameID(data)})
			return
		}
	}
	if err != nil {
		g.t.Errorf("frame: %v", err)
		return
	}
	if len(g.hellos) == 0 {
		g.t.Error("a frame came before the first hello")
	}
	if !slices.ContainsFunc(g.hellos, func(w wire.Hello) bool {
		return slices.ContainsFunc(w.Epochs, func(e wire.Epoch) bool { return e.Epoch == h.Epoch })
	}) && g.lose == 0 && !g.disorder && !g.missed {
		g.t.Errorf("a frame of epoch %v came before a hello that tells of it", h.Epoch)
	}
	k := laneOf{h.Epoch, h.Lane}
	for i, r := range recs {
		seq := h.First + uint64(i)
		if r.Value.Int() != contentOf(k, seq) {
			g.t.Errorf("record %v/%v/%d has another one's content", h.Epoch, h.Lane, seq)
		}
	}
	g.got = append(g.got, arrival{time.Now(), h, size})
	if g.refusal != nil {
		if r := g.refusal(h); r != nil {
			r.Generation, r.Epoch, r.Lane, r.First, r.Count = generation(gen), h.Epoch, h.Lane, h.First, h.Count
			go c.say(r)
			return
		}
	}
	if !g.tables[h.Table] {
		go c.say(&wire.Refusal{Generation: generation(gen), Epoch: h.Epoch, Lane: h.Lane, First: h.First, Count: h.Count, Reason: wire.Cold, Table: h.Table})
		return
	}
	span := ranges.Range{From: h.First, To: h.Last()}
	g.resentAll += int(ranges.Make(span).Intersect(g.gens[gen][k]).Len())
	go func() {
		time.Sleep(g.commit)
		g.mu.Lock()
		if len(g.gens)-1 != gen {
			g.mu.Unlock()
			return // gone with the process
		}
		set := g.gens[gen][k].Clone()
		set.Add(span)
		g.gens[gen][k] = set
		others := len(c.owed) > 0
		c.owed = append(c.owed, receipt{k, span.From})
		wait, paid := patient && !c.asked, c.paid
		g.mu.Unlock()
		if wait && others {
			return // they are waited for already
		}
		if wait {
			select {
			case <-time.After(wire.AckHold):
			case <-c.done:
				return
			}
			g.mu.Lock()
			before := c.paid != paid
			g.mu.Unlock()
			if before {
				return // another frame's ack took it along
			}
		}
		c.pay(gen)
	}()
}

// receipt is a record that the gateway has and the node is to hear of.
type receipt struct {
	laneOf
	seq uint64
}

// pay says what is owed to the link: in brief where it is one run of what a node that knows better has sent.
func (c *link) pay(gen int) {
	g := c.g
	g.mu.Lock()
	defer g.mu.Unlock()
	owed := c.owed
	c.owed = nil
	c.paid++
	if g.swallow || g.mute || len(g.gens)-1 != gen {
		return
	}
	said := map[laneOf]bool{}
	for _, r := range owed {
		around, ok := g.gens[gen][r.laneOf].Around(r.seq)
		if !ok || said[r.laneOf] {
			continue
		}
		said[r.laneOf] = true
		a := &wire.Ack{Generation: generation(gen), Stored: []wire.Stored{{Epoch: r.epoch, Lane: r.lane, Ranges: ranges.Make(around)}}}
		g.acks = append(g.acks, time.Now())
		if g.waited > 0 && g.direct {
			go c.say(a.Brief())
		} else {
			go c.say(a)
		}
	}
}

// seen is what the gateway has seen so far.
type seen struct {
	hellos    []wire.Hello
	got       []arrival
	dials     []time.Time
	resentAll int
}

func (g *gateway) seen() seen {
	g.mu.Lock()
	defer g.mu.Unlock()
	return seen{slices.Clone(g.hellos), slices.Clone(g.got), slices.Clone(g.dials), g.resentAll}
}

func (g *gateway) String() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return fmt.Sprintf("generation %d, disk %v, %d dials, %d hellos, %d frames", len(g.gens)-1, g.gens[len(g.gens)-1], len(g.dials), len(g.hellos), len(g.got))
}
