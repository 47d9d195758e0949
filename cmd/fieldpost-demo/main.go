// Command fieldpost-demo shows a gateway, two edges and seven devices at work on this machine, in one process and
// without hardware. Five of the devices are emulated instruments that go the real way: over ptys and the serial port's driver or over TCP, and with the
// others through an edge's journal, its link and the gateway's broker. One edge has a bad link: every two minutes it is gone for 20 s.
// Files, data and log are in a temporary folder.
// Exit status: 0 stopped, 1 the demo cannot run, 2 wrong usage.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"fieldpost/configs/setting"
)

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

const usage = `fieldpost-demo runs a gateway, two edges and seven devices on this machine until Ctrl-C; no hardware is needed.

  fieldpost-demo [-listen HOST:PORT] [-keep] [-v]

  -listen HOST:PORT   where HTTP is served (default ` + defaultListen + `); port 0 is one that is free. Beyond this machine,
                      as with 0.0.0.0:8080, everybody on the network can read
  -keep               keep the folder with files, data and log at the end
  -v                  log to standard error, not to a file
`

const defaultListen = "127.0.0.1:8080"

// options are the flags.
type options struct {
	listen  string
	keep    bool
	verbose bool
}

func run(ctx context.Context, args []string, out, errs io.Writer) int {
	var o options
	f := flag.NewFlagSet("fieldpost-demo", flag.ContinueOnError)
	f.SetOutput(errs)
	f.Usage = func() { fmt.Fprint(errs, usage) }
	f.StringVar(&o.listen, "listen", defaultListen, "")
	f.BoolVar(&o.keep, "keep", false, "")
	f.BoolVar(&o.verbose, "v", false, "")
	switch err := f.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return ok
	case err != nil:
		return badUsage // flag has said why
	case f.NArg() > 0:
		fmt.Fprintf(errs, "fieldpost-demo: unexpected argument %q\n", f.Arg(0))
		return badUsage
	}
	if err := setting.CheckListen(o.listen); err != nil {
		fmt.Fprintf(errs, "fieldpost-demo: -listen: %v\n", err)
		return badUsage
	}
	if err := show(ctx, o, out, errs); err != nil {
		fmt.Fprintf(errs, "fieldpost-demo: %v\n", err)
		return failed
	}
	return ok
}

// show runs the demo in a folder of its own.
func show(ctx context.Context, o options, out, errs io.Writer) (err error) {
	listen, err := freeAddress(ctx, o.listen) // before anything is made
	if err != nil {
		return err
	}
	dir, err := makeFolder()
	if err != nil {
		return err
	}
	defer func() {
		if o.keep {
			fmt.Fprintf(out, "Kept %s\n", dir)
			return
		}
		if e := os.RemoveAll(dir); e != nil {
			err = errors.Join(err, fmt.Errorf("remove the demo's folder: %w", e))
			return
		}
		fmt.Fprintf(out, "Removed %s\n", dir)
	}()
	d := &demo{options: o, dir: dir, listen: listen}
	logTo := errs
	if !o.verbose {
		d.logFile = filepath.Join(dir, "demo.log")
		f, err := os.OpenFile(d.logFile, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
		if err != nil {
			return fmt.Errorf("open the log: %w", err)
		}
		defer f.Close()
		logTo = f
	}
	d.log = slog.New(slog.NewTextHandler(logTo, nil))
	return d.run(ctx, out)
}

// makeFolder returns a new folder's absolute path: it is printed, and stands in files.
func makeFolder() (string, error) {
	dir, err := os.MkdirTemp("", "fieldpost-demo-")
	if err == nil {
		dir, err = filepath.Abs(dir)
	}
	if err != nil {
		return "", fmt.Errorf("make the demo's folder: %w", err)
	}
	return dir, nil
}
