package lane

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"fieldpost/edge/clock"
	"fieldpost/history"
	"fieldpost/journal"
	"fieldpost/journal/dirlock"
	"fieldpost/journal/durable"
	"fieldpost/journal/front"
	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
	"fieldpost/telemetry/ranges"
	"fieldpost/telemetry/wire"
)

// Options of a Book.
type Options struct {
	Dir         string
	Node        string
	Labels      map[string]string // of the node
	MaxSize     int64             // of alarm, live and bulk together, bytes on disk
	Limits      map[telemetry.Lane]Limit
	StandAlone  bool           // there is no gateway to wait for
	Brokers     []wire.StoreID // of links whose broker's word is enough (forwarder.BrokerStore)
	CommitEvery time.Duration  // of live, bulk and archive
	Clock       clock.Source
	BootID      uint64
	Log         *slog.Logger
	SegmentSize int64 // 0: the journal's default, less where MaxSize is small
}

// Limit is how much a lane may keep, whether or not a gateway has it. The archive is switched off where it has no size.
type Limit struct {
	Size int64         // bytes on disk; 0: what Options.MaxSize leaves it
	Age  time.Duration // by the records' own times; 0: any
}

// Book keeps a node's lanes. Safe for concurrent use. Open, then Run until all that add have stopped, then Close.
type Book struct {
	o       Options
	log     *slog.Logger
	lock    *dirlock.Lock
	state   *journal.State
	front   *front.Front // before all lanes
	clock   *clock.Clock
	floor   *clock.Keeper // of clock
	series  *catalogue
	past    *history.Catalogue // of all lanes
	writers [len(laneFolders)]*writer
	changed broadcast

	background sync.WaitGroup // notes of damage under way

	standing *standing // of housekeeping, then of Close; nil until the lanes are open
	raised   []Raised  // at opening

	// epochMu is held for reading by commits and for writing while a new epoch is drawn.
	epochMu sync.RWMutex

	mu      sync.Mutex
	ledger  ledger
	reach   [len(laneFolders)]reach
	boots   []wire.Boot
	places  map[uint64]place // where a table was seen last
	dirty   bool             // acked ranges changed since they were last saved
	told    uint64           // of the dropped readings, how many an event has told of
	trouble error            // why the disk cannot be written; nil: it can
	opened  time.Time
	crowded chan struct{} // signalled (1) when the lanes have outgrown their room

	leaving sync.Mutex    // held by who drops segments
	freed   atomic.Uint64 // how often something was dropped because the disk was full
}

// place is where a journal holds a table.
type place struct {
	lane telemetry.Lane
	pos  uint64
}

