package forwarder_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"fieldpost/forwarder"
	"fieldpost/forwarder/foreign"
	"fieldpost/telemetry"
	"fieldpost/telemetry/ranges"
	"fieldpost/telemetry/wire"
)

// plant is a model of a broker that confirms what it takes, late, and may lose a connection with what was under way, before it took it or after.
type plant struct {
	t  *testing.T
	mu sync.Mutex

	got    map[laneOf]map[uint64]int64 // what subscribers saw
	times  int                         // messages that came
	claims map[laneOf]ranges.Set       // confirmed
	conns  []*plantConn
	refuse bool
	mute   bool // takes all, and confirms nothing
	order  []string
}

func newPlant(t *testing.T) *plant {
	return &plant{t: t, got: make(map[laneOf]map[uint64]int64), claims: make(map[laneOf]ranges.Set)}
}

func (p *plant) Counters() forwarder.Counters { return forwarder.Counters{} }

func (p *plant) DialBroker(context.Context, forwarder.Info) (forwarder.BrokerConn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.refuse {
		return nil, errors.New("connection refused")
	}
	c := &plantConn{p: p, puback: make(chan uint64), done: make(chan struct{}), in: make(chan func(), 4096)}
	p.conns = append(p.conns, c)
	go c.carry()
	return c, nil
}

func (p *plant) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		c.end()
	}
	p.conns = nil
}

func (p *plant) set(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
}

type plantConn struct {
	p      *plant
	puback chan uint64
	done   chan struct{}
	once   sync.Once
	in     chan func()
}

func (c *plantConn) end()                     { c.once.Do(func() { close(c.done) }) }
func (c *plantConn) Done() <-chan struct{}    { return c.done }
func (c *plantConn) Err() error               { return errors.New("cut") }
func (c *plantConn) Close() error             { c.end(); return nil }
func (c *plantConn) Confirmed() <-chan uint64 { return c.puback }

func (c *plantConn) carry() {
	for {
		select {
		case f := <-c.in:
			select {
			case <-time.After(20 * time.Millisecond):
			case <-c.done:
				return
			}
			f()
		case <-c.done:
			return
		}
	}
}

func (c *plantConn) Publish(ctx context.Context, id uint64, topic string, payload []byte) error {
	select {
	case c.in <- func() { c.take(id, topic, payload) }:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-c.done:
		return c.Err()
	}
}

func (c *plantConn) take(id uint64, topic string, payload []byte) {
	var r struct {
		Lane, Epoch string
		Seq         uint64
		Value       int64
	}
	if err := json.Unmarshal(payload, &r); err != nil {
		c.p.t.Errorf("%s: %v in %s", topic, err, payload)
	}
	lane, err := telemetry.ParseLane(r.Lane)
	if err != nil {
		c.p.t.Error(err)
	}
	epoch, err := telemetry.ParseEpoch(r.Epoch)
	if err != nil {
		c.p.t.Error(err)
	}
	k := laneOf{epoch, lane}
	if r.Value != contentOf(k, r.Seq) {
		c.p.t.Errorf("record %v/%v/%d has another one's content", epoch, lane, r.Seq)
	}
	c.p.mu.Lock()
	if c.p.got[k] == nil {
		c.p.got[k] = make(map[uint64]int64)
	}
	c.p.got[k][r.Seq] = r.Value
	c.p.times++
	c.p.order = append(c.p.order, r.Lane)
	mute := c.p.mute
	if !mute {
		set := c.p.claims[k]
		set.Add(ranges.Of(r.Seq, 1))
		c.p.claims[k] = set
	}
	c.p.mu.Unlock()
	if mute {
		return
	}
	select {
	case c.puback <- id:
	case <-c.done:
	}
}

// publishing is a session to a plant, with an outbox that remembers what was confirmed through restarts.
type publishing struct {
	*box
	*plant
	s    *forwarder.Session
	log  *bytes.Buffer
	stop func()
}

// Stored is forwarder.Progress.
func (p *publishing) Stored(wire.StoreID) (out []wire.Stored) {
	p.box.mu.Lock()
	defer p.box.mu.Unlock()
	for k, set := range p.acked {
		out = append(out, wire.Stored{Epoch: k.epoch, Lane: k.lane, Ranges: set.Clone()})
	}
	return out
}

func (p *publishing) start() {
	p.s = forwarder.New(forwarder.Options{
		Node: node, Link: "plant", Outbox: p.box, Broker: p.plant, Progress: p, Log: slog.New(slog.NewTextHandler(p.log, nil)), FreshShare: 50,
		Encoder: foreign.Encoder{Format: foreign.JSON, Topic: "{node}/{device}", Node: node},
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- p.s.Run(ctx) }()
	p.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			p.box.t.Errorf("Run: %v", err)
		}
		p.plant.cut()
		synctest.Wait()
	})
}

