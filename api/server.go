package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"
)

const (
	headerTime = 10 * time.Second // to send a request's header: a silent client must not hold a connection
	idleTime   = 2 * time.Minute
	graceTime  = 5 * time.Second // for requests under way when the server stops
	maxHeader  = 64 << 10
)

// Serve listens as s says and serves h until ctx ends; then requests under way have 5 s. It returns nil when stopped by ctx, at once if s
// has no Listen.
func Serve(ctx context.Context, s Settings, h http.Handler, log *slog.Logger) error {
	if s.Listen == "" {
		return nil
	}
	l, err := Listen(ctx, s)
	if err != nil {
		return err
	}
	return ServeListener(ctx, l, h, log)
}

// Listen opens the listener that s asks for. The error says what an operator can do.
func Listen(ctx context.Context, s Settings) (net.Listener, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", s.Listen)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("serve http: %w; another process listens there (ss -ltnp shows which): stop it, or change http.listen", err)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("serve http: %w; ports below 1024 are for root: choose a higher one in http.listen", err)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, fmt.Errorf("serve http: %w; no interface has this address: change http.listen", err)
	case err != nil:
		return nil, fmt.Errorf("serve http: %w; check http.listen", err)
	}
	return l, nil
}

// ServeListener is Serve on a listener that is open already. It closes l.
func ServeListener(ctx context.Context, l net.Listener, h http.Handler, log *slog.Logger) error {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	// Requests live a little longer than ctx: short ones finish, long polls look at stopping, and what is left ends with base.
	base, cancel := context.WithCancel(context.WithValue(context.WithoutCancel(ctx), stoppingKey{}, ctx.Done()))
	defer cancel()
	var underWay sync.WaitGroup // WebSockets too, for which Shutdown does not wait
	server := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			underWay.Add(1)
			defer underWay.Done()
			h.ServeHTTP(w, r)
		}),
		ReadHeaderTimeout: headerTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    maxHeader,
		BaseContext:       func(net.Listener) context.Context { return base },
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug), // what clients do wrong on connections
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	log.Info("serving http", "address", l.Addr().String())
	select {
	case err := <-served:
		return fmt.Errorf("serve http on %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	grace, stop := context.WithTimeout(base, graceTime)
	defer stop()
	err := server.Shutdown(grace)
	if errors.Is(err, context.DeadlineExceeded) { // streams that somebody still reads: cut off, which they notice
		cancel()
		err = server.Close()
	}
	<-served
	finished := make(chan struct{})
	go func() { underWay.Wait(); close(finished) }()
	select { // each ends its stream with a word to the client
	case <-finished:
	case <-grace.Done():
	}
	if err != nil {
		return fmt.Errorf("stop http on %s: %w", l.Addr(), err)
	}
	return nil
}

type stoppingKey struct{}

// stopping returns a channel that is closed when the server begins to stop; nil, which blocks for ever, outside ServeListener.
func stopping(ctx context.Context) <-chan struct{} {
	c, _ := ctx.Value(stoppingKey{}).(<-chan struct{})
	return c
}
