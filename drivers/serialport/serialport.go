// Package serialport is the careful port over github.com/tarm/serial. It stands between the kernel's tty and the
// drivers that read one.
//
// tarm/serial opens the line, sets it raw and reads it. On its own it answers a timeout and a pulled plug alike with
// io.EOF (the second at once and for ever, which makes a busy loop), blocks in Close until a byte arrives, locks
// nothing, and knows a fixed list of rates. It hands out no descriptor to mend that with, so a Port keeps a second one on the same tty:
//
//   - lock: flock before tarm/serial touches the line, then TIOCEXCL. flock is the lock that counts: TIOCEXCL does not
//     bind root, but keeps programs out that never ask for a lock.
//   - wait: poll on the second descriptor and on an eventfd that Close fires. tarm/serial reads only when something is there; its
//     own ReadTimeout of 100 ms is the net below, for when somebody else took the bytes.
//   - hang-up: POLLHUP, an EIO, an end of file that comes faster than the read timeout three times in a row, or a path that
//     names another device than the one that is open.
//   - rate: TCSETS2 with BOTHER, read back, for those that tarm/serial has no constant for.
//   - write: non-blocking, so that a line held by flow control cannot hold the writer.
//
// A hang-up is final: close the Port and open it again by its path; by /dev/serial/by-id it comes back as itself.
package serialport

import (
	"context"
	"errors"
	"log/slog"
)

// ErrHangup says that the device behind a port has gone: unplugged, or the other side of a pty closed. Nothing more will
// come from this Port.
var ErrHangup = errors.New("the serial device has gone")

// ErrBusy says that another program, or another bus of this one, has the port.
var ErrBusy = errors.New("the port is in use")

// Open opens s.Port and locks it. It returns ctx's error if ctx ends first; what the kernel still opens then is closed behind it.
// ctx has no say over the Port afterwards: Close ends it. Errors name the path and tell what an operator can do.
func Open(ctx context.Context, s Settings, log *slog.Logger) (*Port, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	type result struct {
		port *Port
		err  error
	}
	// Opening a USB adapter with sick firmware can take the kernel seconds, and no signal ends it.
	done := make(chan result, 1)
	go func() {
		p, err := open(s, log)
		done <- result{p, err}
	}()
	select {
	case r := <-done:
		return r.port, r.err
	case <-ctx.Done():
		go func() {
			if r := <-done; r.port != nil {
				_ = r.port.Close() // nobody is left to tell
			}
		}()
		return nil, ctx.Err()
	}
}
