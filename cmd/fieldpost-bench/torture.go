package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"fieldpost/cmd/internal/command"
	"fieldpost/torture"
)

// campaign is what torture's flags say.
type campaign struct {
	seed      uint64
	schedules int
	minutes   float64
	actions   int
	jobs      int
	json      bool
	dir       string
}

func tortureCommand() command.Sub {
	f := command.Flags("torture")
	var c campaign
	f.Uint64Var(&c.seed, "seed", 1, "the first schedule's `N`; the next has N+1")
	f.IntVar(&c.schedules, "schedules", 0, "how many `K` schedules at most; 0: as many as -minutes lets begin")
	f.Float64Var(&c.minutes, "minutes", 0, "no schedule begins after `M` minutes; 0: ten schedules, if -schedules says no other number")
	f.IntVar(&c.actions, "actions", 20, "what is done in each schedule, `A` times")
	f.IntVar(&c.jobs, "jobs", 2, "so many schedules run at once")
	f.BoolVar(&c.json, "json", false, "print reports as JSON lines, not as a table")
	f.StringVar(&c.dir, "dir", "", "`FOLDER` for the data, which stays where something was wrong; default: a temporary one")
	return command.Sub{Flags: f, Run: func(ctx context.Context, io command.IO) int {
		ok, err := c.run(ctx, io)
		if err != nil {
			fmt.Fprintf(io.Errs, "%s: %v\n", name, err)
		}
		if err != nil || !ok {
			return command.Failed
		}
		return command.OK
	}}
}

// run runs the schedules and reports whether the promise held in all of them.
func (c campaign) run(ctx context.Context, std command.IO) (ok bool, err error) {
	if c.schedules == 0 && c.minutes == 0 {
		c.schedules = 10
	}
	bin, err := binaries()
	if err != nil {
		return false, err
	}
	dir := c.dir
	if dir == "" {
		if dir, err = os.MkdirTemp("", "fieldpost-torture-"); err != nil {
			return false, err
		}
		defer os.Remove(dir) // if nothing is in it any more
	}
	deadline := time.Now().Add(time.Duration(c.minutes * float64(time.Minute)))
	var mu sync.Mutex
	var reports []torture.Report
	var errs []error
	next := 0
	var jobs sync.WaitGroup
	for range max(c.jobs, 1) {
		jobs.Go(func() {
			for {
				mu.Lock()
				n := next
				next++
				mu.Unlock()
				if c.schedules > 0 && n >= c.schedules || ctx.Err() != nil || c.minutes > 0 && time.Now().After(deadline) {
					return
				}
				seed := c.seed + uint64(n)
				report, err := torture.Run(ctx, torture.Options{
					Edge: filepath.Join(bin, "fieldpost-edge"), Gateway: filepath.Join(bin, "fieldpost-gateway"), Bench: filepath.Join(bin, name),
					Dir: filepath.Join(dir, fmt.Sprint(seed)), Seed: seed, Actions: c.actions,
				})
				mu.Lock()
				if err != nil {
					errs = append(errs, err)
				} else {
					reports = append(reports, report)
				}
				fmt.Fprintln(std.Errs, progress(seed, report, err))
				mu.Unlock()
			}
		})
	}
	jobs.Wait()
	slices.SortFunc(reports, func(a, b torture.Report) int { return int(a.Seed) - int(b.Seed) })
	if err := c.print(std.Out, reports); err != nil {
		return false, err
	}
	failed := slices.ContainsFunc(reports, torture.Report.Failed)
	if failed || len(errs) > 0 {
		fmt.Fprintf(std.Errs, "what the failed schedules left is in %s; again: %s torture -seed N -schedules 1 -actions %d\n", dir, name, c.actions)
	}
	for _, e := range errs {
		fmt.Fprintln(std.Errs, e)
	}
	if len(errs) > 0 {
		return false, fmt.Errorf("%d of %d schedules could not be carried out", len(errs), len(errs)+len(reports))
	}
	return !failed, ctx.Err()
}

func progress(seed uint64, r torture.Report, err error) string {
	switch {
	case err != nil:
		return fmt.Sprintf("schedule %d: could not be carried out", seed)
	case r.Failed():
		return fmt.Sprintf("schedule %d: BROKEN: %s", seed, strings.Join(r.Faults[:min(3, len(r.Faults))], "; "))
	}
	return fmt.Sprintf("schedule %d: ok, %.0f s", seed, r.Seconds)
}

func (c campaign) print(out io.Writer, reports []torture.Report) error {
	if !c.json {
		return torture.Print(out, reports)
	}
	for _, r := range reports {
		if err := json.NewEncoder(out).Encode(r); err != nil {
			return err
		}
	}
	return nil
}
