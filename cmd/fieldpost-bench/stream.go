package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"fieldpost/cmd/internal/command"
	"fieldpost/measure"
)

// way is one way for readings to come, of those that are compared.
type way struct {
	name string
	o    measure.StreamOptions
}

func throughputCommand() command.Sub {
	f := command.Flags("throughput")
	readings := f.Int("readings", 10_000_000, "how many `READINGS` come from a generator; a tenth as many as lines")
	return streamCommand(f, func() []way {
		return []way{
			{"generator", measure.StreamOptions{Readings: *readings}},
			{"generator, TLS", measure.StreamOptions{Readings: *readings, TLS: true}},
			{"lines over TCP", measure.StreamOptions{Readings: *readings / 10, Lines: true}},
		}
	})
}

func drainCommand() command.Sub {
	f := command.Flags("drain")
	readings := f.Int("readings", 10_000_000, "how many `READINGS` wait")
	return streamCommand(f, func() []way {
		return []way{
			{"backlog", measure.StreamOptions{Readings: *readings, Backlog: true}},
			{"backlog, TLS", measure.StreamOptions{Readings: *readings, Backlog: true, TLS: true}},
			{"backlog of lines", measure.StreamOptions{Readings: *readings / 10, Backlog: true, Lines: true}},
		}
	})
}

// streamCommand measures ways in turn, and prints the median run of each.
func streamCommand(f *flag.FlagSet, ways func() []way) command.Sub {
	runs := f.Int("runs", 3, "measure each so many `TIMES`, in turn, and show the median")
	only := f.String("only", "", "measure the one of this `NAME` alone")
	profiles := f.String("profiles", "", "write profiles of the last edge into this `FOLDER`")
	asJSON := f.Bool("json", false, "print all runs as JSON lines, not a table")
	return command.Sub{Flags: f, Run: func(ctx context.Context, std command.IO) int {
		if err := measureStreams(ctx, std, ways(), *runs, *only, *profiles, *asJSON); err != nil {
			fmt.Fprintf(std.Errs, "%s: %v\n", name, err)
			return command.Failed
		}
		return command.OK
	}}
}

func measureStreams(ctx context.Context, std command.IO, ways []way, runs int, only, profiles string, asJSON bool) error {
	bin, err := binaries()
	if err != nil {
		return err
	}
	ways = slices.DeleteFunc(ways, func(w way) bool { return only != "" && w.name != only })
	reports := make([][]measure.StreamReport, len(ways))
	for range runs {
		for i, w := range ways {
			w.o.Bin, w.o.Profiles = bin, profiles
			r, err := measure.Stream(ctx, w.o)
			if err != nil {
				return fmt.Errorf("%s: %w", w.name, err)
			}
			fmt.Fprintf(std.Errs, "%s: %.0f readings/s\n", w.name, r.Rate())
			reports[i] = append(reports[i], r)
			if asJSON {
				if err := json.NewEncoder(std.Out).Encode(r); err != nil {
					return err
				}
			}
		}
	}
	if asJSON {
		return nil
	}
	return printStreams(std.Out, ways, reports)
}

func printStreams(out io.Writer, ways []way, reports [][]measure.StreamReport) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "way\treadings\ton the edge's disk/s\ton the gateway's/s\tseconds\tedge µs each\tgateway µs each\tedge MB\tgateway MB\t")
	for i, all := range reports {
		slices.SortFunc(all, func(a, b measure.StreamReport) int { return int((a.Seconds - b.Seconds) * 1e6) })
		r := all[len(all)/2]
		n := float64(r.Readings)
		fill := "-"
		if r.Fill > 0 {
			fill = fmt.Sprintf("%.0f", r.FillRate())
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%.0f\t%.1f\t%.2f\t%.2f\t%.1f\t%.1f\t\n", ways[i].name, r.Readings, fill, r.Rate(), r.Seconds,
			r.Edge.CPU/n*1e6, r.Gateway.CPU/n*1e6, float64(r.Edge.Resident)/1e6, float64(r.Gateway.Resident)/1e6)
	}
	return w.Flush()
}