func toPlant(t *testing.T, f func(t *testing.T, p *publishing)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := &publishing{box: newBox(t), plant: newPlant(t), log: &bytes.Buffer{}}
		p.box.onAcked = func(_ uint64, all map[laneOf]ranges.Set) {
			p.plant.mu.Lock()
			defer p.plant.mu.Unlock()
			for k, set := range all {
				if lie := set.Minus(p.claims[k]); !lie.Empty() {
					t.Errorf("outbox was told that %v of %v/%v is confirmed, which it is not", lie, k.epoch, k.lane)
				}
			}
		}
		p.start()
		defer func() { p.stop() }()
		f(t, p)
	})
}

// complete checks that subscribers saw all that the box keeps, and that the box knows it.
func (p *publishing) complete() {
	t := p.box.t
	t.Helper()
	for k, kept := range p.keeps() {
		var seen ranges.Set
		p.plant.set(func() {
			for seq := range p.got[k] {
				seen.Add(ranges.Of(seq, 1))
			}
		})
		if missing := kept.Minus(seen); !missing.Empty() {
			t.Errorf("nobody saw %v of %v/%v", missing, k.epoch, k.lane)
		}
		if unknown := kept.Minus(p.ackedOf(k)); !unknown.Empty() {
			t.Errorf("box does not know that %v of %v/%v was confirmed", unknown, k.epoch, k.lane)
		}
	}
	if st := p.s.Status(); st.Waiting != 0 || st.InFlight != 0 {
		t.Errorf("%d records wait and %d bytes are in flight when all is confirmed", st.Waiting, st.InFlight)
	}
}

func TestPublication(t *testing.T) {
	toPlant(t, func(t *testing.T, p *publishing) {
		p.plant.set(func() { p.refuse = true })
		p.plant.cut()
		for i := range 30 {
			p.add([]telemetry.Lane{telemetry.Bulk, telemetry.Live, telemetry.Archive}[i%3], 1+i)
		}
		p.plant.set(func() { p.refuse = false })
		wait(2 * time.Minute)
		p.complete()
		total := 0
		for _, set := range p.keeps() {
			total += int(set.Len())
		}
		if p.times != total {
			t.Errorf("%d messages for %d records", p.times, total)
		}
		if len(p.got[laneOf{0xe1, telemetry.Archive}]) > 0 {
			t.Error("archive was published unasked")
		}
		st := p.s.Status()
		if st.State != forwarder.Up || st.RecordsAcked != uint64(total) {
			t.Errorf("status %+v", st)
		}
		// A restart publishes nothing again.
		p.stop()
		p.start()
		p.add(telemetry.Live, 1)
		wait(time.Minute)
		p.complete()
		if p.times != total+1 {
			t.Errorf("%d messages after a restart, want one more than %d", p.times, total)
		}
	})
}

// What a broker took and did not confirm is published again, in a new connection.
func TestPublicationUnconfirmed(t *testing.T) {
	toPlant(t, func(t *testing.T, p *publishing) {
		p.plant.set(func() { p.mute = true })
		span := p.add(telemetry.Live, 5)
		wait(20 * time.Second)
		if got := p.ackedOf(live(0xe1)); !got.Empty() {
			t.Errorf("%v counts as confirmed", got)
		}
		p.plant.set(func() { p.mute = false })
		wait(2 * time.Minute)
		p.complete()
		if p.times != 2*int(span.Len()) {
			t.Errorf("%d messages", p.times)
		}
	})
}

// A record that cannot be read does not block its lane.
func TestPublicationOfAnUnreadableLane(t *testing.T) {
	toPlant(t, func(t *testing.T, p *publishing) {
		p.box.mu.Lock()
		p.broken[telemetry.Live] = errDisk
		p.box.mu.Unlock()
		p.add(telemetry.Live, 3)
		p.add(telemetry.Bulk, 3)
		wait(30 * time.Second)
		if n := p.ackedOf(laneOf{0xe1, telemetry.Bulk}); n.Len() != 3 {
			t.Errorf("of bulk %v was confirmed", n)
		}
		p.box.mu.Lock()
		p.broken[telemetry.Live] = nil
		p.box.mu.Unlock()
		wait(30 * time.Minute)
		p.complete()
	})
}

// TestPublicationSchedules throws cuts, silence, drops, new epochs and restarts at it: whatever was confirmed was seen, and in the end all that is kept.
func TestPublicationSchedules(t *testing.T) {
	for seed := range *seeds {
		toPlant(t, func(t *testing.T, p *publishing) {
			r := rand.New(rand.NewPCG(uint64(seed), 3))
			for step := range 60 {
				switch n := r.IntN(100); {
				case n < 50:
					p.add(telemetry.Lanes()[r.IntN(4)], 1+r.IntN(40))
				case n < 55:
					p.drop([]telemetry.Lane{telemetry.Live, telemetry.Bulk}[r.IntN(2)])
				case n < 60:
					p.open(telemetry.Epoch(0x1000 + step))
				case n < 75:
					p.plant.cut()
				case n < 82:
					p.plant.set(func() { p.mute = !p.mute })
				case n < 88:
					p.plant.set(func() { p.refuse = !p.refuse })
				case n < 94:
					p.stop()
					p.start()
				}
				wait(time.Duration(r.IntN(1+r.IntN(20_000))) * time.Millisecond)
			}
			p.plant.set(func() { p.mute, p.refuse = false, false })
			wait(5 * time.Minute)
			p.complete()
		})
	}
}
