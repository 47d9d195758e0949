package main

import (
	"bytes"
	"testing"

	"fieldpost/cmd/internal/command"
	"fieldpost/configs/schema"
)

func TestSchema(t *testing.T) {
	var out, errs bytes.Buffer
	code := command.Run(t.Context(), name, usage, []string{"schema"}, command.IO{Out: &out, Errs: &errs}, schemaCommand())
	if code != command.OK || out.String() != schema.Gateway || errs.Len() > 0 {
		t.Errorf("status %d, %d bytes, %q", code, out.Len(), &errs)
	}
}
