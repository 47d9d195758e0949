package edge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"fieldpost/edge/clock"
	"fieldpost/edge/lane"
	"fieldpost/forwarder"
	"fieldpost/telemetry"
)

// Edge is one running node.
type Edge struct {
	config   Config
	log      *slog.Logger
	started  time.Time
	book     *lane.Book
	devices  []*device
	buses    []*bus
	builtins builtins
	sessions []*forwarder.Session
}

// Open opens the journal and sets up buses and links. Nothing is read or sent before Run.
func Open(c Config) (e *Edge, err error) {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	bootID, err := clock.BootID()
	if err != nil {
		return nil, err
	}
	source := c.Source
	if source == nil {
		source = clock.NewSystem(c.Clock.Source == "system")
	}
	o := lane.Options{
		Dir: c.Journal.Dir, Node: c.Node, Labels: c.Labels, MaxSize: int64(c.Journal.MaxSize),
		StandAlone: len(c.Links) == 0, CommitEvery: c.Journal.CommitEvery.Go(), Clock: source, BootID: bootID, Log: c.Log,
		Limits: c.limits(), SegmentSize: c.SegmentSize,
	}
	for _, l := range c.Links {
		if l.Broker != nil {
			o.Brokers = append(o.Brokers, forwarder.BrokerStore(l.Name))
		}
	}
	book, err := lane.Open(o)
	if err != nil {
		return nil, err
	}
	e = &Edge{config: c, log: c.Log, started: time.Now(), book: book}
	defer func() {
		if err != nil {
			err = errors.Join(err, book.Close())
		}
	}()
	lines := slices.Clone(c.Lines)
	if c.Health > 0 {
		lines = append(lines, e.nodeLine())
	}
	for _, l := range lines {
		b, devices, err := newBus(l, book, c.Log)
		if err != nil {
			return nil, err
		}
		e.buses = append(e.buses, b)
		e.devices = append(e.devices, devices...)
	}
	e.builtins = builtins{book: book, list: e.nodePatterns()}
	for _, d := range e.devices {
		if d.settings.Silent > 0 {
			e.builtins.list = append(e.builtins.list, silence(d))
		}
	}
	if err := e.restore(context.Background()); err != nil {
		return nil, err
	}
	for i, l := range c.Links {
		o := forwarder.Options{
			Node: c.Node, Link: l.Name, Kind: l.Kind, URL: l.URL, Software: c.Software, AlarmLink: alarmLink(i),
			Outbox: book, Stores: book, Progress: book, Dialer: l.Dialer, Accept: l.Accept, FreshShare: l.FreshShare, SendEvery: l.SendEvery, Coding: l.Coding, Budget: l.Budget, Log: c.Log,
		}
		if l.Broker != nil {
			o.Broker, o.Encoder, o.AlarmLink = l.Broker, l.Broker.Encoder, ""
		} else if l.Proven {
			o.GatewayTime = book.Clock().LowerFloor
		}
		e.sessions = append(e.sessions, forwarder.New(o))
	}
	return e, nil
}

// AlarmLink is what the second connection that alarms may take goes by. No link may have that name.
const AlarmLink = "alarm"

// alarmLink returns the name of the i-th link's: two links that lead to one broker must not take each other's connection over.
func alarmLink(i int) string {
	if i == 0 {
		return AlarmLink
	}
	return fmt.Sprintf("%s-%d", AlarmLink, i+1)
}

// Run runs the edge until ctx ends, then stops with the stream: drivers, last commit, links with a grace period, journal.
func (e *Edge) Run(ctx context.Context) error {
	// Each stage ends only when the one before it has.
	committing, stopCommitting := context.WithCancel(context.WithoutCancel(ctx))
	defer stopCommitting()
	sending, stopSending := context.WithCancel(context.WithoutCancel(ctx))
	defer stopSending()

	sampling, ctx := errgroup.WithContext(ctx)
	var storing, forwarding errgroup.Group
	for _, b := range e.buses {
		sampling.Go(func() error { return b.run(ctx) })
	}
	sampling.Go(func() error { return e.builtins.run(ctx) })
	sampling.Go(func() error { return e.serve(ctx) })
	storing.Go(func() error { return e.book.Run(committing) })
	for _, s := range e.sessions {
		forwarding.Go(func() error { return s.Run(sending) })
	}
	e.log.Info("running", "node", e.config.Node, "devices", len(e.devices), "links", len(e.sessions), "dir", e.config.Journal.Dir)

	<-ctx.Done()
	e.log.Info("stopping: drivers, last commit, links, journal")
	errs := []error{sampling.Wait()}
	for _, d := range e.devices {
		d.end(committing)
	}
	stopCommitting()
	errs = append(errs, storing.Wait())
	e.grace()
	stopSending()
	errs = append(errs, forwarding.Wait())
	return errors.Join(errs...)
}

// grace lets the links send the last commit, as long as something is still being acknowledged and a few seconds at most: what is left goes after the next start.
func (e *Edge) grace() {
	const (
		most = 3 * time.Second
		look = 50 * time.Millisecond
	)
	for _, s := range e.sessions {
		s.Hurry()
	}
	end := time.NewTimer(most)
	defer end.Stop()
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		// What the disk has, not what a session last saw of it: it may not have looked since the last commit.
		waiting := uint64(0)
		for _, l := range e.book.Status().Lanes {
			if l.Lane != telemetry.Archive.String() {
				waiting += l.Waiting
			}
		}
		busy := false
		for _, s := range e.sessions {
			st := s.Status()
			busy = busy || st.State == forwarder.Up && waiting > st.Parked
		}
		if !busy {
			return
		}
		select {
		case <-end.C:
			return
		case <-tick.C:
		}
	}
}

// Close closes the journal. Run must have returned.
func (e *Edge) Close() error { return e.book.Close() }
