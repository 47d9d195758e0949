package main

import (
	"context"
	"errors"
	"slices"
	"sync"
)

// parts are what runs. They stop in the reverse order of their start, each only when all after it have: the edge while there
// is still a gateway to take its last readings.
type parts struct {
	end   context.CancelFunc // ends the whole; called when a part ends with an error
	stops []func() error
}

// start runs a part until stop.
func (p *parts) start(run func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	var err error
	running.Go(func() {
		if err = run(ctx); err != nil {
			p.end()
		}
	})
	p.stops = append(p.stops, func() error {
		cancel()
		running.Wait()
		return err
	})
}

// add has stop call release in its turn.
func (p *parts) add(release func() error) { p.stops = append(p.stops, release) }

// stop stops all parts and returns what went wrong in any of them, the first started first.
func (p *parts) stop() error {
	var errs []error
	for _, stop := range slices.Backward(p.stops) {
		errs = append(errs, stop())
	}
	slices.Reverse(errs)
	return errors.Join(errs...)
}
