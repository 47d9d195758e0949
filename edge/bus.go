package edge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"fieldpost/drivers"
	"fieldpost/edge/lane"
)

// bus runs one driver and starts it again for ever.
type bus struct {
	name    string
	kind    string
	driver  drivers.Driver
	devices map[string]*device
	log     *slog.Logger

	mu      sync.Mutex
	up      bool
	since   time.Time
	lastErr string
	fails   int // in a row
	reports uint64
}

const (
	pauseMin = time.Second
	pauseMax = time.Minute
	// remindEvery spaces the log lines of a failure that lasts: a week without the cable costs a page, not the card.
	remindEvery = 10 * time.Minute
)

// run runs the driver until ctx ends.
func (b *bus) run(ctx context.Context) error {
	var reminded time.Time
	pause := time.Duration(0)
	for {
		before := b.count()
		b.note(true, nil)
		err := b.once(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err == nil {
			err = errors.New("the driver stopped by itself")
		}
		if b.count() > before {
			pause = 0 // it worked for a while
		}
		pause = min(pauseMax, max(pauseMin, 2*pause))
		fails := b.note(false, err)
		if fails == 1 || time.Since(reminded) >= remindEvery {
			b.log.Warn("bus failed; trying again for ever", "attempt", fails, "wait", pause, "err", err)
			reminded = time.Now()
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
	}
}

// once runs the driver once; a panic in it is its failure, not the node's.
func (b *bus) once(ctx context.Context) (err error) {
	defer func() {
		if p := recover(); p != nil {
			b.log.Error("driver panicked", "err", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("driver panicked: %v", p)
		}
	}()
	return b.driver.Run(ctx, func(r drivers.Report) {
		d := b.devices[r.Device]
		if d == nil {
			b.log.Error("driver reported a device that is not on its bus", "device", r.Device)
			return
		}
		if b.first(len(r.Samples) > 0) {
			b.log.Info("bus works again")
		}
		d.take(ctx, r)
	})
}

// first counts a report and reports whether it is the first good one after a failure.
func (b *bus) first(good bool) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !good {
		return false
	}
	b.reports++
	again := b.fails > 0
	if again {
		b.fails, b.lastErr, b.since = 0, "", time.Now()
	}
	return again
}

func (b *bus) count() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.reports
}

// note records that the driver started or failed and returns the failures in a row. A bus is down since the first of them, and until
// something came by it again.
func (b *bus) note(up bool, err error) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.up = up
	if b.since.IsZero() || err != nil && b.fails == 0 {
		b.since = time.Now()
	}
	if err != nil {
		b.lastErr = err.Error()
		b.fails++
	}
	return b.fails
}

// newBus makes the driver of a line and the pipelines of its devices.
func newBus(l Line, book *lane.Book, log *slog.Logger) (*bus, []*device, error) {
	b := &bus{name: l.Bus.Name, kind: l.Kind.Name, devices: map[string]*device{}, log: log.With("driver", l.Kind.Name, "bus", l.Bus.Name)}
	var (
		devices []*device
		driven  []drivers.Device
	)
	for _, d := range l.Devices {
		dev, err := newDevice(d, b, book)
		if err != nil {
			return nil, nil, err
		}
		devices = append(devices, dev)
		driven = append(driven, d.ForDriver())
		b.devices[d.Device] = dev
	}
	var err error
	if b.driver, err = l.Kind.New(l.Bus, driven, b.log); err != nil {
		return nil, nil, fmt.Errorf("set up driver %s on %s: %w", l.Kind.Name, l.Bus.Name, err)
	}
	return b, devices, nil
}
