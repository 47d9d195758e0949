package serialport

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tarm/serial"
	"golang.org/x/sys/unix"
)

const (
	// readTimeout is VTIME of the tty, which comes in steps of 100 ms: the longest that one read in the kernel takes.
	readTimeout = 100 * time.Millisecond

	// probeEvery is how often a quiet port is asked whether it is still the one that was opened.
	probeEvery = time.Second

	// strikes is how many times in a row a sign of a hang-up must come that can also mean something else.
	strikes = 3

	// closeLimit is how long Close waits for the kernel.
	closeLimit = 400 * time.Millisecond
)

// Port is an open serial line. Read, Write, Close and the deadlines may be called at once from several goroutines; concurrent
// Reads take turns.
type Port struct {
	name  string // the path as it was asked for
	log   *slog.Logger
	tty   *serial.Port
	side  int           // second descriptor of the same tty, non-blocking
	wake  int           // eventfd, readable from Close on
	rdev  uint64        // device number of the tty
	stall time.Duration // longest that a Write goes without sending a byte

	epoch      time.Time    // deadlines count from here on the monotonic clock, so that a step of the wall clock moves none
	readUntil  atomic.Int64 // ns since epoch; 0: none
	writeUntil atomic.Int64

	// mu is held for reading while the descriptors are in use, and for writing to close them. reading comes after mu.
	mu      sync.RWMutex
	reading sync.Mutex
	missing int // probes in a row that did not find the path; guarded by reading

	closing  atomic.Bool
	once     sync.Once
	released chan struct{}
	closeErr error // set before released is closed
}

// Read reads what has arrived, at least one byte. It blocks until then, or until the port hangs up (ErrHangup), the deadline passes
// (os.ErrDeadlineExceeded) or Close is called (os.ErrClosed).
func (p *Port) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	p.mu.RLock()
	defer p.mu.RUnlock()
	p.reading.Lock()
	defer p.reading.Unlock()

	deadline := p.deadline(&p.readUntil)
	for early := 0; ; {
		until := time.Now().Add(probeEvery)
		if !deadline.IsZero() && deadline.Before(until) {
			until = deadline
		}
		events, err := p.wait(unix.POLLIN, until)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			if err := p.probe(); err != nil {
				return 0, err
			}
			if until.Equal(deadline) {
				return 0, p.failed("read", err)
			}
			continue
		case err != nil:
			return 0, p.failed("read", err)
		case events&unix.POLLIN == 0:
			return 0, p.failed("read", ErrHangup) // POLLHUP or POLLERR, and nothing left to read
		}

		began := time.Now()
		n, err := p.tty.Read(b)
		switch {
		case n > 0:
			p.missing = 0
			return n, nil
		case err != nil && !errors.Is(err, io.EOF):
			return 0, p.failed("read", cause(err))
		case events&(unix.POLLHUP|unix.POLLERR) != 0:
			return 0, p.failed("read", ErrHangup)
		case time.Since(began) < readTimeout/2:
			if early++; early == strikes {
				return 0, p.failed("read", ErrHangup)
			}
		default:
			early = 0 // a true timeout: somebody else reads this port too
		}
	}
}

// Write sends b into the kernel's buffer. It returns os.ErrDeadlineExceeded when the deadline passes, or when not a byte could be
// sent for about as long as a full buffer takes at the port's rate and ten seconds more: n says how much went.
func (p *Port) Write(b []byte) (n int, err error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	deadline := p.deadline(&p.writeUntil)
	for n < len(b) {
		until := time.Now().Add(p.stall)
		if !deadline.IsZero() && deadline.Before(until) {
			until = deadline
		}
		events, err := p.wait(unix.POLLOUT, until)
		switch {
		case err != nil:
			return n, p.failed("write", err)
		case events&unix.POLLOUT == 0 || events&(unix.POLLHUP|unix.POLLERR) != 0:
			return n, p.failed("write", ErrHangup)
		}
		m, err := unix.Write(p.side, b[n:])
		switch {
		case m > 0:
			n += m
		case err == unix.EINTR:
		case err == unix.EAGAIN:
			// Ready, and yet no room: some drivers need a moment after XOFF. Do not spin.
			if _, err := p.wait(0, time.Now().Add(readTimeout/10)); !errors.Is(err, os.ErrDeadlineExceeded) && err != nil {
				return n, p.failed("write", err)
			}
		default:
			return n, p.failed("write", cause(err))
		}
	}
	return n, nil
}

// SetReadDeadline bounds Reads that begin after it; a zero t lifts the bound.
func (p *Port) SetReadDeadline(t time.Time) error { return p.setDeadline(&p.readUntil, t) }

