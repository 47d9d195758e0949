package gateway

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"fieldpost/api"
	"fieldpost/gateway/ingest"
	"fieldpost/gateway/source"
	"fieldpost/gateway/store"
)

// Config is what a gateway runs: gateway.yaml as configs/gatewayfile has read it, with the sources made.
type Config struct {
	Software  string
	Data      string
	Retention store.RetentionSettings
	Sources   []source.Source
	HTTP      api.Settings
	Dense     int64 // bytes that the coder states of links with dense frames may take; 0: none
	Log       *slog.Logger
}

// Gateway is one running gateway.
type Gateway struct {
	config  Config
	log     *slog.Logger
	started time.Time
	store   *store.Store
	ingest  *ingest.Ingest
}

// Open opens the store. Nothing listens before Run.
func Open(c Config) (*Gateway, error) {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	c.Log = slog.New(newQuiet(c.Log.Handler()))
	st, err := store.Open(c.Data, c.Retention, c.Log)
	if err != nil {
		return nil, err
	}
	in := ingest.New(st, c.Log)
	in.AllowDense(int(c.Dense))
	return &Gateway{config: c, log: c.Log, started: time.Now(), store: st, ingest: in}, nil
}

// Run serves until ctx ends or something that only a person can mend fails, such as an address in use.
func (g *Gateway) Run(ctx context.Context) error {
	pages, err := g.pages()
	if err != nil {
		return err
	}
	// The commit goroutine ends only when nothing more can come.
	committing, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	chains := filepath.Join(g.config.Data, "chains")
	g.ingest.LoadChains(chains)
	committed := make(chan error, 1)
	go func() { committed <- g.ingest.Run(committing) }()
	var keeping sync.WaitGroup
	keeping.Go(func() { g.ingest.KeepChains(committing, chains) })

	group, ctx := errgroup.WithContext(ctx)
	for _, s := range g.config.Sources {
		group.Go(func() error { return s.Run(ctx, g.ingest) }) // it names itself
	}
	group.Go(func() error { return g.store.Run(ctx) })
	group.Go(func() error { return api.Serve(ctx, g.config.HTTP, pages, g.log) })
	group.Go(func() error { return g.control(ctx) })
	g.log.Info("running", "dir", g.config.Data, "store", g.store.ID().String(), "sources", len(g.config.Sources))
	err = group.Wait()
	stop()
	keeping.Wait()
	return errors.Join(err, <-committed)
}

// Close closes the store. Run must have returned.
func (g *Gateway) Close() error { return g.store.Close() }

// ControlSocket is where, in a data folder, the running gateway answers `status` and `abandon`.
func ControlSocket(data string) string { return filepath.Join(data, "control.sock") }
