package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"time"

	"fieldpost/api"
	"fieldpost/cmd/internal/command"
	"fieldpost/edge"
)

func statusCommand() command.Sub {
	f := command.Flags("status")
	config := configFlag(f)
	asJSON := f.Bool("json", false, "print the JSON as it comes")
	return command.Sub{Flags: f, Run: func(ctx context.Context, io command.IO) int {
		c := load(*config, io.Errs)
		if c == nil {
			return command.Failed
		}
		return done(printStatus(ctx, filepath.Join(c.Journal.Dir, edge.ControlSocket), *asJSON, io.Out), io.Errs)
	}}
}

func printStatus(ctx context.Context, socket string, asJSON bool, out io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://edge"+edge.StatusPath, nil)
	if err != nil {
		return fmt.Errorf("ask for the status: %w", err)
	}
	resp, err := api.Client(socket).Do(req)
	if err != nil {
		var cause *url.Error // its URL says nothing to anybody
		if errors.As(err, &cause) {
			err = cause.Err
		}
		return fmt.Errorf("ask the edge: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("ask the edge over %s: it answered %s", socket, resp.Status)
	}
	if asJSON {
		if _, err := io.Copy(out, resp.Body); err != nil {
			return fmt.Errorf("read the status: %w", err)
		}
		_, err := fmt.Fprintln(out)
		return err
	}
	var s edge.Status
	if err := json.NewDecoder(resp.Body).Decode(&s); err != nil {
		return fmt.Errorf("read the status: %w", err)
	}
	return s.Print(out, time.Now())
}
