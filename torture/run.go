package torture

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"time"
)

// Options of one schedule.
type Options struct {
	Edge, Gateway string // the binaries
	Dir           string // made, and removed at the end unless something was wrong
	Seed          uint64
	Actions       int
	Log           io.Writer // what is done, a line each; nil: nowhere
}

// Run carries out one schedule and says what came of it. An error means that it could not be carried out, or that one of the processes failed by itself;
// whether the promise held is in the report.
func Run(ctx context.Context, o Options) (report Report, err error) {
	began := time.Now()
	report.Seed = o.Seed
	w, err := newWorld(o)
	if err != nil {
		return report, err
	}
	defer w.close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	sourceEnded := make(chan error, 1)
	go func() { sourceEnded <- w.source.run(ctx) }()

	random := rand.New(rand.NewPCG(o.Seed, 0))
	all := actions()
	for i := range o.Actions {
		if err := pass(ctx, upTo(random, 600*time.Millisecond)); err != nil {
			return report, err
		}
		a := pick(all, random)
		report.Actions = append(report.Actions, a.name)
		if o.Log != nil {
			fmt.Fprintf(o.Log, "seed %d: %d of %d: %s\n", o.Seed, i+1, o.Actions, a.name)
		}
		if err := a.do(ctx, w, random); err != nil {
			return report, fmt.Errorf("seed %d, action %d, %s: %w", o.Seed, i+1, a.name, err)
		}
		if err := w.alive(); err != nil {
			return report, fmt.Errorf("seed %d, after action %d, %s: %w", o.Seed, i+1, a.name, err)
		}
	}
	if err := w.drain(ctx); err != nil {
		return report, fmt.Errorf("seed %d: %w", o.Seed, err)
	}
	cancel()
	if err := <-sourceEnded; err != nil {
		return report, err
	}
	report, err = w.judge(context.WithoutCancel(ctx), report)
	report.Seconds = time.Since(began).Seconds()
	if err == nil && !report.Failed() {
		w.close()
		err = os.RemoveAll(o.Dir)
	}
	return report, err
}

// alive reports a process that ended by itself.
func (w *world) alive() error {
	if !w.edge.running() {
		return fmt.Errorf("the edge ended by itself; it wrote:\n%s", w.edgeLog)
	}
	if !w.gateway.running() {
		return fmt.Errorf("the gateway ended by itself; it wrote:\n%s", w.gwLog)
	}
	return nil
}

// drain heals everything and waits until the gateway has what the edge has.
func (w *world) drain(ctx context.Context) error {
	w.source.pause(true)
	if err := answers(ctx, w.site.gatewayHTTP(), w.gateway); err != nil {
		return fmt.Errorf("the gateway at the end: %w", err)
	}
	if err := answers(ctx, w.site.edgeHTTP(), w.edge); err != nil {
		return fmt.Errorf("the edge at the end: %w", err)
	}
	// What is on the lines is read and committed, then all of it is sent; stopped for a moment, the edge says nothing more.
	if err := pass(ctx, 5*commitEvery); err != nil {
		return err
	}
	if err := w.restartEdge(ctx, w.edge.stop); err != nil {
		return err
	}
	w.source.pause(true)
	want := w.ledger.present
	err := await(ctx, "the gateway to have everything", 3*time.Minute, func() (bool, error) {
		if err := w.alive(); err != nil {
			return false, err
		}
		got, err := readings(w.site.gatewayHTTP())
		if err != nil {
			return false, nil
		}
		have := map[identity]bool{}
		for _, r := range got {
			have[r.identity()] = true
		}
		for id := range want {
			if !have[id] {
				return false, nil
			}
		}
		return true, nil
	})
	if err != nil && ctx.Err() == nil && w.alive() == nil {
		return nil // what is not there is counted
	}
	return errors.Join(err, w.settled(ctx))
}

// settled waits until the gateway knows what it lacks: what may still come is told by the edge's next hello.
func (w *world) settled(ctx context.Context) error {
	err := await(ctx, "nothing missing", 20*time.Second, func() (bool, error) {
		lanesNow, err := account(w.site.gatewayHTTP())
		if err != nil {
			return false, nil
		}
		for _, l := range lanesNow {
			if len(l.Missing) > 0 {
				return false, nil
			}
		}
		return true, nil
	})
	if ctx.Err() != nil {
		return err
	}
	return nil // what is missing is counted
}

func (w *world) judge(ctx context.Context, report Report) (Report, error) {
	if err := ctx.Err(); err != nil {
		return report, err
	}
	delivered, err := readings(w.site.gatewayHTTP())
	if err != nil {
		return report, err
	}
	lanesNow, err := account(w.site.gatewayHTTP())
	if err != nil {
		return report, err
	}
	report.Lanes, report.Faults = w.ledger.judge(int(w.source.told.Load()), delivered, lanesNow)
	return report, nil
}
