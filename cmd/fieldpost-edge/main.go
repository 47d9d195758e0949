// Command fieldpost-edge reads instruments, keeps their readings in a journal and forwards them to a gateway.
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

	"fieldpost/configs/edgefile"
	"fieldpost/drivers/catalogue"
)

const usage = `fieldpost-edge reads instruments, keeps their readings in a journal and forwards them to a gateway.

  fieldpost-edge run     [-config FILE]                    run until SIGTERM or Ctrl-C
  fieldpost-edge check   [-config FILE]                    say what is wrong with the files; changes nothing
  fieldpost-edge status  [-config FILE] [-json]            what the running edge says of itself
  fieldpost-edge decode  -device FILE [-in FILE|-] [-chunk N]
                                                           captured bytes in, readings out as JSON lines; opens no port
  fieldpost-edge version

FILE is ` + edgefile.DefaultPath + ` unless -config says otherwise.
`

// Exit statuses.
const (
	ok       = 0
	failed   = 1
	badUsage = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// command is one subcommand. It has parsed its flags when it runs.
type command struct {
	flags *flag.FlagSet
	run   func(ctx context.Context, in io.Reader, out, errs io.Writer) int
}

func run(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) int {
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
	case "decode":
		c = decodeCommand()
	case "version":
		fmt.Fprintln(out, software())
		return ok
	case "help", "-h", "-help", "--help":
		fmt.Fprint(out, usage)
		return ok
	default:
		fmt.Fprintf(errs, "fieldpost-edge: unknown command %q\n\n%s", args[0], usage)
		return badUsage
	}
	c.flags.SetOutput(errs)
	if err := c.flags.Parse(args[1:]); err != nil {
		return badUsage // flag has said why
	}
	if c.flags.NArg() > 0 {
		fmt.Fprintf(errs, "fieldpost-edge %s: unexpected argument %q\n", args[0], c.flags.Arg(0))
		return badUsage
	}
	return c.run(ctx, in, out, errs)
}

// configFlag adds -config.
func configFlag(f *flag.FlagSet) *string {
	return f.String("config", edgefile.DefaultPath, "the edge's `FILE`")
}

func newFlags(name string) *flag.FlagSet {
	return flag.NewFlagSet("fieldpost-edge "+name, flag.ContinueOnError)
}

// load reads the files and prints what is wrong with them. It returns nil if they cannot be run.
func load(path string, errs io.Writer) *edgefile.Config {
	c, problems := edgefile.Load(path, catalogue.Kinds())
	fmt.Fprint(errs, problems)
	if problems.Failed() {
		return nil
	}
	return c
}

func checkCommand() command {
	f := newFlags("check")
	config := configFlag(f)
	return command{f, func(_ context.Context, _ io.Reader, out, errs io.Writer) int {
		c := load(*config, errs)
		if c == nil {
			return failed
		}
		fmt.Fprintf(out, "%s: ok: node %s, %d devices, %d links\n", *config, c.Node, len(c.Devices), len(c.Links))
		return ok
	}}
}

// software is the name and version told to the gateway.
func software() string {
	version := "devel"
	if b, ok := debug.ReadBuildInfo(); ok && b.Main.Version != "" && b.Main.Version != "(devel)" {
		version = b.Main.Version
	}
	return "fieldpost-edge " + version
}

func logger(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }
