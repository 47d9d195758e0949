package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"fieldpost/configs/gatewayfile"
	"fieldpost/gateway"
	"fieldpost/gateway/source/mqttbroker"
	"fieldpost/gateway/source/mqttclient"
)

func runCommand() command {
	f := newFlags("run")
	config := configFlag(f)
	return command{flags: f, run: func(ctx context.Context, _, errs io.Writer) int {
		c := load(*config, errs)
		if c == nil {
			return failed
		}
		if c.File == "" {
			fmt.Fprintf(errs, "fieldpost-gateway: no %s: MQTT on %s, HTTP on http://%s, data in ./%s, this machine only\n",
				gatewayfile.DefaultPath, c.Sources[0].MQTTBroker.Listen, c.HTTP.Listen, c.Data)
		}
		if err := runGateway(ctx, c, logger(errs)); err != nil {
			fmt.Fprintf(errs, "fieldpost-gateway: %v\n", err)
			return failed
		}
		return ok
	}}
}

func runGateway(ctx context.Context, c *gatewayfile.Config, log *slog.Logger) (err error) {
	out := gateway.Config{Software: software(), Data: c.Data, Retention: c.Retention, HTTP: c.HTTP, Log: log}
	for _, s := range c.Sources {
		switch {
		case s.MQTTBroker != nil:
			out.Sources = append(out.Sources, mqttbroker.New(s.Name, *s.MQTTBroker, log))
		case s.MQTT != nil:
			out.Sources = append(out.Sources, mqttclient.New(s.Name, *s.MQTT, log))
		}
	}
	g, err := gateway.Open(out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, g.Close()) }()
	return g.Run(ctx)
}