// SetWriteDeadline bounds Writes that begin after it; a zero t leaves only the bound that each Write has.
func (p *Port) SetWriteDeadline(t time.Time) error { return p.setDeadline(&p.writeUntil, t) }

// Close ends all Reads and Writes, drops what was not sent yet (the kernel would wait for it, up to half a minute on a held line) and gives the
// port free. It takes less than 500 ms: if the kernel takes longer, it returns an error and the rest happens behind it.
// Further calls return the same.
func (p *Port) Close() error {
	p.once.Do(func() {
		p.closing.Store(true)
		var one [8]byte
		binary.NativeEndian.PutUint64(one[:], 1)
		_, _ = unix.Write(p.wake, one[:]) // an eventfd at zero takes a one
		go p.release()
	})
	limit := time.NewTimer(closeLimit)
	defer limit.Stop()
	select {
	case <-p.released:
		return p.closeErr
	case <-limit.C:
		return fmt.Errorf("close %s: the kernel has not let go after %s; unplug the adapter if it stays so", p.name, closeLimit)
	}
}

func (p *Port) release() {
	p.mu.Lock() // until the last Read and Write have left: wake sends them away
	defer p.mu.Unlock()
	_ = unix.IoctlSetInt(p.side, unix.TCFLSH, unix.TCIOFLUSH) // all three fail on a port that has hung up: nothing to undo then
	_ = unix.IoctlSetInt(p.side, unix.TIOCNXCL, 0)
	err := p.tty.Close()
	p.closeErr = errors.Join(err, os.NewSyscallError("close", unix.Close(p.side)), os.NewSyscallError("close", unix.Close(p.wake)))
	if p.closeErr != nil {
		p.closeErr = fmt.Errorf("close %s: %w", p.name, p.closeErr)
	}
	p.log.Debug("serial port closed", "port", p.name)
	close(p.released)
}

// wait blocks until the tty is ready for events or has hung up, until passes, or Close is called.
func (p *Port) wait(events int16, until time.Time) (int16, error) {
	for {
		if p.closing.Load() { // before the descriptors are looked at: they may be gone
			return 0, os.ErrClosed
		}
		fds := [...]unix.PollFd{{Fd: int32(p.side), Events: events}, {Fd: int32(p.wake), Events: unix.POLLIN}}
		left := max(0, time.Until(until))
		n, err := unix.Poll(fds[:], int((left+time.Millisecond-1)/time.Millisecond))
		switch {
		case err == unix.EINTR:
		case err != nil:
			return 0, os.NewSyscallError("poll", err)
		case fds[1].Revents != 0:
			return 0, os.ErrClosed
		case n == 0:
			return 0, os.ErrDeadlineExceeded
		default:
			return fds[0].Revents, nil
		}
	}
}

// probe finds out whether a quiet port is still there and still what its path names.
func (p *Port) probe() error {
	if _, err := unix.IoctlGetTermios(p.side, unix.TCGETS); err != nil {
		return p.failed("ask", cause(err))
	}
	rdev, err := deviceNumber(p.name)
	switch {
	case err != nil:
		// udev takes a link away and puts it back when its rules are run again.
		if p.missing++; p.missing >= strikes {
			return fmt.Errorf("read %s: %w: its path does not exist any more", p.name, ErrHangup)
		}
	case rdev != p.rdev:
		return fmt.Errorf("read %s: %w: its path names another device now", p.name, ErrHangup)
	default:
		p.missing = 0
	}
	return nil
}

func (p *Port) failed(doing string, err error) error {
	return fmt.Errorf("%s %s: %w", doing, p.name, err)
}

// cause turns the ways in which a tty that has gone answers into ErrHangup, and takes the path off other errors.
func cause(err error) error {
	for _, gone := range []error{unix.EIO, unix.ENXIO, unix.ENODEV} {
		if errors.Is(err, gone) {
			return ErrHangup
		}
	}
	if e, ok := errors.AsType[*os.PathError](err); ok {
		return e.Err
	}
	return err
}

func (p *Port) setDeadline(d *atomic.Int64, t time.Time) error {
	if p.closing.Load() {
		return p.failed("set deadline of", os.ErrClosed)
	}
	if t.IsZero() {
		d.Store(0)
		return nil
	}
	d.Store(max(1, int64(t.Sub(p.epoch))))
	return nil
}

func (p *Port) deadline(d *atomic.Int64) time.Time {
	n := d.Load()
	if n == 0 {
		return time.Time{}
	}
	return p.epoch.Add(time.Duration(n))
}
