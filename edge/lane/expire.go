package lane

import (
	"fieldpost/journal"
	"fieldpost/telemetry"
	"fieldpost/telemetry/wire"
)

// turns is into how many segments a lane's age is cut at least, so that what is dropped is never much older than that age, however
// slowly a segment fills: at most by an eighth.
const turns = 8

// expire drops the sealed segments whose newest record is older than its lane's age, and seals the open ones in time for that.
//
// Age is by the records' own times, as far as they can be told by now. A clock that nothing vouches for may be years ahead: then
// nothing is dropped.
func (b *Book) expire() {
	b.leaving.Lock()
	defer b.leaving.Unlock()
	for _, l := range leaving {
		if age := b.o.Limits[l].Age; age > 0 {
			b.expireLane(l, telemetry.Time(age))
		}
	}
}

func (b *Book) expireLane(l telemetry.Lane, age telemetry.Time) {
	now, regime := b.clock.Now()
	j, _ := b.writers[l].snapshot()
	if j == nil || regime.State.Doubtful() {
		return
	}
	b.turn(l, j, now-age/turns)
	// Segments were filled one after the other. Those that cannot be dated, or say that they are of the future, are as old as what came after them.
	old := 0
	segs := j.Segments()
	for i, seg := range segs {
		if !seg.Sealed {
			break
		}
		newest, ok := b.dated(j, seg.Next-1)
		if !ok || newest > now {
			continue
		}
		if newest >= now-age {
			break
		}
		old = i + 1
	}
	b.mu.Lock()
	safe := b.safe(l)
	b.mu.Unlock()
	for _, seg := range segs[:old] {
		if !b.drop(l, seg, unsentOf(j, seg, safe), wire.Expired) {
			return
		}
	}
}

// turn seals the open segment if it began before limit. One that begins with what cannot be dated is sealed too, for the next one can be.
func (b *Book) turn(l telemetry.Lane, j *journal.Journal, limit telemetry.Time) {
	segs := j.Segments()
	if len(segs) == 0 {
		return
	}
	open := segs[len(segs)-1]
	if open.Next <= open.First {
		return
	}
	if began, ok := b.dated(j, open.First); ok && began >= limit {
		return
	}
	if err := j.Rotate(); err != nil {
		b.log.Warn("seal a segment so that it can expire", "lane", l.String(), "err", err)
	}
}

// dated returns the time of the newest record of the frame that holds seq, or the first after it; ok is false if nobody can tell.
func (b *Book) dated(j *journal.Journal, seq uint64) (t telemetry.Time, ok bool) {
	h, err := b.head(j, seq)
	if err != nil {
		b.log.Debug("date a frame", "first", seq, "err", err)
		return 0, false
	}
	delta, unset := b.resolve(h)
	t = h.Max + telemetry.Time(delta)
	wrapped := delta > 0 && t < h.Max || delta < 0 && t > h.Max
	return t, !unset && !wrapped
}
