package mqtt

import (
	"log/slog"
	"net"
	"sync"
	"time"
)

const (
	// shortestSilence is as often as a node ever says that it is there. Paths that forget sooner are broken.
	shortestSilence = 15 * time.Second
	// A path seems to forget silent connections once so many in a row did not live through a silence, and to have learned better
	// once one lived through so many.
	forgetful, faithful = 2, 100
)

// silence is how long a dialer's connections are left silent before the node asks whether they still stand (MQTT's keep-alive). Where a path,
// a mobile carrier's address translation mostly, forgets a silent connection sooner than that, each silence costs a new connection, some kilobytes; so it learns to
// be shorter than the path's memory. It holds for the connections that come. Safe for concurrent use.
type silence struct {
	log     *slog.Logger
	longest time.Duration

	mu   sync.Mutex
	now  time.Duration
	dead int // connections in a row that did not live through one
}

func newSilence(longest time.Duration, log *slog.Logger) *silence {
	return &silence{log: log, longest: longest, now: longest}
}

func (s *silence) interval() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

// lived says that a connection of interval lived through n silences, and ended by itself; died: in the next one.
func (s *silence) lived(interval time.Duration, n int, died bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n > 0 {
		s.dead = 0
	}
	if interval != s.now {
		return // it tells of another one
	}
	switch {
	case died:
		if s.dead++; s.dead >= forgetful && s.now > shortestSilence {
			s.dead, s.now = 0, max((s.now*2/3).Round(time.Second), shortestSilence)
			s.log.Info("the path forgets silent connections; the node speaks more often", "every", s.now)
		}
	case n >= faithful && s.now < s.longest:
		s.now = min((s.now * 3 / 2).Truncate(time.Second), s.longest)
		s.log.Info("the path has kept silent connections for long; the node speaks less often", "every", s.now)
	}
}

// silences counts those that a connection lived through. Safe for concurrent use.
type silences struct {
	interval time.Duration

	mu      sync.Mutex
	spoke   time.Time // when anything went either way last
	n       int
	waiting bool // for the first answer after one
}

// sent is told of each write.
func (s *silences) sent(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	// What asks after a silence comes when a second or so is missing from the interval, or is over.
	if !s.spoke.IsZero() && now.Sub(s.spoke) >= s.interval*9/10 {
		s.waiting = true
	}
	s.spoke = now
}

// heard is told of each read that gave something.
func (s *silences) heard(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting {
		s.waiting = false
		s.n++
	}
	s.spoke = now
}

func (s *silences) count() (n int, died bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.n, s.waiting
}

// listened is a connection that tells silences when something goes through it.
type listened struct {
	net.Conn
	silences *silences
}

// Read is net.Conn.
func (c *listened) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.silences.heard(time.Now())
	}
	return n, err
}

// Write is net.Conn.
func (c *listened) Write(b []byte) (int, error) {
	c.silences.sent(time.Now())
	return c.Conn.Write(b)
}
