package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"

	"fieldpost/gateway/source/mqttbroker"
)

func passwdCommand() command {
	f := newFlags("passwd")
	file := f.String("file", "", "the users `FILE`; made if it is not there")
	reader := f.Bool("reader", false, "a reader: may follow the nodes' states, speaks for none")
	return command{flags: f, args: 1, run: func(_ context.Context, out, errs io.Writer) int {
		name := f.Arg(0)
		if *file == "" || name == "" {
			fmt.Fprintln(errs, "fieldpost-gateway passwd: -file FILE and a NAME are needed")
			return badUsage
		}
		role := mqttbroker.Node
		if *reader {
			role = mqttbroker.Reader
		}
		password := rand.Text()
		line, err := mqttbroker.UserLine(name, password, role)
		if err == nil {
			err = mqttbroker.SetUser(*file, line)
		}
		if err == nil {
			// The password alone on standard output, so that it can go straight into the edge's password_file.
			fmt.Fprintf(errs, "%s: user %s written; the password is shown this once\n", *file, name)
			fmt.Fprintln(out, password)
		}
		return done(err, errs)
	}}
}
