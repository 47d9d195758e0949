package torture

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"fieldpost/drivers/emulate"
)

// base is the first number: all have as many digits, so that a line that lost its beginning is told from a whole one.
const base = 1_000_000_000

// source are the instruments, which tell numbered readings while somebody listens.
type source struct {
	pty *emulate.Pty
	tcp *emulate.TCP

	mu     sync.Mutex   // held while a line is told, and by who wants silence
	told   atomic.Int64 // numbers told, on each instrument
	paused bool
}

func newSource(link, address string) (*source, error) {
	pty, err := emulate.NewPty(link)
	if err != nil {
		return nil, err
	}
	tcp, err := emulate.ListenTCP(address)
	if err != nil {
		pty.Close()
		return nil, err
	}
	return &source{pty: pty, tcp: tcp, paused: true}, nil
}

// run tells a few numbers every few milliseconds until ctx ends.
func (s *source) run(ctx context.Context) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := s.tell(); err != nil {
			return err
		}
	}
}

func (s *source) tell() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.paused {
		return nil
	}
	n := base + s.told.Add(1)
	line := fmt.Appendf(nil, "%d\r\n", n)
	if _, err := s.pty.Write(line); err != nil {
		return fmt.Errorf("tell %d on the pty: %w", n, err)
	}
	_, err := s.tcp.Write(line)
	return err
}

// pause has the instruments be silent, or tell again.
func (s *source) pause(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.paused = on
}

func (s *source) close() {
	s.pty.Close()
	s.tcp.Close()
}
