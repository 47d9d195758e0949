package mqtt

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"time"
)

// slow is a connection whose writes are recorded and go on only as fast as they are let.
type slow struct {
	net.Conn
	let     chan struct{} // one for each write; closed: all
	entered chan struct{} // told when a write begins; holds one

	mu     sync.Mutex
	writes [][]byte
	fail   error
	closed bool
	ended  chan struct{}
}

func newSlow(t *testing.T) *slow {
	a, b := net.Pipe()
	t.Cleanup(func() { a.Close(); b.Close() })
	return &slow{Conn: a, let: make(chan struct{}), entered: make(chan struct{}, 1), ended: make(chan struct{})}
}

func (s *slow) Write(b []byte) (int, error) {
	signal(s.entered)
	select {
	case <-s.let:
	case <-s.ended:
		return 0, net.ErrClosed
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return 0, s.fail
	}
	s.writes = append(s.writes, bytes.Clone(b))
	return len(b), nil
}

func (s *slow) SetWriteDeadline(time.Time) error { return nil }

func (s *slow) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.closed = true
		close(s.ended)
	}
	return s.Conn.Close()
}

func (s *slow) all() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return bytes.Join(s.writes, nil)
}

func TestWritesLeaveTogether(t *testing.T) {
	s := newSlow(t)
	close(s.let)
	f := coalesce(s, s)
	var want []byte
	for i := range 500 {
		b := bytes.Repeat([]byte{byte(i)}, i%40)
		want = append(want, b...)
		if n, err := f.Write(b); err != nil || n != len(b) {
			t.Fatal(n, err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(s.all(), want) {
		t.Error("what was written is not what left")
	}
	if n := len(s.writes); n > 100 {
		t.Errorf("500 writes left as %d", n)
	}
	if _, err := f.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("write after Close: %v", err)
	}
}

func TestOneSmallWriteLeavesSoon(t *testing.T) {
	a, b := net.Pipe()
	defer b.Close()
	f := coalesce(a, a)
	defer f.Close()
	go f.Write([]byte("x"))
	b.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := io.ReadFull(b, make([]byte, 1)); err != nil {
		t.Error(err)
	}
}

func TestFullBufferMakesWritersWait(t *testing.T) {
	s := newSlow(t)
	f := coalesce(s, s)
	chunk := make([]byte, bufferSize)
	if _, err := f.Write(chunk); err != nil {
		t.Fatal(err)
	}
	<-s.entered // that one is under way; the next one lies in the buffer
	if _, err := f.Write(chunk); err != nil {
		t.Fatal(err)
	}
	f.SetWriteDeadline(time.Now().Add(20 * time.Millisecond))
	if _, err := f.Write(chunk); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("write into a full buffer: %v", err)
	}
	f.SetWriteDeadline(time.Time{})
	wrote := make(chan error)
	go func() { _, err := f.Write(chunk); wrote <- err }()
	s.let <- struct{}{}
	if err := <-wrote; err != nil {
		t.Error(err)
	}
	close(s.let)
	f.Close()
	if n := len(s.all()); n != 3*bufferSize {
		t.Errorf("%d bytes left", n)
	}
}

func TestErrorOfSendingComesOut(t *testing.T) {
	s := newSlow(t)
	s.fail = errors.New("no carrier")
	close(s.let)
	f := coalesce(s, s)
	if _, err := f.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Read(make([]byte, 1)); err != s.fail {
		t.Errorf("read: %v", err)
	}
	if _, err := f.Write([]byte("x")); err != s.fail {
		t.Errorf("write: %v", err)
	}
	f.Close()
}

func TestCloseDoesNotWaitForEver(t *testing.T) {
	s := newSlow(t)
	f := coalesce(s, s)
	if _, err := f.Write(make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	f.Close()
	if took := time.Since(begin); took > 5*closeWait {
		t.Errorf("Close took %v", took)
	}
	f.Close()
}
