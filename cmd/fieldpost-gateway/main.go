// Command fieldpost-gateway takes in what edges send, keeps it, and answers queries.
// It holds wiring only: flags, files, start and stop. Exit status: 0 ok, 1 problem found or run failed, 2 wrong usage.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"

	"fieldpost/cmd/internal/command"
	"fieldpost/configs/gatewayfile"
)

const name = "fieldpost-gateway"

const usage = `fieldpost-gateway takes in what edges send, keeps it, and answers queries.

  fieldpost-gateway run     [-config FILE]                 run until SIGTERM or Ctrl-C
  fieldpost-gateway check   [-config FILE]                 say what is wrong with the file; changes nothing
  fieldpost-gateway status  [-config FILE] [-json]         what the running gateway says of itself
  fieldpost-gateway abandon [-config FILE] -node N [-epoch E]
                                                           that card is gone: what is missing of it counts as lost
  fieldpost-gateway passwd  -file FILE NAME                make a password for a node, print it, and write its line into a users file
  fieldpost-gateway schema                                 JSON Schema of gateway.yaml, for editors
  fieldpost-gateway version

FILE is ` + gatewayfile.DefaultPath + ` unless -config says otherwise; if that does not exist, the gateway runs on 127.0.0.1 with data in ./fieldpost-data.
`

func main() {
	command.Main(name, usage, runCommand(), checkCommand(), statusCommand(), abandonCommand(), passwdCommand(), schemaCommand())
}

// configFlag adds -config. Left out, it is the usual place, or nothing at all where there is no file.
func configFlag(f *flag.FlagSet) *string {
	return f.String("config", "", "the gateway's `FILE` (default "+gatewayfile.DefaultPath+", or built-in defaults if there is none)")
}

// load reads the file and prints what is wrong with it. It returns nil if it cannot be run.
func load(path string, errs io.Writer) *gatewayfile.Config {
	c, problems := gatewayfile.Load(path)
	fmt.Fprint(errs, problems)
	if problems.Failed() {
		return nil
	}
	return c
}

func checkCommand() command.Sub {
	f := command.Flags("check")
	config := configFlag(f)
	return command.Sub{Flags: f, Run: func(_ context.Context, io command.IO) int {
		c := load(*config, io.Errs)
		if c == nil {
			return command.Failed
		}
		file := c.File
		if file == "" {
			file = "no file; built-in defaults"
		}
		fmt.Fprintf(io.Out, "%s: ok: sources: %d, data in %s\n", file, len(c.Sources), c.Data)
		return command.OK
	}}
}

// done says what went wrong, if anything did, and returns the exit status.
func done(err error, errs io.Writer) int {
	if err != nil {
		fmt.Fprintf(errs, "%s: %v\n", name, err)
		return command.Failed
	}
	return command.OK
}
