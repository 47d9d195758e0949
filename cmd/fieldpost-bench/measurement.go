package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"fieldpost/cmd/internal/command"
	"fieldpost/measure"
)

// result is what one measurement gave: for programs and for people.
type result struct {
	reports any // JSON
	tables  []measure.Table
}

// measurement is a subcommand that measures.
type measurement struct {
	flags *flag.FlagSet
	run   func(ctx context.Context, bin string, say func(format string, args ...any)) (result, error)
}

// measurements are all whose figures are published in docs/benchmarks.md, in its order, with the defaults of their flags.
func measurements() []measurement {
	return []measurement{wireMeasurement(), flashMeasurement(), throughputMeasurement(), drainMeasurement(), queryMeasurement(), nodesMeasurement()}
}

// command makes a subcommand of m.
func (m measurement) command() command.Sub {
	asJSON := m.flags.Bool("json", false, "print all reports as JSON, not tables")
	return command.Sub{Flags: m.flags, Run: func(ctx context.Context, std command.IO) int {
		err := m.print(ctx, std, *asJSON)
		if err != nil {
			fmt.Fprintf(std.Errs, "%s: %s: %v\n", name, m.flags.Name(), err)
			return command.Failed
		}
		return command.OK
	}}
}

func (m measurement) print(ctx context.Context, std command.IO, asJSON bool) error {
	bin, err := binaries()
	if err != nil {
		return err
	}
	r, err := m.run(ctx, bin, func(format string, args ...any) { fmt.Fprintf(std.Errs, format+"\n", args...) })
	if err != nil {
		return err
	}
	if asJSON {
		e := json.NewEncoder(std.Out)
		e.SetIndent("", " ")
		return e.Encode(r.reports)
	}
	fmt.Fprintf(std.Out, "%s\n\n", measure.Machine())
	for _, t := range r.tables {
		if err := t.Text(std.Out); err != nil {
			return err
		}
	}
	return nil
}

// pageCommand makes all measurements and writes the page of them.
func pageCommand() command.Sub {
	f := command.Flags("page")
	path := f.String("o", "docs/benchmarks.md", "the `FILE` that is written anew")
	return command.Sub{Flags: f, Run: func(ctx context.Context, std command.IO) int {
		if err := writePage(ctx, std, *path); err != nil {
			fmt.Fprintf(std.Errs, "%s: page: %v\n", name, err)
			return command.Failed
		}
		return command.OK
	}}
}

func writePage(ctx context.Context, std command.IO, path string) error {
	bin, err := binaries()
	if err != nil {
		return err
	}
	var page strings.Builder
	machine := measure.Machine() // before there is any load of ours
	fmt.Fprintf(&page, "# Figures\n\nWritten by `make bench` (`fieldpost-bench page`), on %s. Each command alone prints its tables, or with `-json` all its runs.\n\n"+
		"Machine: %s\n\nWhat stands in one table was measured in one run, in turn where it can disturb each other. Compare within a table: elsewhere all figures differ.\n",
		time.Now().UTC().Format(time.DateOnly), machine)
	for _, m := range measurements() {
		began := time.Now()
		r, err := m.run(ctx, bin, func(format string, args ...any) { fmt.Fprintf(std.Errs, format+"\n", args...) })
		if err != nil {
			return fmt.Errorf("%s: %w", m.flags.Name(), err)
		}
		fmt.Fprintf(std.Errs, "%s: done after %v\n", m.flags.Name(), time.Since(began).Round(time.Second))
		fmt.Fprintf(&page, "\n## %s\n\n`fieldpost-bench %[1]s`\n\n", m.flags.Name())
		for i, t := range r.tables {
			if i > 0 {
				page.WriteString("\n")
			}
			t.Markdown(&page)
		}
	}
	return os.WriteFile(path, []byte(strings.TrimRight(page.String(), "\n")+"\n"), 0o644)
}

// median returns the run in the middle by a figure.
func median[R any](runs []R, figure func(R) float64) R {
	sorted := slices.SortedFunc(slices.Values(runs), func(a, b R) int {
		switch {
		case figure(a) < figure(b):
			return -1
		case figure(a) > figure(b):
			return 1
		}
		return 0
	})
	return sorted[len(sorted)/2]
}
