package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"fieldpost/cmd/internal/command"
	"fieldpost/measure"
)

// latest is how long an event may take on the slow link, in seconds.
const latest = 2

func outageCommand() command.Sub {
	f := command.Flags("outage")
	backlogs := f.String("backlogs", "0,1000000,10000000", "how many readings wait: `N,…`")
	events := f.Int("events", 10, "raise so many `EVENTS` on the slow link")
	asJSON := f.Bool("json", false, "print reports as JSON lines, not as a table")
	return command.Sub{Flags: f, Run: func(ctx context.Context, std command.IO) int {
		ok, err := measureOutages(ctx, std, *backlogs, *events, *asJSON)
		if err != nil {
			fmt.Fprintf(std.Errs, "%s: %v\n", name, err)
		}
		if err != nil || !ok {
			return command.Failed
		}
		return command.OK
	}}
}

func measureOutages(ctx context.Context, std command.IO, backlogs string, events int, asJSON bool) (ok bool, err error) {
	bin, err := binaries()
	if err != nil {
		return false, err
	}
	var reports []measure.OutageReport
	for s := range strings.SplitSeq(backlogs, ",") {
		n, err := strconv.Atoi(s)
		if err != nil || n < 0 {
			return false, fmt.Errorf("-backlogs %q: want numbers of readings with commas between", backlogs)
		}
		r, err := measure.Outage(ctx, measure.OutageOptions{Bin: bin, Backlog: n, Events: events})
		if err != nil {
			return false, fmt.Errorf("backlog of %d: %w", n, err)
		}
		fmt.Fprintf(std.Errs, "backlog of %d: done\n", n)
		reports = append(reports, r)
	}
	ok = !slices.ContainsFunc(reports, func(r measure.OutageReport) bool { return slices.Max(append(r.Event, 0)) > latest })
	if asJSON {
		for _, r := range reports {
			if err := json.NewEncoder(std.Out).Encode(r); err != nil {
				return false, err
			}
		}
		return ok, nil
	}
	return ok, printOutages(std.Out, reports)
}

func printOutages(out io.Writer, reports []measure.OutageReport) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "backlog\ton disk MB\tstart to first, s\tevent, s\tworst, s\tnewest behind, s\tlink used, %\tmemory MB\tafter drain MB\treadings/s\t")
	for _, r := range reports {
		events := slices.Sorted(slices.Values(r.Event))
		var median, worst float64
		if n := len(events); n > 0 {
			median, worst = events[n/2], events[n-1]
		}
		fmt.Fprintf(w, "%d\t%.1f\t%.2f\t%.2f\t%.2f\t%.1f\t%.0f\t%.1f\t%.1f\t%.0f\t\n",
			r.Backlog, float64(r.Disk)/1e6, r.First, median, worst, r.Fresh, 100*r.Used, float64(r.Resident)/1e6, float64(r.Draining)/1e6, r.Drain)
	}
	return w.Flush()
}

// binaries returns the folder of the two that are tried.
func binaries() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	dir := filepath.Dir(self)
	for _, b := range []string{"fieldpost-edge", "fieldpost-gateway"} {
		if _, err := os.Stat(filepath.Join(dir, b)); err != nil {
			return "", fmt.Errorf("find the binary to be tried: %w; build all of them into one folder (make build)", err)
		}
	}
	return dir, nil
}
