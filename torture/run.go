package torture

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"time"
)

// Options of one schedule.
type Options struct {
	Edge, Gateway string // the binaries
	Bench         string // fieldpost-bench, for edges with little room or a clock that steps; "": without such edges
	Dir           string // made, and removed at the end unless something was wrong
	Seed          uint64
	Actions       int
	Log           io.Writer // what is done, a line each; nil: nowhere

	mosquitto string // "": without schedules that have one in between
}

// Run carries out one schedule and says what came of it. An error means that it could not be carried out, or that one of the processes failed by itself;
// whether the promise held is in the report. Where Mosquitto is not installed the schedules have none in between.
func Run(ctx context.Context, o Options) (report Report, err error) {
	began := time.Now()
	o.mosquitto = findMosquitto()
	random := rand.New(rand.NewPCG(o.Seed, 0))
	shape := drawShape(random, o)
	report = Report{Seed: o.Seed, Shape: shape.String()}
	o.say("%s", report.Shape)
	w, err := newWorld(o, shape)
	if err != nil {
		return report, fmt.Errorf("seed %d: %w", o.Seed, err)
	}
	defer w.close()

	all := actions(shape)
	for i := range o.Actions {
		if err := pass(ctx, upTo(random, 600*time.Millisecond)); err != nil {
			return report, err
		}
		a := pick(all, random)
		report.Actions = append(report.Actions, a.name)
		o.say("%d of %d: %s", i+1, o.Actions, a.name)
		err := a.do(ctx, w, random)
		if err == nil {
			err = w.healthy()
		}
		if err != nil {
			return report, fmt.Errorf("seed %d, action %d, %s: %w", o.Seed, i+1, a.name, err)
		}
	}
	o.say("draining")
	if err := w.drain(ctx); err != nil {
		return report, fmt.Errorf("seed %d, at the end: %w", o.Seed, err)
	}
	if err := w.judge(ctx, &report); err != nil {
		return report, fmt.Errorf("seed %d, at the end: %w", o.Seed, err)
	}
	report.Seconds = time.Since(began).Seconds()
	w.close()
	if report.Failed() {
		return report, nil
	}
	return report, os.RemoveAll(o.Dir)
}

func (o Options) say(format string, args ...any) {
	if o.Log != nil {
		fmt.Fprintf(o.Log, "seed %d: %s\n", o.Seed, fmt.Sprintf(format, args...))
	}
}

// healthy notes what the edges have, and reports a process that ended by itself.
func (w *world) healthy() error {
	for _, u := range w.units {
		if err := u.alive(); err != nil {
			return err
		}
		if shown, err := records(w.site.edgeHTTP(u.n)); err == nil { // it may not answer yet
			w.ledger.seen(u.n, shown)
		}
	}
	return w.alive()
}

// drain heals everything and waits until the gateway has what the edges have. They drain one after the other: two with one name take each other's place
// at the gateway.
func (w *world) drain(ctx context.Context) error {
	if err := answers(ctx, w.site.gatewayHTTP(), w.gateway); err != nil {
		return fmt.Errorf("the gateway: %w", err)
	}
	for _, u := range w.units[1:] {
		if err := u.end(ctx, u.stop); err != nil {
			return err
		}
	}
	for i, u := range w.units {
		if i > 0 {
			before := w.units[i-1]
			if err := before.end(ctx, before.stop); err != nil {
				return err
			}
		}
		if err := u.drain(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) judge(ctx context.Context, report *Report) error {
	v := verdict{ledger: w.ledger, told: map[int]int{}, byTime: !w.site.shape.clocks}
	for _, u := range w.units {
		if err := u.source.close(); err != nil {
			return err
		}
		v.told[u.n] = int(u.source.told.Load())
	}
	// An edge goes on reporting on itself, and what it has just told of is missing until it comes. What stays missing is missing.
	err := await(ctx, "a moment in which nothing is missing", 20*time.Second, func() (ok bool, err error) {
		v.lanes, err = account(w.site.gatewayHTTP())
		return !w.ledger.waits(v.lanes), err
	})
	if v.lanes == nil {
		return err
	}
	if v.delivered, err = records(w.site.gatewayHTTP()); err != nil {
		return err
	}
	report.Lanes = v.accounts()
	report.Faults = v.faults
	return nil
}
