package torture

import (
	"context"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"fieldpost/drivers/emulate"
)

// source are the instruments of one edge, which tell numbered readings while somebody listens.
type source struct {
	pty     *emulate.Pty
	tcp     *emulate.TCP
	base    int
	ballast *rand.Rand // nil: numbers only

	mu     sync.Mutex   // held while a line is told, and by who wants silence
	told   atomic.Int64 // numbers told, on each instrument
	paused bool

	stop context.CancelFunc
	done chan struct{}
	err  error // after done
}

// newSource starts instruments that are silent at first. With ballast each line has some 200 bytes that cannot be made shorter.
func newSource(link, address string, base int, ballast bool) (*source, error) {
	pty, err := emulate.NewPty(link)
	if err != nil {
		return nil, err
	}
	tcp, err := emulate.ListenTCP(address)
	if err != nil {
		pty.Close()
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	s := &source{pty: pty, tcp: tcp, base: base, paused: true, stop: stop, done: make(chan struct{})}
	if ballast {
		s.ballast = rand.New(rand.NewPCG(uint64(base), 0))
	}
	go s.run(ctx)
	return s, nil
}

// run tells a number every few milliseconds until ctx ends.
func (s *source) run(ctx context.Context) {
	defer close(s.done)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for s.err == nil {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			s.err = s.tell()
		}
	}
}

func (s *source) tell() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.paused {
		return nil
	}
	n := s.base + int(s.told.Add(1))
	line := fmt.Appendf(nil, "%d", n)
	if s.ballast != nil {
		var b [150]byte
		for i := range b {
			b[i] = byte(s.ballast.Uint32())
		}
		line = base64.StdEncoding.AppendEncode(append(line, ','), b[:])
	}
	line = append(line, "\r\n"...)
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

// close ends the instruments and returns what went wrong with them.
func (s *source) close() error {
	s.stop()
	<-s.done
	s.pty.Close()
	s.tcp.Close()
	return s.err
}
