package main

import (
	"context"
	"fmt"
	"time"

	"fieldpost/cmd/internal/command"
	"fieldpost/measure"
)

func flashMeasurement() measurement {
	f := command.Flags("flash")
	seconds := f.Int("seconds", 120, "readings come for so many `SECONDS`")
	return measurement{f, func(ctx context.Context, bin string, say func(string, ...any)) (result, error) {
		say("flash: twelve edges for %d s", *seconds)
		every := []time.Duration{time.Second, 10 * time.Second, time.Minute}
		all, err := measure.Flash(ctx, measure.FlashOptions{Bin: bin, Seconds: *seconds, Rates: []int{1, 10, 100, 1000}, Every: every})
		if err != nil {
			return result{}, err
		}
		t := measure.Table{
			Title:   "Written to the card, with no link up: bytes a reading / MB a day",
			Columns: []string{"readings a second", "commit_every 1s", "10s", "60s"},
			Notes:   []string{"As the kernel counts it for the process (write_bytes)."},
		}
		for i := 0; i < len(all.Edges); i += len(every) {
			row := []any{all.Edges[i].Rate}
			for _, r := range all.Edges[i : i+len(every)] {
				row = append(row, fmt.Sprintf("%.4g / %.0f", r.PerReading(), r.PerDay()/1e6))
			}
			t.Add(row...)
		}
		if all.Device > 0 {
			t.Notes[0] += fmt.Sprintf(" Meanwhile the block device wrote %.1f MB, for %.1f MB that the twelve edges wrote since their start, all else on the machine included.",
				float64(all.Device)/1e6, float64(all.Total)/1e6)
		}
		return result{all, []measure.Table{t}}, nil
	}}
}
