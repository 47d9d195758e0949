// Command fieldpost-edge reads instruments, keeps their readings in a journal and forwards them to a gateway.
// It holds wiring only: flags, files, start and stop. Exit status: 0 ok, 1 problem found or run failed, 2 wrong usage.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"

	"fieldpost/cmd/internal/command"
	"fieldpost/configs/edgefile"
	"fieldpost/drivers/catalogue"
)

const name = "fieldpost-edge"

const usage = `fieldpost-edge reads instruments, keeps their readings in a journal and forwards them to a gateway.

  fieldpost-edge run     [-config FILE]                    run until SIGTERM or Ctrl-C
  fieldpost-edge check   [-config FILE] [-cost [-rates FILE.csv] [-endurance TB]]
                                                           say what is wrong with the files, and what they will take of link,
                                                           card and journal; changes nothing
  fieldpost-edge status  [-config FILE] [-json]            what the running edge says of itself
  fieldpost-edge decode  -device FILE [-in FILE|-] [-chunk N]
                                                           captured bytes in, readings out as JSON lines; opens no port
  fieldpost-edge frame   [-node NAME] FILE|-               what a frame, or messages in hexadecimal, one a line, hold: headers and
                                                           records
  fieldpost-edge schema  [edge|device]                     JSON Schema of edge.yaml or of a device file, for editors
  fieldpost-edge version

FILE is ` + edgefile.DefaultPath + ` unless -config says otherwise.
`

func main() {
	command.Main(name, usage, runCommand(), checkCommand(), statusCommand(), decodeCommand(), frameCommand(), schemaCommand())
}

// configFlag adds -config.
func configFlag(f *flag.FlagSet) *string {
	return f.String("config", edgefile.DefaultPath, "the edge's `FILE`")
}

// load reads the files and prints what is wrong with them. It returns nil if they cannot be run.
func load(path string, errs io.Writer) *edgefile.Config {
	c, problems := edgefile.Load(path, catalogue.Kinds())
	fmt.Fprint(errs, problems)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		fmt.Fprintf(errs, "%s: name the edge's file with -config; configs/examples/edge.yaml is one to begin with\n", name)
	}
	if problems.Failed() {
		return nil
	}
	return c
}

// done says what went wrong, if anything did, and returns the exit status.
func done(err error, errs io.Writer) int {
	if err != nil {
		fmt.Fprintf(errs, "%s: %v\n", name, err)
		return command.Failed
	}
	return command.OK
}
