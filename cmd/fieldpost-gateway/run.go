package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"fieldpost/cmd/internal/command"
	"fieldpost/configs/gatewayfile"
	"fieldpost/gateway"
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
	g, err := gateway.Open(c.Gateway(command.Software(name), command.Logger(errs)))
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
