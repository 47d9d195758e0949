package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"fieldpost/configs/edgefile"
	"fieldpost/edge"
	"fieldpost/forwarder/link/mqtt"
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
	composed, err := compose(c, log)
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

// compose turns the files into what the edge runs.
func compose(c *edgefile.Config, log *slog.Logger) (edge.Config, error) {
	out := c.Edge()
	out.Software, out.Log = software(), log
	for _, l := range c.Links {
		dialer, err := mqtt.New(*l.MQTT, log)
		if err != nil {
			return out, fmt.Errorf("set up link %s: %w", l.Name, err)
		}
		out.Links = append(out.Links, edge.Link{Name: l.Name, Kind: "mqtt", URL: l.MQTT.URL, Dialer: dialer})
	}
	return out, nil
}
