package edge

import (
	"context"
	"slices"

	"fieldpost/edge/lane"
	"fieldpost/telemetry"
)

// restore takes over what was raised before this run began. What is no longer watched, or is now another pattern by the same name, is cleared:
// nothing else would ever do so. A crash before these events are on the disk costs little: what was removed is found again at the next
// start, and what was changed goes on as raised and is cleared by its new condition.
func (e *Edge) restore(ctx context.Context) error {
	before, err := e.book.Patterns()
	if err != nil {
		e.log.Warn("which patterns were watched cannot be read; they are taken to be the same", "err", err)
	}
	now := make(map[string]string)
	for _, d := range e.devices {
		for _, p := range d.settings.Patterns {
			now[d.settings.Device+"/"+p.Name] = p.definition().Fingerprint()
		}
	}
	for _, r := range e.book.Raised() {
		name := r.Device + "/" + r.Pattern
		was, known := before[name]
		is, watched := now[name]
		switch {
		case r.Device == NodeDevice && r.Pattern == lane.DamagePattern: // the lanes' own
		case e.builtins.restore(r):
		case watched && known && was != is:
			e.discard(ctx, r, "cleared because the pattern was changed in the configuration")
		case watched:
			i := slices.IndexFunc(e.devices, func(d *device) bool { return d.settings.Device == r.Device })
			e.devices[i].patterns.Restore(r.Pattern)
		default:
			e.discard(ctx, r, "cleared because the pattern is no longer in the configuration")
		}
	}
	return e.book.SavePatterns(now)
}

// restore reports whether r is one of these.
func (b *builtins) restore(r lane.Raised) bool {
	for _, p := range b.list {
		if p.device == r.Device && p.name == r.Pattern {
			p.raised = true
			return true
		}
	}
	return false
}

func (e *Edge) discard(ctx context.Context, r lane.Raised, why string) {
	now, regime := e.book.Clock().Now()
	log := e.log.With("device", r.Device)
	log.Info("pattern cleared", "pattern", r.Pattern, "message", why)
	tell(ctx, e.book, log, regime, telemetry.Event{
		Device: r.Device, Pattern: r.Pattern, State: telemetry.Cleared, Severity: r.Severity, Time: now, Message: why,
	})
}
