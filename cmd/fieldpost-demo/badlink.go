package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"fieldpost/faultproxy"
)

const (
	linkGood = 100 * time.Second
	linkGone = 20 * time.Second
)

// badLink stands between an edge and the gateway. It works for a while, is gone for a while, and so on.
type badLink struct {
	proxy      *faultproxy.Proxy
	good, gone time.Duration
	log        *slog.Logger
}

// startBadLink opens a bad link to target and returns where its near end is.
func (d *demo) startBadLink(target string) (address string, err error) {
	proxy, err := faultproxy.Listen(target)
	if err != nil {
		return "", fmt.Errorf("open the bad link: %w", err)
	}
	d.parts.add(proxy.Close)
	d.parts.start(badLink{proxy: proxy, good: linkGood, gone: linkGone, log: d.log.With("part", "badlink")}.run)
	return proxy.Addr(), nil
}

// run takes the link away and gives it back until ctx ends.
func (l badLink) run(ctx context.Context) error {
	phase := time.NewTimer(l.good)
	defer phase.Stop()
	for good := true; ; {
		select {
		case <-ctx.Done():
			return nil
		case <-phase.C:
		}
		good = !good
		l.proxy.Refuse(!good)
		if good {
			l.log.Info("the link is there again")
			phase.Reset(l.good)
			continue
		}
		l.proxy.Cut()
		l.log.Info("the link is gone", "wait", l.gone)
		phase.Reset(l.gone)
	}
}
