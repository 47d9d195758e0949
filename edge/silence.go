package edge

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"fieldpost/configs/setting"
	"fieldpost/edge/lane"
	"fieldpost/telemetry"
)

// silence raises an event for a device from which nothing came, on monotonic time, and clears it when something does.
// What is raised survives a restart, so that it is neither raised twice nor left standing.
type silence struct {
	book    *lane.Book
	devices []*device
	log     *slog.Logger
	raised  map[string]bool // device
}

const silentPattern = "silent"

func newSilence(book *lane.Book, devices []*device, log *slog.Logger) (*silence, error) {
	s := &silence{book: book, devices: devices, log: log, raised: map[string]bool{}}
	names, err := book.Raised()
	if err != nil {
		return nil, err
	}
	for _, n := range names {
		s.raised[n] = true
	}
	return s, nil
}

// run looks at all devices every second until ctx ends.
func (s *silence) run(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			s.look(ctx)
		}
	}
}

func (s *silence) look(ctx context.Context) {
	mono := s.book.Clock().Mono()
	changed := false
	for _, d := range s.devices {
		limit := time.Duration(d.settings.Silent)
		name := d.settings.Device
		silent := limit > 0 && d.quiet(mono) >= limit
		switch {
		case silent && !s.raised[name]:
			d.log.Warn("device is silent", "wait", limit)
			s.tell(ctx, d, telemetry.Raised, "nothing came for "+setting.Duration(limit).String())
			s.raised[name], changed = true, true
		case s.raised[name] && !silent && d.heard():
			d.log.Info("device is heard again")
			s.tell(ctx, d, telemetry.Cleared, "heard again")
			delete(s.raised, name)
			changed = true
		}
	}
	if !changed {
		return
	}
	names := make([]string, 0, len(s.raised))
	for n := range s.raised {
		names = append(names, n)
	}
	slices.Sort(names)
	if err := s.book.SaveRaised(names); err != nil {
		s.log.Warn("write down which events are raised", "err", err)
	}
}

func (s *silence) tell(ctx context.Context, d *device, state telemetry.State, message string) {
	now, regime := s.book.Clock().Now()
	err := s.book.AddEvent(ctx, regime, telemetry.Event{
		Device: d.settings.Device, Pattern: silentPattern, State: state, Severity: telemetry.Warning, Time: now, Message: message,
	})
	if err != nil {
		d.log.Warn("record the event", "err", err)
	}
}
