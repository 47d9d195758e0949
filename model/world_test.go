package model_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"fieldpost/api"
	"fieldpost/edge/lane"
	"fieldpost/forwarder"
	"fieldpost/gateway/ingest"
	"fieldpost/gateway/store"
	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
	"fieldpost/telemetry/ranges"
)

const node = "pi-1"

// at names a record.
type at struct {
	epoch telemetry.Epoch
	lane  telemetry.Lane
	seq   uint64
}

// world is one walk.
type world struct {
	t       *testing.T
	r       *rand.Rand
	dir     string
	copies  int
	broker  bool // between: connections outlive the gateway, messages may come twice
	flaw    flaw
	wrong   []string // what did not hold
	value   int
	units   []*unit
	gateway *gateway
	saved   []string // older copies of the gateway's folder

	mu      sync.Mutex
	content map[at]float64 // of whatever was ever seen, anywhere
}

// flaw is a rule broken on purpose, to see that a walk finds it.
type flaw int

const (
	none           flaw = iota
	acksUncommited      // the gateway takes a commit that failed for one that came to pass
	acksAtReceipt       // whoever is between acknowledges what it has only in hand, as a PUBACK would
)

func (w *world) fault(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.wrong) < 10 {
		w.wrong = append(w.wrong, fmt.Sprintf(format, args...))
	}
}

// is notes what is behind an identity, which must always be the same.
func (w *world) is(who string, id at, value float64) {
	w.mu.Lock()
	before, ok := w.content[id]
	w.content[id] = value
	w.mu.Unlock()
	if ok && before != value {
		w.fault("%s has %v as %v, and it was %v", who, id, value, before)
	}
}