// Open opens or creates the lanes, sets damaged files aside, and draws a new epoch. It fails only where another process
// or another node holds the folder or nothing can be written there.
func Open(o Options) (_ *Book, err error) {
	if err := durable.MkdirAll(o.Dir); err != nil {
		return nil, fmt.Errorf("create the journal folder: %w; choose another journal.dir or give the service user the right to it", err)
	}
	b := &Book{o: o, log: o.Log, opened: time.Now(), series: newCatalogue(o.Labels), past: history.NewCatalogue(), places: map[uint64]place{}, crowded: make(chan struct{}, 1)}
	b.ledger.acked = map[wire.StoreID]*acked{}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.Close())
		}
	}()
	if b.lock, err = dirlock.Take(o.Dir); err != nil {
		return nil, err
	}
	stateFile := filepath.Join(o.Dir, "state.db")
	_, before := os.Stat(stateFile)
	state, damage, err := journal.OpenState(stateFile, o.Node)
	if err != nil {
		return nil, bindingHint(err, o)
	}
	b.state = state
	if damage != nil {
		b.log.Error("state file damaged, set aside; working it out again from the frames", "file", damage.Path, "err", damage.Cause)
	}
	if err := b.load(); err != nil {
		return nil, err
	}
	b.ledger.serve(o.Brokers)
	if err := b.past.Load(b.state); err != nil {
		b.log.Warn("the catalogue of series cannot be read; it is worked out anew from the frames", "err", err)
	}
	if b.floor, err = clock.Keep(filepath.Join(o.Dir, "clock.floor"), o.Log); err != nil {
		return nil, err
	}
	b.clock = clock.New(o.Clock, b.boot(o.BootID), b.floor.Floor(), o.Log)

	if b.front, err = front.Open(o.Dir, o.Node, front.Options{Log: o.Log}); err != nil {
		return nil, bindingHint(err, o)
	}
	var damages [len(laneFolders)][]journal.Damage
	for _, l := range laneFolders {
		w := &writer{lane: l, dir: o.Dir, every: o.CommitEvery, log: o.Log, capacity: b.segmentSize(l), room: make(chan struct{}, 1), wake: make(chan struct{}, 1)}
		if l == telemetry.Alarm {
			w.every = 0
		}
		b.writers[l] = w
		if damages[l], err = w.open(o.Node, b.front, b.onDamage(l), b.historyOptions()); err != nil {
			return nil, bindingHint(err, o)
		}
	}
	if err := b.recoverEpochs(); err != nil {
		return nil, err
	}
	if err := b.explain(&damages); err != nil {
		return nil, err
	}
	if err := b.drawEpoch(); err != nil {
		return nil, err
	}
	if err := b.openRaised(); err != nil {
		return nil, err
	}
	whole := true
	for l, ds := range damages {
		for _, d := range ds {
			b.damaged(telemetry.Lane(l), d)
			whole = false
		}
	}
	if whole {
		b.sound()
	}
	if errors.Is(before, fs.ErrNotExist) && len(b.ledger.epochs) == 1 {
		b.log.Info("new journal created", "node", o.Node, "dir", o.Dir)
	}
	return b, nil
}

func bindingHint(err error, o Options) error {
	if errors.Is(err, journal.ErrBinding) || errors.Is(err, front.ErrBinding) {
		return fmt.Errorf("%w; this node is %q: set `node` back, or give it a journal.dir of its own", err, o.Node)
	}
	return err
}

// segmentSize keeps at least 16 segments in a lane's share, so that making room never costs much at once.
func (b *Book) segmentSize(l telemetry.Lane) int64 {
	const least, most = 64 << 10, 8 << 20
	if b.o.SegmentSize > 0 {
		return b.o.SegmentSize
	}
	whole := b.o.Limits[l].Size
	if l != telemetry.Archive && (whole <= 0 || whole > b.o.MaxSize) {
		whole = b.o.MaxSize
	}
	if whole <= 0 {
		return most
	}
	return min(most, max(least, whole/16))
}

// Clock returns the node's clock.
func (b *Book) Clock() *clock.Clock { return b.clock }

// Archiving reports whether the archive lane is kept.
func (b *Book) Archiving() bool { return b.o.Limits[telemetry.Archive].Size > 0 }

// Describe numbers a series, as new or as known.
func (b *Book) Describe(d Description) (SeriesID, error) { return b.series.id(d) }

// Add queues readings of a lane, all taken under regime. A record's Series is a SeriesID. It waits while the disk is slow, and
// never where the disk fails: then what is oldest in memory goes. It keeps nothing of recs.
func (b *Book) Add(ctx context.Context, l telemetry.Lane, regime *clock.Regime, recs []frame.Record) error {
	return b.writers[l].add(ctx, regime, recs, nil)
}

// AddEvent queues an event on the alarm lane, where it is committed at once.
func (b *Book) AddEvent(ctx context.Context, regime *clock.Regime, e telemetry.Event) error {
	return b.writers[telemetry.Alarm].add(ctx, regime, nil, []telemetry.Event{e})
}

// Run commits what is added until ctx ends, then once more what is left.
func (b *Book) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return b.clock.Run(ctx) })
	g.Go(func() error { return b.housekeeping(ctx) })
	for _, w := range b.writers {
		g.Go(func() error { return b.write(ctx, w) })
	}
	return g.Wait()
}

