// Package command is what the commands under cmd share: subcommands with flags, exit statuses, version, logger.
package command

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
)

// Exit statuses.
const (
	OK       = 0
	Failed   = 1 // a problem was found, or what was run failed
	BadUsage = 2
)

// IO is what a command reads and writes.
type IO struct {
	In        io.Reader
	Out, Errs io.Writer
}

// Sub is one subcommand. It has parsed its flags when it runs.
type Sub struct {
	Flags *flag.FlagSet // named after the subcommand
	Args  int           // how many arguments it takes beside flags
	Run   func(ctx context.Context, io IO) int
}

// Flags returns an empty set for a subcommand.
func Flags(name string) *flag.FlagSet { return flag.NewFlagSet(name, flag.ContinueOnError) }

// Main runs the program called name with the process's arguments until it ends or is told to stop (SIGTERM, Ctrl-C), and exits.
func Main(name, usage string, subs ...Sub) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := Run(ctx, name, usage, os.Args[1:], IO{os.Stdin, os.Stdout, os.Stderr}, subs...)
	stop()
	os.Exit(code)
}

// Run runs the subcommand that args name and returns the exit status.
func Run(ctx context.Context, name, usage string, args []string, io IO, subs ...Sub) int {
	if len(args) == 0 {
		fmt.Fprint(io.Errs, usage)
		return BadUsage
	}
	switch args[0] {
	case "version":
		fmt.Fprintln(io.Out, Software(name))
		return OK
	case "help", "-h", "-help", "--help":
		fmt.Fprint(io.Out, usage)
		return OK
	}
	for _, s := range subs {
		if s.Flags.Name() != args[0] {
			continue
		}
		s.Flags.SetOutput(io.Errs)
		switch err := s.Flags.Parse(args[1:]); {
		case errors.Is(err, flag.ErrHelp):
			return OK
		case err != nil:
			return BadUsage // flag has said why
		case s.Flags.NArg() > s.Args:
			fmt.Fprintf(io.Errs, "%s %s: unexpected argument %q; flags come before arguments\n", name, args[0], s.Flags.Arg(s.Args))
			return BadUsage
		}
		return s.Run(ctx, io)
	}
	fmt.Fprintf(io.Errs, "%s: unknown command %q\n\n%s", name, args[0], usage)
	return BadUsage
}

// Software is a program's name and version.
func Software(name string) string {
	version := "devel"
	if b, ok := debug.ReadBuildInfo(); ok && b.Main.Version != "" && b.Main.Version != "(devel)" {
		version = b.Main.Version
	}
	return name + " " + version
}

// Logger returns the logger of a running program.
func Logger(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }
