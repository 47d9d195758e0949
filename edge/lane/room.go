package lane

import (
	"context"
	"fmt"
	"slices"
	"time"

	"fieldpost/edge/clock"
	"fieldpost/journal"
	"fieldpost/telemetry"
	"fieldpost/telemetry/ranges"
	"fieldpost/telemetry/wire"
)

// The order in which lanes give room (promise 7).
var leaving = [...]telemetry.Lane{telemetry.Archive, telemetry.Bulk, telemetry.Live, telemetry.Alarm}

// housekeeping keeps the lanes within their room and saves what may be saved lazily.
func (b *Book) housekeeping(ctx context.Context) error {
	const (
		lookEvery = 5 * time.Second
		saveEvery = time.Minute
		// What a restart can work out anew is not worth a commit of the state file each minute, some 30 KB and more with many series.
		lazilyEvery = 10 * time.Minute
	)
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	save := time.NewTicker(saveEvery)
	defer save.Stop()
	lazily := time.NewTicker(lazilyEvery)
	defer lazily.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-b.crowded:
			b.makeRoom()
		case <-look.C:
			b.followClock()
		case <-lazily.C:
			b.mu.Lock()
			err := b.saveLazily()
			b.mu.Unlock()
			if err != nil {
				b.log.Warn("save acknowledged ranges and series", "err", err)
			}
		case <-save.C:
			if err := b.saveRaised(); err != nil {
				b.log.Warn("save which events are raised", "err", err)
			}
			b.expire()
			if err := b.saveFloor(); err != nil {
				b.log.Warn("save the clock's floor", "err", err)
			}
		}
	}
}

// followClock keeps the boot table up with the clock. What was taken while it was in doubt is shown at its right time from then on.
func (b *Book) followClock() {
	b.mu.Lock()
	changed := b.noteClock()
	var err error
	if changed {
		err = b.save()
	}
	b.mu.Unlock()
	if err != nil {
		b.log.Warn("save the boot table", "err", err)
	}
	if changed {
		b.past.ForgetTimes(b.o.Node)
	}
}

// makeRoom drops sealed segments until the lanes are within their sizes.
func (b *Book) makeRoom() {
	b.leaving.Lock()
	defer b.leaving.Unlock()
	for _, l := range leaving {
		for b.over(l) {
			if !b.dropOne([]telemetry.Lane{l}) {
				break
			}
		}
	}
	for b.sum() > b.o.MaxSize {
		if !b.dropOne(leaving[1:]) {
			return
		}
	}
}

// makeRoomNow drops one segment because the disk itself is full, unless somebody has since freed was read: all lanes meet a full disk at once.
func (b *Book) makeRoomNow(freed uint64) {
	b.leaving.Lock()
	defer b.leaving.Unlock()
	if b.freed.Load() == freed && b.dropOne(leaving[:]) {
		b.freed.Add(1)
	}
}

// over reports whether a lane has outgrown its own limit. Where the archive is switched off, what it holds from before may stay.
func (b *Book) over(l telemetry.Lane) bool {
	most := b.o.Limits[l].Size
	return most > 0 && b.size(l) > most
}

// sum returns the bytes on disk of what shares MaxSize.
func (b *Book) sum() int64 { return b.size(telemetry.Alarm, telemetry.Live, telemetry.Bulk) }

// overgrown reports whether something has to leave.
func (b *Book) overgrown() bool {
	return b.sum() > b.o.MaxSize || slices.ContainsFunc(leaving[:], b.over)
}

// size returns the bytes on disk of some lanes.
func (b *Book) size(lanes ...telemetry.Lane) (n int64) {
	for _, l := range lanes {
		if j, _ := b.writers[l].snapshot(); j != nil {
			n += j.Size()
		}
	}
	return n
}

// dropOne drops the sealed segment that is missed least: one that every gateway has, else the oldest of the first lane that has one.
func (b *Book) dropOne(lanes []telemetry.Lane) bool {
	b.mu.Lock()
	safe := [len(laneFolders)]ranges.Set{}
	for _, l := range lanes {
		safe[l] = b.safe(l)
	}
	b.mu.Unlock()
	for _, needSafe := range []bool{true, false} {
		for _, l := range lanes {
			j, _ := b.writers[l].snapshot()
			if j == nil {
				continue
			}
			segs := j.Segments()
			if len(segs) == 0 {
				continue
			}
			// The oldest only: a hole in the middle would cost every hello a range.
			seg := segs[0]
			unsent := unsentOf(j, seg, safe[l])
			if seg.Next <= seg.First || needSafe && !(seg.Sealed && unsent.Empty()) {
				continue // empty, or history that may stay for now
			}
			if !seg.Sealed {
				if err := j.Rotate(); err != nil {
					b.log.Warn("seal a segment to make room", "lane", l.String(), "err", err)
					continue
				}
				seg = j.Segments()[0]
				unsent = unsentOf(j, seg, safe[l])
			}
			return b.drop(l, seg, unsent, wire.Full)
		}
	}
	return false
}

// unsentOf returns what of a segment is not safe elsewhere.
func unsentOf(j *journal.Journal, seg journal.Segment, safe ranges.Set) ranges.Set {
	if seg.Next <= seg.First {
		return ranges.Set{}
	}
	return j.Kept().Intersect(ranges.Make(ranges.Range{From: seg.First, To: seg.Next - 1})).Minus(safe)
}

// drop writes the loss down, with its reason, and then unlinks the segment (delivery rule 15).
func (b *Book) drop(l telemetry.Lane, seg journal.Segment, unsent ranges.Set, reason wire.Reason) bool {
	now, _ := b.clock.Now()
	noted := b.left(l, seg, reason, now, unsent)
	switch attrs := []any{"lane", l.String(), "reason", reason.String(), "ranges", unsent.String(), "count", unsent.Len()}; {
	case unsent.Empty():
	case l == telemetry.Archive: // as it was told to
		b.log.Info("dropped the oldest of the archive, which nobody asked for", attrs...)
	case reason == wire.Expired:
		b.log.Error("dropped records, not yet at the gateway, that are older than the lane's max_age", attrs...)
	default:
		b.log.Error("dropped the oldest records, not yet at the gateway, to make room; raise max_size or free the disk", attrs...)
	}
	reader := b.writers[l].history()
	if reader == nil {
		return false
	}
	if err := reader.Drop(seg); err != nil {
		b.log.Warn("drop a segment", "lane", l.String(), "first", seg.First, "err", err)
		return false
	}
	if noted != nil { // on a full disk this very note may not have fitted, and now it does. Without it what is lost counts as damaged
		b.mu.Lock()
		noted = b.save()
		b.mu.Unlock()
	}
	if noted != nil {
		b.log.Warn("write down what was dropped", "lane", l.String(), "err", noted)
	}
	b.changed.send()
	return true
}

// onDamage returns what a lane's journal calls when it meets damage: in a goroutine of its own, for the journal may hold its locks.
func (b *Book) onDamage(l telemetry.Lane) func(journal.Damage) {
	return func(d journal.Damage) { b.background.Go(func() { b.damaged(l, d) }) }
}

// damaged writes down what a damaged segment cost and says so in an event of the node itself.
func (b *Book) damaged(l telemetry.Lane, d journal.Damage) {
	now, regime := b.clock.Now()
	b.mu.Lock()
	b.ledger.lose(l, wire.Damaged, now, d.Lost)
	err := b.save()
	b.mu.Unlock()
	if err != nil {
		b.log.Warn("write down what was damaged", "lane", l.String(), "err", err)
	}
	message, what := "journal damaged: segment set aside", "a damaged segment was set aside"
	if d.Path == "" {
		message, what = "journal damaged: segment gone", d.Cause.Error()
	}
	b.log.Error(message, "lane", l.String(), "file", d.Path, "salvaged", d.Salvaged.Len(), "lost", d.Lost.String(), "err", d.Cause)
	b.changed.send()
	b.tellDamage(regime, telemetry.Event{
		State: telemetry.Raised, Time: now,
		Message: fmt.Sprintf("%s lane: %s; %d records saved, lost: %s%s", l, what, d.Salvaged.Len(), lostText(d.Lost), b.spanText(l, d.Lost)),
	})
}

// spanText says when what was lost had been taken, as far as its neighbours tell.
func (b *Book) spanText(l telemetry.Lane, lost ranges.Set) string {
	j, _ := b.writers[l].snapshot()
	first, some := lost.Min()
	if j == nil || !some {
		return ""
	}
	last, _ := lost.Max()
	const form = "2006-01-02 15:04:05"
	var out string
	if kept := j.Kept(); first > 0 {
		kept.Remove(ranges.Range{From: first, To: ^uint64(0)})
		if before, ok := kept.Max(); ok {
			if at, known := b.dated(j, before); known {
				out = " after " + at.Go().Format(form)
			}
		}
	}
	if h, err := b.head(j, last+1); err == nil {
		delta, unset := b.resolve(h)
		if at := h.Min + telemetry.Time(delta); !unset {
			out += " before " + at.Go().Format(form)
		}
	}
	if out == "" {
		return ""
	}
	return ", taken" + out + " UTC"
}

// sound clears the damage of earlier runs once an opening has found none.
func (b *Book) sound() {
	if !slices.ContainsFunc(b.raised, func(r Raised) bool { return r.Device == NodeDevice && r.Pattern == DamagePattern }) {
		return
	}
	now, regime := b.clock.Now()
	b.tellDamage(regime, telemetry.Event{State: telemetry.Cleared, Time: now, Message: "the journal was opened without damage; what was set aside stays where it is"})
}

func (b *Book) tellDamage(regime *clock.Regime, e telemetry.Event) {
	e.Device, e.Pattern, e.Severity = NodeDevice, DamagePattern, telemetry.Critical
	if err := b.AddEvent(context.Background(), regime, e); err != nil {
		b.log.Warn("report the damage", "err", err)
	}
}

// DamagePattern is raised when a damaged segment was set aside, and cleared by the next opening that finds none.
const DamagePattern = "journal_damaged"

// NodeDevice is the device that stands for the node itself.
const NodeDevice = "node"

func lostText(s ranges.Set) string {
	if s.Empty() {
		return "none known"
	}
	return s.String()
}
