package main

import (
	"context"
	"fmt"

	"fieldpost/cmd/internal/command"
	"fieldpost/configs/schema"
)

func schemaCommand() command.Sub {
	return command.Sub{Flags: command.Flags("schema"), Run: func(_ context.Context, io command.IO) int {
		fmt.Fprint(io.Out, schema.Gateway)
		return command.OK
	}}
}
