package replay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"time"

	"fieldpost/drivers"
	"fieldpost/telemetry"
)

// chunk is what is read at once. The next is read when all of it has been played.
const chunk = 4096

// driver plays a file.
type driver struct {
	device   drivers.Device
	settings Settings
	log      *slog.Logger
}

// Run implements drivers.Driver.
func (d *driver) Run(ctx context.Context, emit drivers.Emit) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	f, err := os.Open(d.settings.File)
	if err != nil {
		return fmt.Errorf("open the recording: %w%s", err, hint(err))
	}
	defer f.Close() //nolint:errcheck // nothing was written
	for again := false; ; again = true {
		played, err := d.play(ctx, f, again, emit)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			return fmt.Errorf("play %s: %w", d.settings.File, err)
		case !d.settings.Loop:
			d.log.Info("recording played to its end", "device", d.device.Name)
			<-ctx.Done()
			return ctx.Err()
		case played == 0:
			return fmt.Errorf("play %s: it has no reading of the sensors that the metrics name", d.settings.File)
		}
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return fmt.Errorf("play %s again: %w", d.settings.File, err)
		}
	}
}

// play plays the recording once, the first time or again, and returns how many samples it gave.
func (d *driver) play(ctx context.Context, f io.Reader, again bool, emit drivers.Emit) (played int, err error) {
	dec, err := newDecoder(d.device, &d.settings)
	if err != nil {
		return 0, err
	}
	if again {
		clear(dec.unseen) // said the first time
	}
	p := pace{speed: d.settings.Speed, longest: d.settings.MaxPause.Go()}
	dec.schedule = func(at telemetry.Time) { p.wait(ctx, at) }
	pass := func(r drivers.Report) {
		if ctx.Err() == nil {
			played += len(r.Samples)
			emit(r)
		}
	}
	buf := make([]byte, chunk)
	for ctx.Err() == nil {
		n, err := f.Read(buf)
		dec.Decode(buf[:n], pass)
		switch {
		case dec.err != nil:
			return played, dec.err
		case errors.Is(err, io.EOF):
			dec.Flush(pass)
			if d.settings.Loop && dec.err == nil {
				p.end(ctx)
			}
			return played, dec.err
		case err != nil:
			return played, err
		}
	}
	return played, ctx.Err()
}

// pace says when the rows of one pass through a recording are due.
type pace struct {
	speed   float64
	longest time.Duration // between two rows; 0: no limit
	started bool
	last    telemetry.Time // of the row before
	step    time.Duration  // the last pause that was one
	due     time.Time
}

// wait waits until the row of time at is due, or ctx ends.
func (p *pace) wait(ctx context.Context, at telemetry.Time) {
	if !p.started {
		p.started, p.due = true, time.Now()
	} else if pause := p.pause(p.last, at); pause > 0 {
		p.step = pause
		p.due = p.due.Add(pause)
	}
	p.last = at
	p.until(ctx)
}

// end keeps a distance between the last row and the first of the next pass: that of the last pause, or a second if there was none, so that a
// recording of one time does not make a busy loop.
func (p *pace) end(ctx context.Context) {
	if p.step == 0 {
		p.step = time.Second
	}
	p.due = p.due.Add(p.step)
	if p.started {
		p.until(ctx)
	}
}

// pause returns how long it is from one row to the next; 0 if it is not later.
func (p *pace) pause(from, to telemetry.Time) time.Duration {
	if p.speed == 0 || to <= from {
		return 0
	}
	pause := (float64(to) - float64(from)) / p.speed // two int64 may be further apart than an int64 can say
	longest := p.longest
	if longest == 0 {
		longest = math.MaxInt64
	}
	if pause >= float64(longest) {
		return longest
	}
	return time.Duration(pause)
}

func (p *pace) until(ctx context.Context) {
	wait := time.Until(p.due)
	if wait <= 0 {
		return
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// hint says what an operator can do.
func hint(err error) string {
	if errors.Is(err, fs.ErrPermission) {
		return "; let the service's user read it"
	}
	return ""
}
