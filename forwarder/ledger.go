package forwarder

import (
	"slices"
	"time"

	"fieldpost/telemetry"
	"fieldpost/telemetry/ranges"
	"fieldpost/telemetry/wire"
)

// ledger works out what is to be sent on one connection: what the outbox keeps and does not hold back, minus what the gateway has, what is
// under way and what is parked. Only epochs of a hello that was answered count. It is one goroutine's.
type ledger struct {
	hello  wire.Hello // latest snapshot
	told   wire.Hello // as last sent
	known  wire.Hello // as the gateway has answered it
	acked  map[run]ranges.Set
	parked *parking
	flight *inflight
	todo   [len(sendable)][]pending
	fresh  fresh
}

// sendable are the lanes that are sent unasked, most urgent first. Archive waits for a question.
var sendable = [...]telemetry.Lane{telemetry.Alarm, telemetry.Live, telemetry.Bulk}

// pending is what is to be sent of one run.
type pending struct {
	run
	set ranges.Set
}

// look takes a new snapshot.
func (l *ledger) look(h wire.Hello) {
	l.hello = h
	l.work()
}

// work computes todo from scratch: after a snapshot, a welcome, or when something under way came back.
func (l *ledger) work() {
	for i, lane := range sendable {
		todo := l.todo[i][:0]
		for _, e := range l.hello.Epochs {
			if !tells(l.known, e.Epoch) {
				continue
			}
			for _, s := range e.Lanes {
				if s.Lane != lane {
					continue
				}
				k := run{e.Epoch, lane}
				set := s.Kept.Minus(s.Held)
				set.RemoveAll(l.acked[k])
				set.RemoveAll(l.flight.of(k))
				set.RemoveAll(l.parked.of(k))
				if !set.Empty() {
					todo = append(todo, pending{k, set})
				}
			}
		}
		l.todo[i] = todo
	}
}

func tells(h wire.Hello, e telemetry.Epoch) bool {
	return slices.ContainsFunc(h.Epochs, func(x wire.Epoch) bool { return x.Epoch == e })
}

// next returns the first sequences in a row that are to be sent of a queue, oldest epoch first.
func (l *ledger) next(q queue) (run, ranges.Range, bool) {
	for _, p := range l.todo[laneIndex(q.lane())] {
		for _, r := range p.set.Ranges() {
			if r, ok := l.fresh.cut(q, p.run, r); ok {
				return p.run, r, true
			}
		}
	}
	return run{}, ranges.Range{}, false
}

// due counts what is to be sent of a queue.
func (l *ledger) due(q queue) (n uint64) {
	for _, p := range l.todo[laneIndex(q.lane())] {
		for _, r := range p.set.Ranges() {
			if r, ok := l.fresh.cut(q, p.run, r); ok {
				n += r.Len()
			}
		}
	}
	return n
}

// remove takes set off what is to be sent.
func (l *ledger) remove(k run, set ranges.Set) {
	lane := slices.Index(sendable[:], k.lane)
	if lane < 0 {
		return
	}
	for i := range l.todo[lane] {
		if l.todo[lane][i].run == k {
			l.todo[lane][i].set.RemoveAll(set)
		}
	}
	l.todo[lane] = slices.DeleteFunc(l.todo[lane], func(p pending) bool { return p.set.Empty() })
}

// ack adds to what the gateway has.
func (l *ledger) ack(stored []wire.Stored) {
	for _, s := range stored {
		k := run{s.Epoch, s.Lane}
		set := l.acked[k]
		set.AddAll(s.Ranges)
		l.acked[k] = set
		l.remove(k, s.Ranges)
	}
}

// replace makes stored, the answer to what was told, all that the gateway has.
func (l *ledger) replace(stored []wire.Stored) {
	l.known = l.told
	l.acked = make(map[run]ranges.Set, len(stored))
	for _, s := range stored {
		k := run{s.Epoch, s.Lane}
		set := l.acked[k]
		set.AddAll(s.Ranges)
		l.acked[k] = set
	}
	l.work()
}

