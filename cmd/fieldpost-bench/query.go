package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"fieldpost/cmd/internal/command"
	"fieldpost/measure"
)

func queryMeasurement() measurement {
	f := command.Flags("query")
	days := f.Int("days", 30, "so many `DAYS` are stored")
	metrics := f.Int("metrics", 1000, "so many `METRICS` of ten nodes have a reading a second")
	dir := f.String("dir", "", "`FOLDER` for the data; default: a temporary one")
	profiles := profilesFlag(f)
	asked := f.Int("asked", 25, "each question is asked so many `TIMES`")
	return measurement{f, func(ctx context.Context, bin string, say func(string, ...any)) (_ result, err error) {
		folder := *dir
		if folder == "" {
			if folder, err = os.MkdirTemp("", "fieldpost-query-"); err != nil {
				return result{}, err
			}
			defer os.RemoveAll(folder)
		}
		say("query: storing %d days of %d metrics", *days, *metrics)
		began := time.Now()
		p := plant{nodes: 10, metrics: *metrics / 10, days: *days, began: time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)}
		if err := p.store(ctx, filepath.Join(folder, "data")); err != nil {
			return result{}, err
		}
		say("query: asking, after %v", time.Since(began).Round(time.Second))
		all, err := measure.Query(ctx, measure.QueryOptions{
			Bin: bin, Dir: folder, Nodes: p.nodes, Metrics: p.metrics, Began: p.began, Days: p.days, Asked: *asked, Profiles: *profiles,
		})
		if err != nil {
			return result{}, err
		}
		t := measure.Table{
			Title: fmt.Sprintf("Answers from %.2f billion readings (%d metrics once a second, %d days), milliseconds, half of them / 95 of 100 within",
				float64(p.nodes*p.metrics*p.days)*86400/1e9, p.nodes*p.metrics, p.days),
			Columns: []string{"of one metric", "readings in it", "nothing in memory", "warm", "without blocks, warm"},
			Notes: []string{fmt.Sprintf("Each question as a new HTTP request for a random metric and time, %d times; nothing in memory: all files of the store were put out of the page cache before each. "+
				"The journal has %.2f bytes a reading, the blocks %.2f more. After the questions the gateway has %.0f MB.", *asked, all.Journal, all.Blocks, float64(all.Gateway.Resident)/1e6)},
		}
		for _, q := range all.Questions {
			t.Add(q.Name, fmt.Sprint(q.Readings), q.Cold.String(), q.Warm.String(), q.Without.String())
		}
		return result{all, []measure.Table{t}}, nil
	}}
}
