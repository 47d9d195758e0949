package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"fieldpost/cmd/internal/command"
	"fieldpost/configs/edgefile"
	"fieldpost/drivers"
	"fieldpost/drivers/catalogue"
	"fieldpost/edge"
)

func decodeCommand() command.Sub {
	f := command.Flags("decode")
	device := f.String("device", "", "the device's `FILE`")
	in := f.String("in", "-", "`FILE` of captured bytes; - is standard input")
	chunk := f.Int("chunk", 4096, "feed the decoder `N` bytes at a time: what comes out must not depend on it")
	return command.Sub{Flags: f, Run: func(ctx context.Context, io command.IO) int {
		if *device == "" || *chunk < 1 {
			fmt.Fprintln(io.Errs, "fieldpost-edge decode: -device FILE is needed, and -chunk of at least 1")
			return command.BadUsage
		}
		d, problems := edgefile.LoadDevice(*device, catalogue.Kinds())
		fmt.Fprint(io.Errs, problems)
		if problems.Failed() {
			return command.Failed
		}
		bad, err := decode(ctx, d, *in, *chunk, io)
		if bad > 0 {
			what := "telegrams or fields were"
			if bad == 1 {
				what = "telegram or field was"
			}
			fmt.Fprintf(io.Errs, "%d %s not understood\n", bad, what)
		}
		return done(err, io.Errs)
	}}
}

// decode feeds captured bytes to the device's decoder and the pipeline's conditioning, and prints what comes out.
// bad counts what the decoder did not understand; the first few are told.
func decode(ctx context.Context, d *edgefile.Device, in string, chunk int, std command.IO) (bad int, err error) {
	if d.Kind.Decoder == nil {
		return 0, fmt.Errorf("driver %s reads no stream: there is nothing to decode", d.Kind.Name)
	}
	decoder, err := d.Kind.Decoder(d.ForDriver())
	if err != nil {
		return 0, err
	}
	input := std.In
	if in != "-" {
		f, err := os.Open(in)
		if err != nil {
			return 0, fmt.Errorf("open the captured bytes: %w", err)
		}
		defer f.Close()
		input = f
	}
	w := bufio.NewWriter(std.Out)
	condition := edge.Conditioner(d.Device.DeviceSettings)
	emit := func(r drivers.Report) {
		if r.Err != nil {
			if bad++; bad <= 10 {
				fmt.Fprintf(std.Errs, "not understood: %v\n", r.Err)
			}
		}
		for _, s := range r.Samples {
			w.Write(condition(s)) // the error stays with w until Flush
		}
	}
	buf := make([]byte, chunk)
	for ctx.Err() == nil {
		n, err := input.Read(buf)
		decoder.Decode(buf[:n], emit)
		if errors.Is(err, io.EOF) {
			break
		}
		// What came is shown at once, for in may be a live line.
		if err := errors.Join(err, w.Flush()); err != nil {
			return bad, fmt.Errorf("decode the captured bytes: %w", err)
		}
	}
	decoder.Flush(emit)
	if err := w.Flush(); err != nil {
		return bad, fmt.Errorf("write the readings: %w", err)
	}
	return bad, nil
}