// news reports whether the gateway should be told anew what the node has (delivery rule 13): an epoch was added, a loss
// named, the part held back changed, or something dropped that the gateway has not got. Commits are no news: frames tell of them.
func (l *ledger) news() bool {
	for _, e := range l.hello.Epochs {
		i := slices.IndexFunc(l.told.Epochs, func(x wire.Epoch) bool { return x.Epoch == e.Epoch })
		if i < 0 {
			return true
		}
		for _, now := range e.Lanes {
			j := slices.IndexFunc(l.told.Epochs[i].Lanes, func(x wire.Lane) bool { return x.Lane == now.Lane })
			if j < 0 {
				return true
			}
			told := l.told.Epochs[i].Lanes[j]
			if !slices.Equal(told.Lost, now.Lost) {
				return true
			}
			if now.Lane != telemetry.Archive && !told.Held.Equal(now.Held) {
				return true
			}
			gone := told.Kept.Minus(now.Kept)
			if gone.RemoveAll(l.acked[run{e.Epoch, now.Lane}]); !gone.Empty() {
				return true
			}
		}
	}
	return false
}

// waiting counts the records that are to be sent or under way.
func (l *ledger) waiting() uint64 {
	n := l.flight.records()
	for _, todo := range l.todo {
		for _, p := range todo {
			n += p.set.Len()
		}
	}
	return n
}

// parking is what is not sent again until the gateway comes in another generation: what it refused for good, what cannot be read.
// It outlives connections.
type parking struct {
	generation uint64
	sets       map[run]ranges.Set
	unread     map[run]ranges.Set // the part of sets that could not be read here: the disk may be better later
	retry      time.Time          // when it is tried again; zero: there is none
	strikes    map[strike]int
	alone      map[run]ranges.Set // refused once as corrupt: sent again as it is stored, so that what is sound passes and the rest is recognized
}

// strike counts how often one frame met one trouble.
type strike struct {
	run
	first  uint64
	reason wire.Reason
}

const maxStrikes = 1024

func (p *parking) of(k run) ranges.Set { return p.sets[k] }

func (p *parking) add(k run, r ranges.Range) {
	if p.sets == nil {
		p.sets = make(map[run]ranges.Set)
	}
	set := p.sets[k]
	set.Add(r)
	p.sets[k] = set
}

// unreadRest is how long what could not be read rests.
const unreadRest = 10 * time.Minute

// rest parks r for a while.
func (p *parking) rest(now time.Time, k run, r ranges.Range) {
	p.add(k, r)
	if p.unread == nil {
		p.unread = make(map[run]ranges.Set)
	}
	set := p.unread[k]
	set.Add(r)
	p.unread[k] = set
	if p.retry.IsZero() {
		p.retry = now.Add(unreadRest)
	}
}

// wake lets go what has rested long enough, and reports whether there was any.
func (p *parking) wake(now time.Time) bool {
	if p.retry.IsZero() || now.Before(p.retry) {
		return false
	}
	for k, r := range p.unread {
		set := p.sets[k]
		set.RemoveAll(r)
		p.sets[k] = set
	}
	p.unread, p.retry = nil, time.Time{}
	return true
}

// strike counts one and returns how many there are now.
func (p *parking) strike(s strike) int {
	if p.strikes == nil || len(p.strikes) >= maxStrikes {
		p.strikes = make(map[strike]int)
	}
	p.strikes[s]++
	return p.strikes[s]
}

// isolate makes what r holds go without neighbours from now on.
func (p *parking) isolate(k run, r ranges.Range) {
	if p.alone == nil || len(p.alone[k].Ranges()) >= maxStrikes {
		p.alone = make(map[run]ranges.Set)
	}
	set := p.alone[k]
	set.Add(r)
	p.alone[k] = set
}

// company returns the last sequence that may go in one frame with the first of r; ok is false if that one goes alone.
func (p *parking) company(k run, r ranges.Range) (last uint64, ok bool) {
	set := p.alone[k]
	if set.Has(r.From) {
		return r.From, false
	}
	apart := set.Intersect(ranges.Make(r))
	if first, some := apart.Min(); some {
		return first - 1, true
	}
	return r.To, true
}

// meet empties the parking if the generation is a new one: the gateway may have been repaired or upgraded.
func (p *parking) meet(generation uint64) {
	if p.generation != generation {
		*p = parking{generation: generation}
	}
}