func (w *world) copy(src string) string {
	w.copies++
	dst := filepath.Join(w.dir, fmt.Sprint("copy-", w.copies))
	err := filepath.WalkDir(src, func(path string, d os.DirEntry, err error) error {
		to := filepath.Join(dst, strings.TrimPrefix(path, src))
		if err != nil || d.IsDir() {
			return errors.Join(err, os.MkdirAll(to, 0o700))
		}
		b, err := os.ReadFile(path)
		if errors.Is(err, os.ErrNotExist) {
			return nil // a temporary file, finished meanwhile
		}
		return errors.Join(err, os.WriteFile(to, b, 0o600))
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return dst
}

// unit is an edge: a card in a machine.
type unit struct {
	w     *world
	name  string
	dir   string
	saved []string // older copies of its card
	book  *lane.Book
	links [2]*link
	stop  func()

	mu         sync.Mutex
	generation uint64 // of the gateway, as the book goes by
	past       map[uint64]bool
}

// clock goes with the made-up time.
type clock struct{ began time.Time }

func (c clock) Read() (telemetry.Time, int64) {
	now := time.Now()
	return telemetry.TimeOf(now.AddDate(30, 0, 0)), int64(now.Sub(c.began)) + 1e9
}
func (c clock) Mono() int64 { _, mono := c.Read(); return mono }

func (clock) Trust() telemetry.ClockState { return telemetry.ClockSync }

// start opens what is in dir and runs it.
func (u *unit) start(dir string) {
	w := u.w
	b, err := lane.Open(lane.Options{
		Dir: dir, Node: node, MaxSize: 64 << 20, CommitEvery: 50 * time.Millisecond, Clock: clock{time.Now()}, BootID: w.r.Uint64(), Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	u.dir, u.book, u.generation, u.past = dir, b, 0, map[uint64]bool{}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = b.Run(ctx) }) // a folder that was taken away is no error of the walk's
	for i := range u.links {
		u.links[i] = &link{w: w, name: fmt.Sprint("link-", i)}
		s := forwarder.New(forwarder.Options{
			Node: node, Link: u.links[i].name, Outbox: outbox{b, u}, Stores: b, Dialer: u.links[i], FreshShare: 50 * i, AlarmLink: []string{"alarm", ""}[i],
			Coding: []forwarder.Coding{forwarder.Full, forwarder.Light}[i], SendEvery: []time.Duration{time.Second, 0}[i],
		})
		running.Go(func() { _ = s.Run(ctx) })
	}
	u.stop = sync.OnceFunc(func() {
		for _, l := range u.links {
			l.down(errors.New("edge gone"), true)
		}
		cancel()
		running.Wait()
		_ = b.Close()
	})
}

// outbox watches what an edge is told.
type outbox struct {
	*lane.Book
	u *unit
}

// Acked is forwarder.Outbox.
func (o outbox) Acked(said forwarder.Said) {
	u := o.u
	u.mu.Lock()
	defer u.mu.Unlock()
	if said.All && !u.past[said.Generation] {
		u.past[u.generation] = true
		u.generation = said.Generation
	}
	o.Book.Acked(said)
}

// produce adds records to a lane.
func (u *unit) produce(l telemetry.Lane, n int) {
	w := u.w
	now, regime := u.book.Clock().Now()
	var err error
	if l == telemetry.Alarm {
		w.value++
		err = u.book.AddEvent(context.Background(), regime, telemetry.Event{Device: "d", Pattern: "p", Time: now, Message: fmt.Sprint(w.value)})
	} else {
		id, derr := u.book.Describe(lane.Description{Device: "d", Metric: "m"})
		if derr != nil {
			w.t.Fatal(derr)
		}
		recs := make([]frame.Record, n)
		for i := range recs {
			w.value++
			recs[i] = frame.Record{Series: uint32(id), Time: now + telemetry.Time(i), Value: telemetry.Float(float64(w.value))}
		}
		err = u.book.Add(context.Background(), l, regime, recs)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// records reads what a card has.
func (u *unit) records() map[at]float64 {
	out := map[at]float64{}
	for _, l := range telemetry.Lanes() {
		for seq := uint64(0); ; {
			frames, err := u.book.Frames(l, seq, 1<<20)
			if err != nil {
				u.w.t.Fatal(err)
			}
			if len(frames) == 0 {
				break
			}
			for _, f := range frames {
				for i, v := range values(u.w.t, f.Data) {
					out[at{f.Header.Epoch, l, f.Header.First + uint64(i)}] = v
				}
				seq = f.Header.Last() + 1
			}
		}
	}
	return out
}

// values returns what tells a frame's records from all others.
func values(t *testing.T, data []byte) (out []float64) {
	h, err := frame.ParseHeader(data)
	if err != nil {
		t.Fatal(err)
	}
	if h.Content == frame.Events {
		_, events, err := frame.DecodeEvents(data)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			var v float64
			if _, err := fmt.Sscan(e.Message, &v); err != nil {
				v = -1 // the node's own
			}
			out = append(out, v)
		}
		return out
	}
	_, recs, err := frame.Decode(data, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range recs {
		out = append(out, r.Value.Float())
	}
	return out
}

// gateway is a gateway's process on its disk.
type gateway struct {
	w     *world
	dir   string
	store *store.Store
	in    *ingest.Ingest
	stop  func()
	fail  failure
}

// failure is what the next commit does.
type failure int

const (
	well failure = iota
	before
	after
)

func (w *world) startGateway(dir string) {
	s, err := store.Open(dir, store.RetentionSettings{}, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	g := &gateway{w: w, dir: dir, store: s}
	g.in = ingest.New(failing{s, g}, nil)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	chains := filepath.Join(dir, "chains")
	g.in.LoadChains(chains)
	running.Go(func() { _ = g.in.Run(ctx) })
	running.Go(func() { g.in.KeepChains(ctx, chains) })
	g.stop = sync.OnceFunc(func() {
		cancel()
		running.Wait()
		if err := s.Close(); err != nil {
			w.t.Error(err)
		}
	})
	w.mu.Lock()
	w.gateway = g
	w.mu.Unlock()
}

// failing is a store whose commits fail on demand.
type failing struct {
	*store.Store
	g *gateway
}

var errCommit = errors.New("the disk said no")

// Append is ingest.Store.
func (f failing) Append(frames []store.Frame) error {
	f.g.w.mu.Lock()
	fail := f.g.fail
	f.g.fail = well
	f.g.w.mu.Unlock()
	switch fail {
	case before:
		if f.g.w.flaw == acksUncommited {
			return nil
		}
		return errCommit
	case after:
		return errors.Join(f.Store.Append(frames), errCommit)
	}
	return f.Store.Append(frames)
}

// Received is ingest.Store.
func (f failing) Received(n string, e telemetry.Epoch, l telemetry.Lane, r ranges.Range) ranges.Set {
	if f.g.w.flaw == acksUncommited {
		return ranges.Make(r)
	}
	return f.Store.Received(n, e, l, r)
}

// records reads what the gateway has.
func (g *gateway) records() map[at]float64 {
	out := map[at]float64{}
	add := func(id at, v float64) {
		if _, twice := out[id]; twice {
			g.w.fault("the gateway has %v twice", id)
		}
		out[id] = v
	}
	const first, last = telemetry.Time(-1 << 63), telemetry.Time(1<<63 - 1)
	for r, err := range g.store.Readings(context.Background(), api.Query{Filter: api.Filter{Node: node}, From: first, To: last}) {
		if err != nil {
			g.w.t.Fatal(err)
		}
		add(at{r.Epoch, r.Lane, r.Seq}, r.Value.Float())
	}
	for e, err := range g.store.Events(context.Background(), api.EventQuery{Node: node, From: first, To: last}) {
		if err != nil {
			g.w.t.Fatal(err)
		}
		var v float64
		if _, err := fmt.Sscan(e.Message, &v); err != nil {
			v = -1
		}
		add(at{e.Epoch, e.Lane, e.Seq}, v)
	}
	return out
}

// check sees whether all that must hold holds now.
func (w *world) check() {
	synctest.Wait()
	has := w.gateway.records()
	seen := map[float64]at{}
	for id, v := range has {
		w.is("the gateway", id, v)
		if other, twice := seen[v]; twice && v > 0 {
			w.fault("%v is at the gateway as %v and as %v", v, other, id)
		}
		seen[v] = id
	}
	for _, u := range w.units {
		kept := u.records()
		for id, v := range kept {
			w.is(u.name, id, v)
		}
		u.mu.Lock()
		generation := u.generation
		u.mu.Unlock()
		if generation != w.gateway.store.Generation() {
			continue // it has not met this one yet
		}
		for _, s := range u.book.Stored(w.gateway.store.ID()) {
			for r := range s.Ranges.All() {
				for seq := r.From; seq <= r.To; seq++ {
					id := at{s.Epoch, s.Lane, seq}
					if _, mine := kept[id]; !mine {
						continue
					}
					if v, ok := has[id]; !ok || v != kept[id] {
						w.fault("%s believes that the gateway has %v", u.name, id)
					}
				}
			}
		}
	}
}

// lacking returns what the gateway has not of what a unit keeps and would send.
func (w *world) lacking(u *unit) (out []at) {
	has := w.gateway.records()
	for id := range u.records() {
		if _, ok := has[id]; !ok && id.lane != telemetry.Archive {
			out = append(out, id)
		}
	}
	slices.SortFunc(out, func(a, b at) int { return int(a.seq) - int(b.seq) })
	return out
}
