package stream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"time"

	"fieldpost/drivers"
)

const (
	// soon is how short after opening a serial port its first byte makes it likely that the port was opened in the middle of a telegram: there
	// are no pauses of that length in one.
	soon = 50 * time.Millisecond

	// chunk holds what the kernel keeps for a tty.
	chunk = 4096
)

// driver is the loop around a decoder.
type driver struct {
	bus     drivers.Bus
	decoder Decoder
	log     *slog.Logger
}

// Run implements drivers.Driver.
func (d *driver) Run(ctx context.Context, emit drivers.Emit) error {
	stream, err := d.bus.Open(ctx, d.log)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = stream.Close() }) // ends a Read that waits
	err = d.read(ctx, stream, emit)
	stop()
	closed := stream.Close()
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case d.bus.Serial != nil:
		return errors.Join(err, closed) // a port that does not close will not open either
	}
	return err
}

// read hands what comes to the decoder until the stream fails or is closed.
func (d *driver) read(ctx context.Context, stream drivers.Stream, emit drivers.Emit) error {
	opened := time.Now()
	serial := d.bus.Serial != nil
	d.decoder.Begin(Whole)
	if serial {
		d.decoder.Begin(Cut)
	}
	buf := make([]byte, chunk)
	bounded := false
	for first := true; ; {
		if quiet := d.decoder.Quiet(); quiet > 0 || bounded {
			var until time.Time
			if quiet > 0 {
				until = time.Now().Add(quiet)
			}
			if err := stream.SetReadDeadline(until); err != nil {
				return err
			}
			bounded = quiet > 0
		}
		n, err := stream.Read(buf)
		if n > 0 && first {
			first = false
			if serial && time.Since(opened) < soon {
				d.decoder.Begin(Suspect)
			}
		}
		d.decoder.Decode(buf[:n], emit)
		switch {
		case err == nil:
		case errors.Is(err, os.ErrDeadlineExceeded):
			d.decoder.Flush(emit)
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, io.EOF):
			d.decoder.End(true, emit)
			return fmt.Errorf("read from %s: the other side closed the connection", d.bus.TCP)
		default:
			d.decoder.End(false, emit)
			if serial {
				return err // names the port
			}
			return fmt.Errorf("read from %s: %w", d.bus.TCP, cause(err))
		}
	}
}

// cause takes off the addresses that net puts before an error: the bus is named already.
func cause(err error) error {
	if e, ok := errors.AsType[*net.OpError](err); ok {
		return e.Err
	}
	return err
}
