package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"syscall"
	"time"

	"fieldpost/api"
)

const (
	patience = 30 * time.Second      // for each step of the start; all of them take some 2 s on a Raspberry Pi
	look     = 20 * time.Millisecond // between two looks
)

// freeAddress returns the address to listen on: listen itself, with a port that is free in place of 0.
func freeAddress(ctx context.Context, listen string) (string, error) {
	l, err := api.Listen(ctx, api.Settings{Listen: listen})
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return "", fmt.Errorf("%s is taken by another program (ss -ltnp shows which); stop it, or choose another port: -listen 127.0.0.1:0 takes one that is free", listen)
	case err != nil:
		return "", fmt.Errorf("listen on %s: %w; choose another address with -listen", listen, cause(err))
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err := errors.Join(err, l.Close()); err != nil {
		return "", err
	}
	host, _, err := net.SplitHostPort(listen)
	return net.JoinHostPort(host, port), err
}

// cause takes off what is said of http.listen, which stands in a file that the user has not written, and the address.
func cause(err error) error {
	if e, ok := errors.AsType[*net.OpError](err); ok {
		return e.Err
	}
	return err
}

// await waits until ok holds. It returns ctx's error if ctx ends first.
func await(ctx context.Context, what string, ok func() bool) error {
	end := time.NewTimer(patience)
	defer end.Stop()
	tick := time.NewTicker(look)
	defer tick.Stop()
	for !ok() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-end.C:
			return fmt.Errorf("waited %v in vain for %s; with -v the log may tell why", patience, what)
		case <-tick.C:
		}
	}
	return nil
}

// hasReadings reports whether the gateway at base gives out a reading of device. One that is not up yet does not.
func hasReadings(ctx context.Context, base, device string) bool {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/v1/readings?limit=1&device="+device, nil)
	if err != nil {
		return false
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 5 * time.Second}
	answer, err := client.Do(r)
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	var readings []json.RawMessage
	return json.NewDecoder(answer.Body).Decode(&readings) == nil && len(readings) > 0
}
