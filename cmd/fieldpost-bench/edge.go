package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"fieldpost/cmd/internal/command"
	"fieldpost/configs/edgefile"
	"fieldpost/configs/setting"
	"fieldpost/drivers/catalogue"
	"fieldpost/edge"
	"fieldpost/edge/clock"
	"fieldpost/measure/flood"
	"fieldpost/telemetry"
)

// edgeCommand is fieldpost-edge run for a torture: with a clock that can be stepped without stepping the machine's, and with less room than any
// configuration may give, so that it is reached in seconds.
func edgeCommand() command.Sub {
	f := command.Flags("edge")
	config := f.String("config", "", "the edge's `FILE`")
	clockFile := f.String("clock", "", "a `FILE` that holds who vouches for the clock and how far it is off, such as \"sync -1h\"")
	var segment, room setting.Size
	f.TextVar(&segment, "segment", setting.Size(0), "`SIZE` of a journal segment")
	f.TextVar(&room, "room", setting.Size(0), "`SIZE` of the journal")
	profiles := profilesFlag(f)
	return command.Sub{Flags: f, Run: func(ctx context.Context, io command.IO) int {
		c, problems := edgefile.Load(*config, append(catalogue.Kinds(), flood.Kind()))
		fmt.Fprint(io.Errs, problems)
		if problems.Failed() {
			return command.Failed
		}
		if room > 0 {
			c.Journal.MaxSize = room
		}
		composed, err := c.Edge(command.Software(name), command.Logger(io.Errs))
		if err == nil {
			composed.SegmentSize = int64(segment)
			if *clockFile != "" {
				composed.Source = &steppedClock{kernel: clock.NewSystem(true), path: *clockFile}
			}
			err = profiled(ctx, *profiles, "edge", func(ctx context.Context) error { return runEdge(ctx, composed) })
		}
		if err != nil {
			fmt.Fprintf(io.Errs, "%s: %v\n", name, err)
			return command.Failed
		}
		return command.OK
	}}
}

func runEdge(ctx context.Context, c edge.Config) (err error) {
	command.Frugal()
	e, err := edge.Open(c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	return e.Run(ctx)
}

// steppedClock is the kernel's clock, off by what a file says. The file is read when trust is asked for, so a step shows within a second.
type steppedClock struct {
	kernel clock.System
	path   string
	off    atomic.Int64
}

// Read is clock.Source.
func (c *steppedClock) Read() (telemetry.Time, int64) {
	wall, mono := c.kernel.Read()
	return wall + telemetry.Time(c.off.Load()), mono
}

// Mono is clock.Source.
func (c *steppedClock) Mono() int64 { return c.kernel.Mono() }

// Trust is clock.Source. Nobody vouches for a clock whose file cannot be read.
func (c *steppedClock) Trust() telemetry.ClockState {
	b, err := os.ReadFile(c.path)
	if err != nil {
		return telemetry.ClockUnset
	}
	var state, off string
	if _, err := fmt.Sscan(string(b), &state, &off); err != nil {
		return telemetry.ClockUnset
	}
	d, err := time.ParseDuration(off)
	if err != nil {
		return telemetry.ClockUnset
	}
	c.off.Store(int64(d))
	if state == "sync" {
		return telemetry.ClockSync
	}
	return telemetry.ClockUnset
}
