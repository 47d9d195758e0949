package forwarder_test

import (
	"errors"
	"fmt"
	"slices"
	"sort"
	"sync"
	"testing"
	"time"

	"fieldpost/forwarder"
	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
	"fieldpost/telemetry/ranges"
	"fieldpost/telemetry/wire"
)

const node = "pi-7"

// laneOf names a lane of an epoch in these tests.
type laneOf struct {
	epoch telemetry.Epoch
	lane  telemetry.Lane
}

// contentOf is the one content of an identity.
func contentOf(k laneOf, seq uint64) int64 {
	x := uint64(k.epoch)*0x9e3779b97f4a7c15 + uint64(k.lane)*0xff51afd7ed558ccd + seq
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return int64(x ^ x>>31)
}

// seriesTable is the table of all frames in these tests.
var seriesTable, seriesHash = func() ([]byte, uint64) {
	t := frame.Table{Devices: []frame.Device{{Name: "boiler", Metrics: []frame.Metric{{Name: "count", Kind: telemetry.KindInt}}}}}
	b, err := t.Encode()
	if err != nil {
		panic(err)
	}
	return b, frame.Hash(b)
}()

// box is an Outbox in memory with real frames.
type box struct {
	t *testing.T

	mu      sync.Mutex
	epochs  []wire.Epoch
	frames  map[telemetry.Lane][]forwarder.Stored
	changed chan struct{}
	acked   map[laneOf]ranges.Set
	onAcked func(generation uint64, all map[laneOf]ranges.Set)

	generation uint64                   // that said so
	broken     map[telemetry.Lane]error // Frames fails
	noTable    bool
	reads      int
}

func newBox(t *testing.T) *box {
	b := &box{t: t, frames: make(map[telemetry.Lane][]forwarder.Stored), changed: make(chan struct{}), acked: make(map[laneOf]ranges.Set), broken: make(map[telemetry.Lane]error)}
	b.open(0xe1)
	return b
}

// open begins an epoch, as a journal that is opened does.
func (b *box) open(e telemetry.Epoch) {
	b.mu.Lock()
	defer b.mu.Unlock()
	next := wire.Epoch{Epoch: e}
	for _, l := range telemetry.Lanes() {
		s := wire.Lane{Lane: l, First: 1, Next: 1}
		if n := len(b.epochs); n > 0 {
			next.Parent = b.epochs[n-1].Epoch
			s.First = b.epochs[n-1].Lanes[l].Next
			s.Next = s.First
		}
		next.Lanes = append(next.Lanes, s)
	}
	b.epochs = append(b.epochs, next)
	b.tell()
}

func (b *box) tell() {
	close(b.changed)
	b.changed = make(chan struct{})
}

func (b *box) current() *wire.Epoch { return &b.epochs[len(b.epochs)-1] }

// add commits one frame of count records.
func (b *box) add(l telemetry.Lane, count int) ranges.Range {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.current()
	s := &e.Lanes[l]
	h := frame.Header{Node: node, Epoch: e.Epoch, Lane: l, First: s.Next, Boot: telemetry.Boot{Ordinal: 1, ID: 1}, Clock: telemetry.ClockSync, Table: seriesHash}
	var recs []frame.Record
	for i := range count {
		seq := s.Next + uint64(i)
		recs = append(recs, frame.Record{Time: telemetry.Time(seq) * 1e9, Value: telemetry.Int(contentOf(laneOf{e.Epoch, l}, seq))})
	}
	data, err := frame.Encode(nil, h, recs)
	if err != nil {
		b.t.Fatal(err)
	}
	if h, err = frame.ParseHeader(data); err != nil {
		b.t.Fatal(err)
	}
	b.frames[l] = append(b.frames[l], forwarder.Stored{Header: h, Data: data})
	span := ranges.Of(s.Next, uint64(count))
	kept := s.Kept.Clone()
	kept.Add(span)
	s.Kept, s.Next = kept, span.To+1
	b.tell()
	return span
}

// drop gives up the oldest frame of a lane for want of room and returns what it held.
func (b *box) drop(l telemetry.Lane) (laneOf, ranges.Range) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.frames[l]) == 0 {
		return laneOf{}, ranges.Range{}
	}
	h := b.frames[l][0].Header
	b.frames[l] = b.frames[l][1:]
	span := ranges.Range{From: h.First, To: h.Last()}
	for i := range b.epochs {
		if b.epochs[i].Epoch == h.Epoch {
			s := &b.epochs[i].Lanes[l]
			kept := s.Kept.Clone()
			kept.Remove(span)
			s.Kept = kept
			s.Lost = append(slices.Clone(s.Lost), wire.Loss{Range: span, Reason: wire.Full, Time: telemetry.TimeOf(time.Now())})
		}
	}
	b.tell()
	return laneOf{h.Epoch, l}, span
}

// hold keeps a range from being sent.
func (b *box) hold(l telemetry.Lane, r ranges.Range) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := &b.current().Lanes[l]
	held := s.Held.Clone()
	held.Add(r)
	s.Held = held
	b.tell()
}

func (b *box) Hello() wire.Hello {
	b.mu.Lock()
	defer b.mu.Unlock()
	var h wire.Hello
	for _, e := range b.epochs {
		e.Lanes = slices.Clone(e.Lanes)
		h.Epochs = append(h.Epochs, e)
	}
	return h
}

var errDisk = errors.New("disk says no")

func (b *box) Frames(l telemetry.Lane, seq uint64, maxBytes int) ([]forwarder.Stored, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reads++
	if err := b.broken[l]; err != nil {
		return nil, err
	}
	var out []forwarder.Stored
	size := 0
	from := sort.Search(len(b.frames[l]), func(i int) bool { return b.frames[l][i].Header.Last() >= seq })
	for _, s := range b.frames[l][from:] {
		if size += len(s.Data); size > maxBytes && len(out) > 0 {
			break
		}
		out = append(out, forwarder.Stored{Header: s.Header, Data: slices.Clone(s.Data)})
	}
	return out, nil
}

func (b *box) readCount() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.reads
}

func (b *box) Table(hash uint64) ([]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if hash != seriesHash || b.noTable {
		return nil, fmt.Errorf("table %016x: not there", hash)
	}
	return seriesTable, nil
}

func (b *box) Changed() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.changed
}

func (b *box) Acked(said forwarder.Said) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case said.Generation < b.generation: // the model's go up
		return
	case said.All:
		b.generation = said.Generation
		b.acked = make(map[laneOf]ranges.Set)
	}
	for _, s := range said.Stored {
		k := laneOf{s.Epoch, s.Lane}
		set := b.acked[k]
		set.AddAll(s.Ranges)
		b.acked[k] = set
	}
	if b.onAcked != nil {
		b.onAcked(b.generation, b.acked)
	}
}

// keeps returns what the box has, lane by lane, without archive.
func (b *box) keeps() map[laneOf]ranges.Set {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := make(map[laneOf]ranges.Set)
	for _, e := range b.epochs {
		for _, s := range e.Lanes {
			if s.Lane != telemetry.Archive && !s.Kept.Empty() {
				out[laneOf{e.Epoch, s.Lane}] = s.Kept.Minus(s.Held)
			}
		}
	}
	return out
}

func (b *box) ackedOf(k laneOf) ranges.Set {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.acked[k].Clone()
}
