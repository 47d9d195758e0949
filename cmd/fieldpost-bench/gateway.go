package main

import (
	"context"
	"errors"
	"fmt"

	"fieldpost/cmd/internal/command"
	"fieldpost/configs/gatewayfile"
	"fieldpost/gateway"
)

// gatewayCommand is fieldpost-gateway run with profiles.
func gatewayCommand() command.Sub {
	f := command.Flags("gateway")
	config := f.String("config", "", "the gateway's `FILE`")
	profiles := profilesFlag(f)
	return command.Sub{Flags: f, Run: func(ctx context.Context, io command.IO) int {
		c, problems := gatewayfile.Load(*config)
		fmt.Fprint(io.Errs, problems)
		if problems.Failed() {
			return command.Failed
		}
		err := profiled(ctx, *profiles, "gateway", func(ctx context.Context) error {
			return runGateway(ctx, c.Gateway(command.Software(name), command.Logger(io.Errs)))
		})
		if err != nil {
			fmt.Fprintf(io.Errs, "%s: %v\n", name, err)
			return command.Failed
		}
		return command.OK
	}}
}

func runGateway(ctx context.Context, c gateway.Config) (err error) {
	g, err := gateway.Open(c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, g.Close()) }()
	return g.Run(ctx)
}
