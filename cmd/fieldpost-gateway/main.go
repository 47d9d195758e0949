// Command fieldpost-gateway takes in what edges send, keeps it, and answers queries.
// It holds wiring only: flags, files, start and stop. Exit status: 0 ok, 1 problem found or run failed, 2 wrong usage.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"fieldpost/configs/gatewayfile"
)

const usage = `fieldpost-gateway takes in what edges send, keeps it, and answers queries.

  fieldpost-gateway run     [-config FILE]                 run until SIGTERM or Ctrl-C
  fieldpost-gateway check   [-config FILE]                 say what is wrong with the file; changes nothing
  fieldpost-gateway status  [-config FILE] [-json]         what the running gateway says of itself
  fieldpost-gateway abandon [-config FILE] -node N [-epoch E]
                                                           that card is gone: what is missing of it counts as lost
  fieldpost-gateway passwd  -file FILE NAME                make a password for a node, print it, and write its line into a users file
  fieldpost-gateway version

FILE is ` + gatewayfile.DefaultPath + ` unless -config says otherwise; if that does not exist, the gateway runs on 127.0.0.1 with data in ./fieldpost-data.
`

// Exit statuses.
const (
	ok       = 0
	failed   = 1
	badUsage = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// command is one subcommand. It has parsed its flags when it runs; args is how many arguments it takes beside them.
type command struct {
	flags *flag.FlagSet
	args  int
	run   func(ctx context.Context, out, errs io.Writer) int
}

func run(ctx context.Context, args []string, out, errs io.Writer) int {
	if len(args) == 0 {
		fmt.Fprint(errs, usage)
		return badUsage
	}
	var c command
	switch args[0] {
	case "run":
		c = runCommand()
	case "check":
		c = checkCommand()
	case "status":
		c = statusCommand()
	case "abandon":
		c = abandonCommand()
	case "passwd":
		c = passwdCommand()
	case "version":
		fmt.Fprintln(out, software())
		return ok
	case "help", "-h", "-help", "--help":
		fmt.Fprint(out, usage)
		return ok
	default:
		fmt.Fprintf(errs, "fieldpost-gateway: unknown command %q\n\n%s", args[0], usage)
		return badUsage
	}
	c.flags.SetOutput(errs)
	if err := c.flags.Parse(args[1:]); err != nil {
		return badUsage // flag has said why
	}
	if n := c.flags.NArg(); n > c.args {
		fmt.Fprintf(errs, "fieldpost-gateway %s: unexpected argument %q\n", args[0], c.flags.Arg(c.args))
		return badUsage
	}
	return c.run(ctx, out, errs)
}

// configFlag adds -config. Left out, it is the usual place, or nothing at all where there is no file.
func configFlag(f *flag.FlagSet) *string {
	return f.String("config", "", "the gateway's `FILE` (default "+gatewayfile.DefaultPath+", or built-in defaults if there is none)")
}

func newFlags(name string) *flag.FlagSet {
	return flag.NewFlagSet("fieldpost-gateway "+name, flag.ContinueOnError)
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

func checkCommand() command {
	f := newFlags("check")
	config := configFlag(f)
	return command{flags: f, run: func(_ context.Context, out, errs io.Writer) int {
		c := load(*config, errs)
		if c == nil {
			return failed
		}
		name := c.File
		if name == "" {
			name = "no file; built-in defaults"
		}
		fmt.Fprintf(out, "%s: ok: %d sources, data in %s\n", name, len(c.Sources), c.Data)
		return ok
	}}
}

// software is the name and version that status shows.
func software() string {
	version := "devel"
	if b, ok := debug.ReadBuildInfo(); ok && b.Main.Version != "" && b.Main.Version != "(devel)" {
		version = b.Main.Version
	}
	return "fieldpost-gateway " + version
}

func logger(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }
