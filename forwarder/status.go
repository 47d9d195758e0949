package forwarder

import (
	"maps"
	"time"

	"fieldpost/telemetry/wire"
)

// State is where a session stands.
type State string

// The states.
const (
	Connecting State = "connecting" // dialling
	Greeting   State = "hello"      // connected; the gateway has not answered yet, or not lately
	Up         State = "up"         // the gateway answers
	Backoff    State = "backoff"    // waiting for the next attempt
	Stopped    State = "stopped"    // not running, or at the wrong store
)

// Status is a snapshot of a session for status pages and metrics. Sizes are bytes.
type Status struct {
	Link, Kind, URL string
	State           State
	Since           time.Time // in State
	LastError       string    // why the last connection ended or an attempt came to nothing; kept while up
	LastAck         time.Time // of a frame; zero: never
	Next            time.Time // Backoff: the next attempt
	Attempts        int       // failed since the last acknowledged round trip

	Store      wire.StoreID // of the last welcome
	Generation uint64
	RTT        time.Duration // smallest lately, from sending a frame to its ack; 0: none yet
	Rate       float64       // acknowledged bytes per second, best lately; 0: none yet
	Window     int
	InFlight   int    // in the window
	Waiting    uint64 // records to be sent or under way; what the session last knew
	Parked     uint64 // records that are not sent again until the gateway starts anew

	Second State // of the second connection, which alarms take when this one keeps them waiting; "": there is none now

	In, Out      Traffic // of both
	Connects     uint64
	Coding       Coding // of the next frame: never Auto
	FramesSent   uint64 // messages with records
	FramesDense  uint64 // of them
	FramesCold   uint64 // of those, coded with no state of the gateway's
	TablesSent   uint64
	HellosSent   uint64
	RecordsAcked uint64 // that this session sent
	FramesResent uint64 // came back unacknowledged while the connection lasted
	Unreadable   uint64 // messages from the gateway that could not be read
	Refused      map[wire.Reason]uint64
}

// Status returns how the session stands. Safe for concurrent use.
func (s *Session) Status() Status {
	counted := interface{ Counters() Counters }(s.o.Dialer)
	if s.o.Broker != nil {
		counted = s.o.Broker
	}
	c := counted.Counters()
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.status
	st.Refused = maps.Clone(st.Refused)
	st.In, st.Out, st.Connects = c.In, c.Out, c.Connects
	if s.detour != nil {
		st.add(s.detour.session)
	}
	return st
}

// add adds what the second connections did.
func (st *Status) add(second *Session) {
	second.mu.Lock()
	defer second.mu.Unlock()
	x := &second.status
	if x.State != Stopped {
		st.Second = x.State
	}
	st.FramesSent += x.FramesSent
	st.TablesSent += x.TablesSent
	st.HellosSent += x.HellosSent
	st.RecordsAcked += x.RecordsAcked
	st.FramesResent += x.FramesResent
	st.Unreadable += x.Unreadable
	for reason, n := range x.Refused {
		if st.Refused == nil {
			st.Refused = make(map[wire.Reason]uint64)
		}
		st.Refused[reason] += n
	}
	if x.LastAck.After(st.LastAck) {
		st.LastAck = x.LastAck
	}
}

// note changes the status.
func (s *Session) note(change func(*Status)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.status.State
	change(&s.status)
	if s.status.State != before {
		s.status.Since = time.Now()
	}
}
