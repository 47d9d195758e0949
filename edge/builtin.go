package edge

import (
	"context"
	"log/slog"
	"time"

	"fieldpost/edge/clock"
	"fieldpost/edge/lane"
	"fieldpost/telemetry"
)

// builtin is a pattern that no file declares. It looks at what no reading shows, and so by the clock: every second, on monotonic time.
type builtin struct {
	device, name string
	severity     telemetry.Severity
	every        time.Duration // how often look is called; 0: each second
	look         func(mono int64) verdict
	said         [2]string // what the log says when it is raised and when it is cleared
	log          *slog.Logger

	raised bool
	next   int64 // when to look again
}

// verdict is what a builtin saw. Neither leaves things as they are.
type verdict struct {
	raise, clear bool
	message      string
}

// builtinNames are kept from the patterns of device files.
func builtinNames() []string {
	return []string{silentPattern, lane.DamagePattern, clockPattern, diskPattern, backlogPattern}
}

// builtins runs the patterns that no file declares.
type builtins struct {
	book *lane.Book
	list []*builtin
}

// run looks every second until ctx ends.
func (b *builtins) run(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		b.look(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (b *builtins) look(ctx context.Context) {
	now, regime := b.book.Clock().Now()
	mono := int64(now) - regime.Offset
	for _, p := range b.list {
		if mono < p.next {
			continue
		}
		p.next = mono + int64(p.every)
		v := p.look(mono)
		switch {
		case v.raise && !p.raised:
			p.raised = true
			p.log.Warn(p.said[0], "pattern", p.name, "message", v.message)
			tell(ctx, b.book, p.log, regime, p.event(telemetry.Raised, now, v.message))
		case v.clear && p.raised:
			p.raised = false
			p.log.Info(p.said[1], "pattern", p.name, "message", v.message)
			tell(ctx, b.book, p.log, regime, p.event(telemetry.Cleared, now, v.message))
		}
	}
}

func (p *builtin) event(state telemetry.State, now telemetry.Time, message string) telemetry.Event {
	return telemetry.Event{Device: p.device, Pattern: p.name, State: state, Severity: p.severity, Time: now, Message: message}
}

// tell puts an event into the alarm lane, where it is committed at once.
func tell(ctx context.Context, book *lane.Book, log *slog.Logger, regime *clock.Regime, e telemetry.Event) {
	if err := book.AddEvent(ctx, regime, e); err != nil {
		log.Warn("record the event", "pattern", e.Pattern, "err", err)
	}
}
