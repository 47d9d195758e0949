package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"fieldpost/configs/edgefile"
	"fieldpost/edge"
)

func runCommand() command {
	f := newFlags("run")
	config := configFlag(f)
	return command{f, func(ctx context.Context, _ io.Reader, _, errs io.Writer) int {
		c := load(*config, errs)
		if c == nil {
			return failed
		}
		if err := runEdge(ctx, c, logger(errs)); err != nil {
			fmt.Fprintf(errs, "fieldpost-edge: %v\n", err)
			return failed
		}
		return ok
	}}
}

func runEdge(ctx context.Context, c *edgefile.Config, log *slog.Logger) (err error) {
	composed, err := c.Edge(software(), log)
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
