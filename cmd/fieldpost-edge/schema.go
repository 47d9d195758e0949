package main

import (
	"context"
	"fmt"

	"fieldpost/cmd/internal/command"
	"fieldpost/configs/schema"
)

func schemaCommand() command.Sub {
	f := command.Flags("schema")
	return command.Sub{Flags: f, Args: 1, Run: func(_ context.Context, io command.IO) int {
		switch form := f.Arg(0); form {
		case "", "edge":
			fmt.Fprint(io.Out, schema.Edge)
		case "device":
			fmt.Fprint(io.Out, schema.Device)
		default:
			fmt.Fprintf(io.Errs, "%s schema: there is no form %q; want edge (edge.yaml) or device (a device file)\n", name, form)
			return command.BadUsage
		}
		return command.OK
	}}
}
