package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"fieldpost/api"
	"fieldpost/cmd/internal/command"
	"fieldpost/gateway"
	"fieldpost/telemetry"
)

// ask sends a request to the running gateway over its control socket and returns the answer's body.
func ask(ctx context.Context, data, method, path string, query url.Values) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	socket := gateway.ControlSocket(data)
	req, err := http.NewRequestWithContext(ctx, method, "http://gateway"+path+"?"+query.Encode(), nil)
	if err != nil {
		return nil, fmt.Errorf("ask the gateway: %w", err)
	}
	resp, err := api.Client(socket).Do(req)
	if err != nil {
		var cause *url.Error // its URL says nothing to anybody
		if errors.As(err, &cause) {
			err = cause.Err
		}
		return nil, fmt.Errorf("ask the gateway: %w", err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("read the gateway's answer: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		var e struct{ Error string }
		if json.Unmarshal(b, &e) != nil || e.Error == "" {
			e.Error = resp.Status
		}
		return nil, fmt.Errorf("the gateway answered: %s", e.Error)
	}
	return b, nil
}

func statusCommand() command.Sub {
	f := command.Flags("status")
	config := configFlag(f)
	asJSON := f.Bool("json", false, "print the JSON as it comes")
	return command.Sub{Flags: f, Run: func(ctx context.Context, io command.IO) int {
		c := load(*config, io.Errs)
		if c == nil {
			return command.Failed
		}
		b, err := ask(ctx, c.Data, http.MethodGet, gateway.StatusPath, nil)
		if err == nil && *asJSON {
			_, err = io.Out.Write(b)
		} else if err == nil {
			var s gateway.Status
			if err = json.Unmarshal(b, &s); err == nil {
				err = s.Print(io.Out, time.Now())
			}
		}
		return done(err, io.Errs)
	}}
}

func abandonCommand() command.Sub {
	f := command.Flags("abandon")
	config := configFlag(f)
	node := f.String("node", "", "the `NODE` whose card is gone")
	epoch := f.String("epoch", "", "only this `EPOCH`, 16 hexadecimal digits; default: all")
	return command.Sub{Flags: f, Run: func(ctx context.Context, io command.IO) int {
		if err := telemetry.CheckNode(*node); err != nil {
			fmt.Fprintf(io.Errs, "%s abandon: -node: %v\n", name, err)
			return command.BadUsage
		}
		c := load(*config, io.Errs)
		if c == nil {
			return command.Failed
		}
		query := url.Values{"node": {*node}}
		if *epoch != "" {
			query.Set("epoch", *epoch)
		}
		b, err := ask(ctx, c.Data, http.MethodPost, gateway.AbandonPath, query)
		if err == nil {
			var a gateway.Abandoned
			if err = json.Unmarshal(b, &a); err == nil {
				what := "missing records count"
				if a.Records == 1 {
					what = "missing record counts"
				}
				fmt.Fprintf(io.Out, "%s: %d %s as lost now; what comes all the same is stored\n", *node, a.Records, what)
			}
		}
		return done(err, io.Errs)
	}}
}
