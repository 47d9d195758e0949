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

// actions are all that make sense on a shape.
func actions(s shape) []action {
	all := []action{
		{"edge killed", 4, func(ctx context.Context, w *world, r *rand.Rand) error {
			u := w.any(r)
			return u.restart(ctx, u.kill)
		}},
		{"edge stopped", 2, func(ctx context.Context, w *world, r *rand.Rand) error {
			u := w.any(r)
			return u.restart(ctx, u.stop)
		}},
		{"gateway killed", 4, func(_ context.Context, w *world, _ *rand.Rand) error {
			w.gateway.Kill()
			return w.startGateway()
		}},
		{"gateway stopped", 2, func(_ context.Context, w *world, _ *rand.Rand) error {
			if err := w.gateway.Stop(); err != nil {
				return err
			}
			return w.startGateway()
		}},
		{"gateway away", 2, func(ctx context.Context, w *world, r *rand.Rand) error {
			return w.gatewayAway(ctx, upTo(r, 2*time.Second))
		}},
		{"both killed", 1, func(ctx context.Context, w *world, r *rand.Rand) error {
			w.gateway.Kill()
			u := w.any(r)
			if err := u.restart(ctx, u.kill); err != nil {
				return err
			}
			return w.startGateway()
		}},
		{"edge copied", 2, func(_ context.Context, w *world, r *rand.Rand) error { return w.any(r).save() }},
		{"edge put back", 2, func(ctx context.Context, w *world, r *rand.Rand) error { return w.any(r).putBack(ctx) }},
		{"edge's last second lost", 2, func(ctx context.Context, w *world, r *rand.Rand) error {
			u := w.any(r)
			if err := u.save(); err != nil {
				return err
			}
			if err := pass(ctx, upTo(r, time.Second)); err != nil {
				return err
			}
			return u.putBack(ctx)
		}},
		{"card cloned", 1, func(ctx context.Context, w *world, _ *rand.Rand) error { return w.clone(ctx) }},
		{"edge's disk full", 2, func(ctx context.Context, w *world, r *rand.Rand) error {
			return w.fillDisk(ctx, w.site.edgeDisk(), upTo(r, 2*time.Second))
		}},
		{"gateway's disk full", 2, func(ctx context.Context, w *world, r *rand.Rand) error {
			return w.fillDisk(ctx, w.site.gatewayDisk(), upTo(r, 2*time.Second))
		}},
	}
	all = append(all, network()...)
	if s.small {
		// Long enough for the edge to forget all that it believed to be safe.
		all = append(all, action{"gateway away for long", 4, func(ctx context.Context, w *world, r *rand.Rand) error {
			return w.gatewayAway(ctx, 6*time.Second+upTo(r, 3*time.Second))
		}})
	} else {
		// What the gateway had acknowledged and lost again, an edge with little room may have forgotten: that is a loss, and nobody promised otherwise.
		all = append(all, gatewayRollbacks()...)
	}
	if s.clocks {
		all = append(all, action{"clock stepped", 8, func(_ context.Context, w *world, r *rand.Rand) error { return w.stepClock(r) }})
	}
	if s.way != embedded {
		all = append(all, action{"broker killed", 4, func(ctx context.Context, w *world, r *rand.Rand) error {
			w.mosquitto.Kill()
			if err := pass(ctx, upTo(r, time.Second)); err != nil {
				return err
			}
			return w.startMosquitto()
		}})
	}
	return all
}

// network are the faults of what is between the processes.
func network() []action {
	return []action{
		{"connections cut", 4, func(_ context.Context, w *world, r *rand.Rand) error {
			w.network(r).Cut()
			return nil
		}},
		{"half-open", 2, func(ctx context.Context, w *world, r *rand.Rand) error {
			p := w.network(r)
			p.StallAll(true)
			defer p.StallAll(false)
			defer p.Cut() // the edge would wait a minute to be sure; the e2e tests have it wait
			return pass(ctx, upTo(r, 2*time.Second))
		}},
		{"acks swallowed", 3, func(ctx context.Context, w *world, r *rand.Rand) error {
			return swallow(ctx, w.network(r), faultproxy.Down, r)
		}},
		{"frames swallowed", 3, func(ctx context.Context, w *world, r *rand.Rand) error {
			return swallow(ctx, w.network(r), faultproxy.Up, r)
		}},
		{"messages lost", 2, func(ctx context.Context, w *world, r *rand.Rand) error {
			w.mangler.lose.Store(30)
			defer w.mangler.lose.Store(0)
			defer w.network(r).Cut() // as above: a lost message is noticed after half a minute
			return pass(ctx, upTo(r, 2*time.Second))
		}},
		{"messages doubled", 3, func(ctx context.Context, w *world, r *rand.Rand) error {
			w.mangler.double.Store(50)
			defer w.mangler.double.Store(0)
			return pass(ctx, upTo(r, 2*time.Second))
		}},
		{"slow link", 2, func(ctx context.Context, w *world, r *rand.Rand) error {
			p := w.network(r)
			p.Throttle(faultproxy.Up, 1000)
			p.Delay(faultproxy.Down, 300*time.Millisecond)
			defer p.Throttle(faultproxy.Up, 0)
			defer p.Delay(faultproxy.Down, 0)
			return pass(ctx, upTo(r, 2*time.Second))
		}},
	}
}

func gatewayRollbacks() []action {
	return []action{
		{"gateway copied", 2, func(_ context.Context, w *world, _ *rand.Rand) error { return w.saveGateway() }},
		{"gateway put back", 2, func(_ context.Context, w *world, _ *rand.Rand) error { return w.putGatewayBack() }},
		{"gateway's last second lost", 2, func(ctx context.Context, w *world, r *rand.Rand) error {
			if err := w.saveGateway(); err != nil {
				return err
			}
			if err := pass(ctx, upTo(r, time.Second)); err != nil {
				return err
			}
			return w.putGatewayBack()
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

// any draws an edge.
func (w *world) any(r *rand.Rand) *unit { return w.units[r.IntN(len(w.units))] }

// network draws one of the networks.
func (w *world) network(r *rand.Rand) *faultproxy.Proxy { return w.proxies[r.IntN(len(w.proxies))] }

// gatewayAway has nobody there for a while.
func (w *world) gatewayAway(ctx context.Context, d time.Duration) error {
	w.gateway.Kill()
	if err := pass(ctx, d); err != nil {
		return err
	}
	return w.startGateway()
}

func swallow(ctx context.Context, p *faultproxy.Proxy, d faultproxy.Direction, r *rand.Rand) error {
	p.Swallow(d, true)
	defer p.Swallow(d, false)
	defer p.Cut()
	return pass(ctx, upTo(r, 2*time.Second))
}
