package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"fieldpost/cmd/internal/command"
	"fieldpost/configs/gatewayfile"
	"fieldpost/gateway"
	"fieldpost/gateway/source/mqttbroker"
	"fieldpost/gateway/source/mqttclient"
)

func runCommand() command.Sub {
	f := command.Flags("run")
	config := configFlag(f)
	return command.Sub{Flags: f, Run: func(ctx context.Context, io command.IO) int {
		c := load(*config, io.Errs)
		if c == nil {
			return command.Failed
		}
		return done(runGateway(ctx, c, io.Errs), io.Errs)
	}}
}

func runGateway(ctx context.Context, c *gatewayfile.Config, errs io.Writer) (err error) {
	log := command.Logger(errs)
	out := gateway.Config{Software: command.Software(name), Data: c.Data, Retention: c.Retention, HTTP: c.HTTP, Dense: int64(c.DenseMemory), Log: log}
	for _, s := range c.Sources {
		switch {
		case s.MQTTBroker != nil:
			b := mqttbroker.New(s.Name, *s.MQTTBroker, log)
			b.TicketFile = filepath.Join(c.Data, "tls-sessions."+s.Name)
			out.Sources = append(out.Sources, b)
		case s.MQTT != nil:
			out.Sources = append(out.Sources, mqttclient.New(s.Name, *s.MQTT, log))
		}
	}
	g, err := gateway.Open(out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, g.Close()) }()
	if c.File == "" {
		fmt.Fprintf(errs, "%s: no %s: MQTT on %s, HTTP on http://%s, data in ./%s, this machine only\n",
			name, gatewayfile.DefaultPath, c.Sources[0].MQTTBroker.Listen, c.HTTP.Listen, c.Data)
	}
	return g.Run(ctx)
}