// write commits one lane's records as they fall due.
func (b *Book) write(ctx context.Context, w *writer) error {
	retry := backoff{min: time.Second, max: time.Minute}
	again := func() error { // in a journal opened anew
		if err := b.mend(w); err != nil {
			return err
		}
		return b.commit(w)
	}
	for {
		wait, ok := w.due()
		if !ok {
			select {
			case <-ctx.Done():
				return nil
			case <-w.wake:
			}
			continue
		}
		if wait > 0 {
			timer := time.NewTimer(wait)
			select {
			case <-ctx.Done(): // the last commit
			case <-w.wake:
				timer.Stop()
				continue
			case <-timer.C:
			}
			timer.Stop()
		}
		freed := b.freed.Load()
		err := b.commit(w)
		if err != nil && ctx.Err() == nil {
			b.fail(w, err)
		}
		// Once at once; a disk that can be opened and not written would have us do nothing else. A journal that failed says so of every append, also
		// when there is room again: so room is made only where it is missing in one that was just opened.
		if err != nil {
			err = again()
		}
		if full(err) {
			b.makeRoomNow(freed)
			err = again()
		}
		if err == nil {
			retry.reset()
			continue
		}
		if ctx.Err() != nil { // there is no later chance
			return fmt.Errorf("last commit of the %s lane: %w", w.lane, err)
		}
		timer := time.NewTimer(retry.next())
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
}

// commit makes frames of all that waits in a lane and appends them as one commit.
func (b *Book) commit(w *writer) error {
	b.epochMu.RLock()
	j, _ := w.snapshot()
	if j == nil || w.unmended {
		b.epochMu.RUnlock()
		return errClosed
	}
	first := j.Next()
	q := w.take()
	tab, err := b.series.current() // after take: it has all series of what was taken
	var made batch
	if err == nil {
		made, err = w.encode(q, b.o.Node, b.epoch(), tab, first)
	}
	if err == nil && len(made.entries) > 0 {
		err = j.Append(made.entries...)
	}
	next := j.Next()
	b.epochMu.RUnlock()
	if err != nil {
		w.settle(q, 0, 0, err)
		return err
	}
	w.settle(q, q.len(), next, nil)
	if w.lane != telemetry.Alarm && len(made.heads) > 0 {
		b.mu.Lock()
		b.places[tab.hash] = place{w.lane, first}
		b.mu.Unlock()
	}
	b.remember(w, made, tab)
	b.recovered()
	b.changed.send()
	if b.overgrown() {
		signal(b.crowded)
	}
	return nil
}

var errClosed = errors.New("the journal could not be opened again yet")

// kept returns what is on disk, durable, per lane; of a lane that could not be opened again yet what was there when it was last open, and all is
// false. To say nothing of it would be to say that it is lost (delivery rule 13), which nobody knows.
func (b *Book) kept() (kept [len(laneFolders)]ranges.Set, all bool) {
	all = true
	for _, w := range b.writers {
		set, open := w.kept()
		kept[w.lane] = set
		all = all && open
	}
	return kept, all
}

// Close saves what is known and closes all files. Run must have returned.
func (b *Book) Close() error {
	var errs []error
	b.background.Wait()
	if b.state != nil {
		if b.clock != nil {
			b.mu.Lock()
			errs = append(errs, b.save(), b.saveLazily())
			b.mu.Unlock()
			if b.standing != nil {
				errs = append(errs, b.saveRaised())
			}
		}
	}
	for _, w := range b.writers {
		if w == nil {
			continue
		}
		if j, _ := w.snapshot(); j != nil {
			errs = append(errs, j.Close())
		}
	}
	if b.front != nil {
		errs = append(errs, b.front.Close())
	}
	if b.state != nil {
		errs = append(errs, b.state.Close())
	}
	if b.floor != nil {
		errs = append(errs, b.floor.Close())
	}
	if b.lock != nil {
		errs = append(errs, b.lock.Release())
	}
	return errors.Join(errs...)
}
