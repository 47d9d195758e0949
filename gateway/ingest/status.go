package ingest

import (
	"sync/atomic"
	"time"

	"fieldpost/telemetry/wire"
)

// Status counts what came and what became of it since the process began. It is a copy.
type Status struct {
	Connections int // open now
	InFlight    int // bytes of frames received and not yet committed

	Hellos    uint64
	Tables    uint64
	Unknown   uint64 // messages of a type this version does not know
	Frames    uint64 // received
	Dense     uint64 // of them
	Bytes     uint64
	Records   uint64 // stored
	Repeats   uint64 // records received that were stored already, and were left out
	Refusals  map[wire.Reason]uint64
	Offences  uint64 // violations of the protocol
	Commits   uint64
	Failed    uint64        // commits that failed
	Slowest   time.Duration // longest commit
	AcksSent  uint64
	AcksStuck uint64 // acks and refusals that a connection did not take
}

const reasons = int(wire.NotAllowed) + 1

// counters are Status while it is being counted.
type counters struct {
	hellos, tables, unknown, frames, dense, bytes, records, repeats atomic.Uint64
	offences, commits, failed, slowest, acksSent, acksStuck         atomic.Uint64
	refusals                                                        [reasons]atomic.Uint64
}

// Status may be called at any time.
func (in *Ingest) Status() Status {
	c := &in.counters
	in.mu.Lock()
	connections := len(in.sessions)
	in.mu.Unlock()
	s := Status{
		Connections: connections,
		InFlight:    in.budget.inFlight(),
		Hellos:      c.hellos.Load(),
		Tables:      c.tables.Load(),
		Unknown:     c.unknown.Load(),
		Frames:      c.frames.Load(),
		Dense:       c.dense.Load(),
		Bytes:       c.bytes.Load(),
		Records:     c.records.Load(),
		Repeats:     c.repeats.Load(),
		Refusals:    map[wire.Reason]uint64{},
		Offences:    c.offences.Load(),
		Commits:     c.commits.Load(),
		Failed:      c.failed.Load(),
		Slowest:     time.Duration(c.slowest.Load()),
		AcksSent:    c.acksSent.Load(),
		AcksStuck:   c.acksStuck.Load(),
	}
	for i := range c.refusals {
		if n := c.refusals[i].Load(); n > 0 {
			s.Refusals[wire.Reason(i)] = n
		}
	}
	return s
}
