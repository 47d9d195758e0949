package torture

import (
	"context"
	"math/rand/v2"
	"time"

	"fieldpost/faultproxy"
)

// action is one thing that a schedule may do.
type action struct {
	name   string
	weight int
	do     func(ctx context.Context, w *world, r *rand.Rand) error
}

// actions are all of them.
func actions() []action {
	return []action{
		{"edge killed", 4, func(ctx context.Context, w *world, _ *rand.Rand) error {
			return w.restartEdge(ctx, func() error { w.edge.kill(); return nil })
		}},
		{"edge stopped", 2, func(ctx context.Context, w *world, _ *rand.Rand) error {
			return w.restartEdge(ctx, w.edge.stop)
		}},
		{"gateway killed", 4, func(_ context.Context, w *world, _ *rand.Rand) error {
			w.gateway.kill()
			return w.startGateway()
		}},
		{"gateway stopped", 2, func(_ context.Context, w *world, _ *rand.Rand) error {
			if err := w.gateway.stop(); err != nil {
				return err
			}
			return w.startGateway()
		}},
		{"gateway away", 2, func(ctx context.Context, w *world, r *rand.Rand) error {
			w.gateway.kill()
			if err := pass(ctx, upTo(r, 2*time.Second)); err != nil {
				return err
			}
			return w.startGateway()
		}},
		{"connections cut", 4, func(_ context.Context, w *world, _ *rand.Rand) error {
			w.proxy.Cut()
			return nil
		}},
		{"half-open", 2, func(ctx context.Context, w *world, r *rand.Rand) error {
			w.proxy.StallAll(true)
			defer w.proxy.StallAll(false)
			defer w.proxy.Cut() // the edge would wait a minute to be sure; the e2e tests have it wait
			return pass(ctx, upTo(r, 2*time.Second))
		}},
		{"acks swallowed", 3, func(ctx context.Context, w *world, r *rand.Rand) error {
			w.proxy.Swallow(faultproxy.Down, true)
			defer w.proxy.Swallow(faultproxy.Down, false)
			defer w.proxy.Cut()
			return pass(ctx, upTo(r, 2*time.Second))
		}},
		{"frames swallowed", 3, func(ctx context.Context, w *world, r *rand.Rand) error {
			w.proxy.Swallow(faultproxy.Up, true)
			defer w.proxy.Swallow(faultproxy.Up, false)
			defer w.proxy.Cut()
			return pass(ctx, upTo(r, 2*time.Second))
		}},
		{"slow link", 2, func(ctx context.Context, w *world, r *rand.Rand) error {
			w.proxy.Throttle(faultproxy.Up, 1000)
			w.proxy.Delay(faultproxy.Down, 300*time.Millisecond)
			defer w.proxy.Throttle(faultproxy.Up, 0)
			defer w.proxy.Delay(faultproxy.Down, 0)
			return pass(ctx, upTo(r, 2*time.Second))
		}},
		{"edge copied", 2, func(_ context.Context, w *world, _ *rand.Rand) error { return w.copyEdge() }},
		{"edge put back", 2, func(ctx context.Context, w *world, _ *rand.Rand) error { return w.putEdgeBack(ctx) }},
		{"gateway copied", 2, func(_ context.Context, w *world, _ *rand.Rand) error { return w.copyGateway() }},
		{"gateway put back", 2, func(_ context.Context, w *world, _ *rand.Rand) error { return w.putGatewayBack() }},
		{"edge's last second lost", 2, func(ctx context.Context, w *world, r *rand.Rand) error {
			if err := w.copyEdge(); err != nil {
				return err
			}
			if err := pass(ctx, upTo(r, time.Second)); err != nil {
				return err
			}
			return w.putEdgeBack(ctx)
		}},
		{"gateway's last second lost", 2, func(ctx context.Context, w *world, r *rand.Rand) error {
			if err := w.copyGateway(); err != nil {
				return err
			}
			if err := pass(ctx, upTo(r, time.Second)); err != nil {
				return err
			}
			return w.putGatewayBack()
		}},
		{"edge's disk full", 2, func(ctx context.Context, w *world, r *rand.Rand) error {
			return w.fillDisk(ctx, w.site.edgeDisk(), upTo(r, 2*time.Second))
		}},
		{"gateway's disk full", 2, func(ctx context.Context, w *world, r *rand.Rand) error {
			return w.fillDisk(ctx, w.site.gatewayDisk(), upTo(r, 2*time.Second))
		}},
		{"both killed", 1, func(ctx context.Context, w *world, _ *rand.Rand) error {
			w.gateway.kill()
			if err := w.restartEdge(ctx, func() error { w.edge.kill(); return nil }); err != nil {
				return err
			}
			return w.startGateway()
		}},
	}
}

// pick draws an action by weight.
func pick(all []action, r *rand.Rand) action {
	sum := 0
	for _, a := range all {
		sum += a.weight
	}
	n := r.IntN(sum)
	for _, a := range all {
		if n -= a.weight; n < 0 {
			return a
		}
	}
	return all[0]
}

func upTo(r *rand.Rand, d time.Duration) time.Duration { return time.Duration(r.Int64N(int64(d))) }

func (w *world) restartEdge(ctx context.Context, end func() error) error {
	if err := w.endEdge(ctx, end); err != nil {
		return err
	}
	return w.startEdge()
}
