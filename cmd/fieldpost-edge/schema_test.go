package main

import (
	"bytes"
	"strings"
	"testing"

	"fieldpost/cmd/internal/command"
	"fieldpost/configs/schema"
)

func TestSchema(t *testing.T) {
	for _, c := range []struct {
		args      []string
		out, errs string
		code      int
	}{
		{[]string{"schema"}, schema.Edge, "", command.OK},
		{[]string{"schema", "edge"}, schema.Edge, "", command.OK},
		{[]string{"schema", "device"}, schema.Device, "", command.OK},
		{[]string{"schema", "gateway"}, "", `there is no form "gateway"`, command.BadUsage},
	} {
		var out, errs bytes.Buffer
		code := command.Run(t.Context(), name, usage, c.args, command.IO{Out: &out, Errs: &errs}, schemaCommand())
		if code != c.code || out.String() != c.out || !strings.Contains(errs.String(), c.errs) {
			t.Errorf("%q: status %d, %d bytes, %q", c.args, code, out.Len(), &errs)
		}
	}
}
