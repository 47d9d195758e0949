package lane

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
)

// Raised names a pattern whose last event says that it is raised.
type Raised struct {
	Device   string             `json:"device"`
	Pattern  string             `json:"pattern"`
	Severity telemetry.Severity `json:"severity"`
}

// standing is what the alarm lane says up to a sequence. The lane itself is the truth: state.db has only a checkpoint of it, which opening
// completes from the frames after it. So an event is raised exactly if its record is on the disk, wherever the power failed.
type standing struct {
	Next   uint64   `json:"next"` // the first sequence not looked at
	Raised []Raised `json:"raised"`
}

// silentPattern is the only one that the first stored form knew.
const silentPattern = "silent"

// loadRaised reads the checkpoint. Its first form was a list of names: device, or device/pattern; it was up to date by itself.
func (b *Book) loadRaised() (s standing, err error) {
	raw, err := b.state.Get(keyRaised)
	if err != nil || raw == nil {
		return s, err
	}
	if !bytes.HasPrefix(raw, []byte("[")) && !bytes.Equal(raw, []byte("null")) {
		return s, b.get(keyRaised, &s)
	}
	var names []string
	if err := b.get(keyRaised, &names); err != nil {
		return s, err
	}
	for _, n := range names {
		r := Raised{Device: n, Pattern: silentPattern, Severity: telemetry.Warning}
		if device, pattern, ok := strings.Cut(n, "/"); ok {
			r.Device, r.Pattern = device, pattern
		}
		s.Raised = append(s.Raised, r)
	}
	_, s.Next = b.writers[telemetry.Alarm].snapshot()
	return s, b.put(map[string]any{keyRaised: s}) // at once: it is from here on that the frames tell
}

// follow takes in the durable events from s.Next on. It reports whether there were any.
func (b *Book) follow(s *standing) (moved bool, err error) {
	const readBytes = 256 << 10
	j, next := b.writers[telemetry.Alarm].snapshot()
	for j != nil && s.Next < next {
		entries, err := j.Read(s.Next, readBytes)
		if err != nil {
			return moved, fmt.Errorf("read which events are raised: %w", err)
		}
		if len(entries) == 0 {
			s.Next, moved = next, true // what was there is lost
			break
		}
		for _, e := range entries {
			_, events, err := frame.DecodeEvents(e.Data)
			if err != nil {
				b.log.Warn("a frame of the alarm lane cannot be read; its events are left out of what is raised", "first", e.Pos, "err", err)
			}
			for i, event := range events {
				if e.Pos+uint64(i) >= s.Next {
					s.note(event)
				}
			}
			s.Next, moved = max(s.Next, e.Pos+uint64(e.Count)), true
		}
	}
	return moved, nil
}

func (s *standing) note(e telemetry.Event) {
	s.Raised = slices.DeleteFunc(s.Raised, func(r Raised) bool { return r.Device == e.Device && r.Pattern == e.Pattern })
	if e.State == telemetry.Raised {
		s.Raised = append(s.Raised, Raised{e.Device, e.Pattern, e.Severity})
	}
}

// openRaised works out what is raised as the lanes are opened.
func (b *Book) openRaised() error {
	s, err := b.loadRaised()
	if err != nil {
		b.log.Warn("what is raised cannot be read; working it out again from the alarm lane", "err", err)
		s = standing{}
	}
	if _, err := b.follow(&s); err != nil {
		return err
	}
	b.standing, b.raised = &s, slices.Clone(s.Raised)
	return nil
}

// saveRaised moves the checkpoint on. Never called twice at once.
func (b *Book) saveRaised() error {
	moved, err := b.follow(b.standing)
	if err != nil || !moved {
		return err
	}
	return b.put(map[string]any{keyRaised: b.standing})
}

// Raised returns the patterns that were raised when the Book was opened, the one raised last at the end.
func (b *Book) Raised() []Raised { return slices.Clone(b.raised) }

// Patterns returns the fingerprints that SavePatterns was given last, by device/pattern.
func (b *Book) Patterns() (fingerprints map[string]string, err error) {
	err = b.get(keyPatterns, &fingerprints)
	return fingerprints, err
}

// SavePatterns writes down which patterns the node watches, if they are others than before.
func (b *Book) SavePatterns(fingerprints map[string]string) error {
	next, err := json.Marshal(fingerprints)
	if err != nil {
		return fmt.Errorf("write down the patterns: %w", err)
	}
	if last, err := b.state.Get(keyPatterns); err == nil && bytes.Equal(last, next) {
		return nil
	}
	return b.state.Update(map[string][]byte{keyPatterns: next})
}
