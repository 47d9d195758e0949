package main

import (
	"context"
	"errors"
	"log/slog"

	"fieldpost/cmd/internal/command"
	"fieldpost/configs/edgefile"
	"fieldpost/edge"
)

func runCommand() command.Sub {
	f := command.Flags("run")
	config := configFlag(f)
	return command.Sub{Flags: f, Run: func(ctx context.Context, io command.IO) int {
		c := load(*config, io.Errs)
		if c == nil {
			return command.Failed
		}
		return done(runEdge(ctx, c, command.Logger(io.Errs)), io.Errs)
	}}
}

func runEdge(ctx context.Context, c *edgefile.Config, log *slog.Logger) (err error) {
	command.Frugal()
	composed, err := c.Edge(command.Software(name), log)
	if err != nil {
		return err
	}
	e, err := edge.Open(composed)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	return e.Run(ctx)
}
