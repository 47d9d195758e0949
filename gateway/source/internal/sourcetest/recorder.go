// Package sourcetest holds what the tests of all sources share: a receiver that remembers, a node to speak for, and the
// contract of source.Source as a test.
package sourcetest

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"fieldpost/gateway/source"
	"fieldpost/telemetry/wire"
)

// Patience is how long a test waits for what must come.
const Patience = 20 * time.Second

// Event is one call that a Recorder got.
type Event struct {
	What    string // connected, received, gone, presence
	Node    string
	Payload string // received
	State   wire.LinkState
	Conn    source.Conn
}

// String leaves out what differs from run to run.
func (e Event) String() string {
	switch e.What {
	case "received":
		if n := len(e.Payload); n > 20000 {
			return fmt.Sprintf("%s %s %d bytes", e.What, e.Node, n)
		}
		return fmt.Sprintf("%s %s %q", e.What, e.Node, e.Payload)
	case "presence":
		return fmt.Sprintf("%s %s %s online=%v nonce=%x", e.What, e.Node, e.State.Link, e.State.Online, e.State.Nonce)
	}
	return e.What + " " + e.Node
}

// Recorder is a source.Receiver that remembers its calls in order.
type Recorder struct {
	// OnReceive, if set, decides what Receive returns. It is called before the event is recorded.
	OnReceive func(c source.Conn, payload []byte) error

	mu      sync.Mutex
	events  []Event
	changed chan struct{} // closed and replaced at each event
}

// NewRecorder returns one without events.
func NewRecorder() *Recorder { return &Recorder{changed: make(chan struct{})} }

func (r *Recorder) add(e Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
	close(r.changed)
	r.changed = make(chan struct{})
}

// Connected is source.Receiver's.
func (r *Recorder) Connected(c source.Conn) {
	r.add(Event{What: "connected", Node: c.Peer().Node, Conn: c})
}

// Gone is source.Receiver's.
func (r *Recorder) Gone(c source.Conn) {
	r.add(Event{What: "gone", Node: c.Peer().Node, Conn: c})
}

// Receive is source.Receiver's.
func (r *Recorder) Receive(c source.Conn, payload []byte) error {
	var err error
	if r.OnReceive != nil {
		err = r.OnReceive(c, payload)
	}
	r.add(Event{What: "received", Node: c.Peer().Node, Payload: string(payload), Conn: c})
	return err
}

// Presence is source.Receiver's.
func (r *Recorder) Presence(node string, s wire.LinkState) {
	r.add(Event{What: "presence", Node: node, State: s})
}

// Events returns what was recorded of the given kinds, or everything.
func (r *Recorder) Events(what ...string) []Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []Event
	for _, e := range r.events {
		if len(what) == 0 || slices.Contains(what, e.What) {
			out = append(out, e)
		}
	}
	return out
}

// Await waits until ok says yes to the events so far, and returns them.
func (r *Recorder) Await(t *testing.T, what string, ok func([]Event) bool) []Event {
	t.Helper()
	deadline := time.After(Patience)
	for {
		r.mu.Lock()
		events, changed := slices.Clone(r.events), r.changed
		r.mu.Unlock()
		if ok(events) {
			return events
		}
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("%s: not within %v; events: %v", what, Patience, events)
		}
	}
}

// AwaitEvent waits for the event that prints as s and returns the first such.
func (r *Recorder) AwaitEvent(t *testing.T, s string) Event {
	t.Helper()
	var found Event
	r.Await(t, s, func(events []Event) bool {
		i := slices.IndexFunc(events, func(e Event) bool { return e.String() == s })
		if i >= 0 {
			found = events[i]
		}
		return i >= 0
	})
	return found
}

// AwaitCount waits until a source has counted n offences of a reason.
func AwaitCount(t *testing.T, s source.Source, r source.Reason, n uint64) {
	t.Helper()
	AwaitStatus(t, s, fmt.Sprintf("%s counted %d times", r, n), func(st source.Status) bool { return st.Refused[r] >= n })
}

// AwaitStatus waits until a source's status is as ok wants it.
func AwaitStatus(t *testing.T, s source.Source, what string, ok func(source.Status) bool) source.Status {
	t.Helper()
	deadline := time.After(Patience)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		st := s.Status()
		if ok(st) {
			return st
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s: not within %v; status: %+v", what, Patience, st)
		}
	}
}
