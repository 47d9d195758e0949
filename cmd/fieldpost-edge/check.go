package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"

	"fieldpost/cmd/internal/command"
	"fieldpost/configs/edgefile"
	"fieldpost/edge/cost"
	"fieldpost/forwarder"
)

// assumed is how many readings a second a metric is taken to give where nobody says.
const assumed = 1.

func checkCommand() command.Sub {
	f := command.Flags("check")
	config := configFlag(f)
	costs := f.Bool("cost", false, "estimate what it will take of link, card and journal")
	rates := f.String("rates", "", "with -cost: a csv `FILE` of device,metric,readings a second; a metric that is not in it is taken to give one")
	endurance := f.Float64("endurance", 10, "with -cost: how many `TB` the card can be written (its data sheet's TBW)")
	return command.Sub{Flags: f, Run: func(_ context.Context, io command.IO) int {
		if !*costs && *rates != "" {
			fmt.Fprintf(io.Errs, "%s check: -rates goes with -cost\n", name)
			return command.BadUsage
		}
		if *endurance <= 0 {
			fmt.Fprintf(io.Errs, "%s check: -endurance %v: want TB above 0\n", name, *endurance)
			return command.BadUsage
		}
		c := load(*config, io.Errs)
		if c == nil {
			return command.Failed
		}
		fmt.Fprintf(io.Out, "%s: ok: node %s, devices: %d, links: %d\n", *config, c.Node, len(c.Devices), len(c.Links))
		if !*costs {
			return command.OK
		}
		return done(estimate(c, *rates, *endurance*1e12, io.Out), io.Errs)
	}}
}

// estimate prints what the files will take.
func estimate(c *edgefile.Config, rates string, endurance float64, out io.Writer) error {
	told, err := readRates(c, rates)
	if err != nil {
		return err
	}
	var l cost.Load
	guessed := 0
	for _, d := range c.Devices {
		for _, m := range d.Metrics {
			rate, ok := told[[2]string{d.DeviceSettings.Device, m.Name}]
			if !ok {
				rate = assumed
				guessed++
			}
			l.PerSecond += rate
			l.Series++
		}
	}
	if guessed > 0 {
		fmt.Fprintf(out, "\n%d of %d metrics are taken to give one reading a second, for -rates does not name them.\n", guessed, l.Series)
	}
	setup := cost.Setup{CommitEvery: c.Journal.CommitEvery.Go(), Room: float64(c.Journal.MaxSize), Endurance: endurance}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "\nreadings\t%.4g a second, of %d metrics, as long as no deadband holds any back\n", l.PerSecond, l.Series)
	e := cost.Of(l, setup)
	fmt.Fprintf(w, "card\t%s a day; at %.4g TB it lasts %s\n", amount(e.Flash), endurance/1e12, years(e.CardYears))
	fmt.Fprintf(w, "journal\t%s a day: %s outlasts %.4g days without a gateway\n", amount(e.Journal), amount(setup.Room), e.OutageDays)
	for _, link := range c.Links {
		setup.Linked, setup.SendEvery = true, link.SendEvery.Go()
		setup.Dense = forwarder.Coding(link.Coding) != forwarder.Plain
		setup.TLS = strings.HasPrefix(link.MQTT.URL, "ssl:") || strings.HasPrefix(link.MQTT.URL, "wss:")
		if _, plain := link.MQTT.Foreign(c.Node); plain {
			fmt.Fprintf(w, "link %s\tis not estimated: each reading is a message of its own (ack: broker)\n", link.Name)
			continue
		}
		e := cost.Of(l, setup)
		fmt.Fprintf(w, "link %s\t%s a day, %s of them payload; TCP and IP headers come on top\n", link.Name, amount(e.Link), amount(e.Payload))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, "\nEstimates, right within about a third for values of a few digits; status tells what it really takes.")
	return err
}

// readRates reads a file of rates by device and metric; "": none.
func readRates(c *edgefile.Config, path string) (map[[2]string]float64, error) {
	if path == "" {
		return nil, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read -rates: %w", err)
	}
	defer f.Close()
	known := map[[2]string]bool{}
	for _, d := range c.Devices {
		for _, m := range d.Metrics {
			known[[2]string{d.DeviceSettings.Device, m.Name}] = true
		}
	}
	out := map[[2]string]float64{}
	rows := csv.NewReader(f)
	rows.FieldsPerRecord, rows.Comment, rows.TrimLeadingSpace = 3, '#', true
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read -rates %s: %w; want device,metric,readings a second", path, err)
		}
		line, _ := rows.FieldPos(0)
		rate, err := strconv.ParseFloat(row[2], 64)
		if err != nil && len(out) == 0 && line == 1 {
			continue // a heading
		}
		if err != nil || rate < 0 || rate > 1e9 {
			return nil, fmt.Errorf("read -rates %s:%d: %q is no number of readings a second", path, line, row[2])
		}
		key := [2]string{row[0], row[1]}
		if !known[key] {
			return nil, fmt.Errorf("read -rates %s:%d: no device file has metric %s of device %s", path, line, row[1], row[0])
		}
		out[key] = rate
	}
}

// amount writes bytes.
func amount(n float64) string {
	for _, u := range []struct {
		size float64
		name string
	}{{1e12, "TB"}, {1e9, "GB"}, {1e6, "MB"}, {1e3, "kB"}} {
		if n >= u.size {
			return fmt.Sprintf("%.3g %s", n/u.size, u.name)
		}
	}
	return fmt.Sprintf("%.0f B", n)
}

func years(n float64) string {
	const century = 100
	if n >= century {
		return "longer than a century"
	}
	return fmt.Sprintf("%.2g years", n)
}
