// Package clock gives a node's readings their times and says how far these can be trusted.
//
// Time is kept as one monotonic reading (CLOCK_BOOTTIME, which no step can touch and which goes on in
// suspend) plus an offset to the wall clock. The offset and the trust in it form a Regime. A step of the
// wall clock, or a change of trust, begins a new Regime, and the lanes cut their frames there: inside
// a frame the offset is one number, so a wrong clock can be put right later without rewriting anything
// (delivery rule 19).
package clock

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"fieldpost/telemetry"
)

// Source is where a Clock gets its raw facts. System is the real one.
type Source interface {
	// Read returns the wall clock and the monotonic clock (ns since boot) of the same instant.
	Read() (wall telemetry.Time, mono int64)
	// Mono returns the monotonic clock alone, which is what readings are timed by: it should cost little.
	Mono() int64
	// Trust says what vouches for the wall clock at this moment; ClockFloor or worse when nothing does.
	Trust() telemetry.ClockState
}

// Regime is a span in which the wall clock neither stepped nor changed its trust.
type Regime struct {
	Boot   telemetry.Boot
	State  telemetry.ClockState
	Offset int64 // wall minus monotonic, ns
}

// stepLimit is the least change of offset that counts as a step. NTP slews the monotonic clock along
// with the wall clock, so that the offset stands still but for steps; what is left is the uncertainty
// of reading two clocks one after the other, some microseconds.
const stepLimit = int64(time.Millisecond)

// Clock is safe for concurrent use.
type Clock struct {
	source Source
	log    *slog.Logger

	mu      sync.Mutex // held while a regime is replaced
	floor   Floor
	regime  atomic.Pointer[Regime]
	changed chan struct{}
}

// New returns a clock for a boot. A wall clock before floor, as the disk has it, is unset, unless the kernel disciplines it: what it says is worth
// nothing then, and times go on from where the boot before ended.
func New(source Source, boot telemetry.Boot, floor Floor, log *slog.Logger) *Clock {
	c := &Clock{source: source, floor: floor.in(boot), log: log, changed: make(chan struct{})}
	c.regime.Store(c.look(boot))
	return c
}

func (c *Clock) look(boot telemetry.Boot) *Regime {
	wall, mono := c.source.Read()
	state := max(c.source.Trust(), telemetry.ClockFloor)
	// A clock chip with a flat battery starts in 1970 too: only the kernel's own discipline overrules the floor.
	if state < telemetry.ClockSync && wall < max(c.floor.Time, release) {
		return &Regime{Boot: boot, State: telemetry.ClockUnset, Offset: int64(c.floor.Place)}
	}
	return &Regime{Boot: boot, State: state, Offset: int64(wall) - mono}
}

// Now returns the time in the regime that is in force, and that regime.
func (c *Clock) Now() (telemetry.Time, *Regime) {
	mono := c.source.Mono()
	r := c.regime.Load()
	return telemetry.Time(mono + r.Offset), r
}

// Mono returns the monotonic clock in nanoseconds since boot.
func (c *Clock) Mono() int64 { return c.source.Mono() }

// Regime returns the regime in force.
func (c *Clock) Regime() *Regime { return c.regime.Load() }

// Changed returns a channel that is closed at the next change of regime. Take it before looking at Regime.
func (c *Clock) Changed() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changed
}

// Refresh looks at the clocks once and begins a new regime if the wall clock stepped or its trust changed.
func (c *Clock) Refresh() {
	c.mu.Lock()
	defer c.mu.Unlock()
	old := c.regime.Load()
	now := c.look(old.Boot)
	step := now.Offset - old.Offset
	if now.State == old.State && step > -stepLimit && step < stepLimit {
		return
	}
	if now.State != old.State {
		c.log.Info("clock state changed", "from", old.State.String(), "to", now.State.String(), "step", time.Duration(step))
	} else {
		c.log.Warn("clock stepped", "step", time.Duration(step))
	}
	c.regime.Store(now)
	close(c.changed)
	c.changed = make(chan struct{})
}

// Run refreshes every second until ctx ends.
func (c *Clock) Run(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			c.Refresh()
		}
	}
}
