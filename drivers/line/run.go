package line

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
	// quiet ends a line of an instrument that sends no line ends. It is more than the pause that sketches make in the middle of a line while
	// they wait for a sensor (750 ms for a DS18B20), and less than the second at which most repeat.
	quiet = 900 * time.Millisecond

	// soon is how short after opening a serial port its first byte makes it likely that the port was opened in the middle of a line: there are no
	// pauses of that length in one.
	soon = 50 * time.Millisecond

	// chunk holds what the kernel keeps for a tty.
	chunk = 4096
)

// driver is the loop around a decoder.
type driver struct {
	bus     drivers.Bus
	decoder *decoder
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
	d.decoder.begin(whole)
	if serial {
		d.decoder.begin(cut)
	}
	buf := make([]byte, chunk)
	bounded := false
	for first := true; ; {
		if bound := d.decoder.pending() && !d.decoder.lineEnds(); bound || bounded {
			var until time.Time
			if bound {
				until = time.Now().Add(quiet)
			}
			if err := stream.SetReadDeadline(until); err != nil {
				return err
			}
			bounded = bound
		}
		n, err := stream.Read(buf)
		if n > 0 && first {
			first = false
			if serial && time.Since(opened) < soon {
				d.decoder.begin(suspect)
			}
		}
		d.decoder.Decode(buf[:n], emit)
		switch {
		case err == nil:
		case errors.Is(err, os.ErrDeadlineExceeded):
			d.decoder.Flush(emit)
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, io.EOF) && !d.decoder.lineEnds():
			d.decoder.Flush(emit) // it has sent all and closed: one value per connection
			return closedBy(d.bus)
		case errors.Is(err, io.EOF):
			d.decoder.drop(emit)
			return closedBy(d.bus)
		default:
			d.decoder.drop(emit)
			if serial {
				return err // names the port
			}
			return fmt.Errorf("read from %s: %w", d.bus.TCP, cause(err))
		}
	}
}

func closedBy(b drivers.Bus) error {
	return fmt.Errorf("read from %s: the other side closed the connection", b.TCP)
}

// cause takes off the addresses that net puts before an error: the bus is named already.
func cause(err error) error {
	if e, ok := errors.AsType[*net.OpError](err); ok {
		return e.Err
	}
	return err
}
