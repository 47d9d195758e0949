package main

import (
	"context"
	"crypto/rand"
	"fmt"

	"fieldpost/cmd/internal/command"
	"fieldpost/gateway/source/mqttbroker"
)

func passwdCommand() command.Sub {
	f := command.Flags("passwd")
	file := f.String("file", "", "the users `FILE`; made if it is not there")
	reader := f.Bool("reader", false, "a reader: may follow the nodes' states, speaks for none")
	return command.Sub{Flags: f, Args: 1, Run: func(_ context.Context, io command.IO) int {
		user := f.Arg(0)
		if *file == "" || user == "" {
			fmt.Fprintln(io.Errs, "fieldpost-gateway passwd: -file FILE and a NAME are needed")
			return command.BadUsage
		}
		role := mqttbroker.Node
		if *reader {
			role = mqttbroker.Reader
		}
		password := rand.Text()
		line, err := mqttbroker.UserLine(user, password, role)
		if err == nil {
			err = mqttbroker.SetUser(*file, line)
		}
		if err == nil {
			// The password alone on standard output, so that it can go straight into the edge's password_file.
			fmt.Fprintf(io.Errs, "%s: user %s written; the password is shown this once\n", *file, user)
			fmt.Fprintln(io.Out, password)
		}
		return done(err, io.Errs)
	}}
}
