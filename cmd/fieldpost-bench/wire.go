package main

import (
	"context"
	"errors"
	"time"

	"fieldpost/cmd/internal/command"
	"fieldpost/measure"
)

func wireMeasurement() measurement {
	f := command.Flags("wire")
	seconds := f.Int("seconds", 120, "readings come for so many `SECONDS`")
	return measurement{f, func(ctx context.Context, bin string, say func(string, ...any)) (result, error) {
		batches := []int{60, 600, 4096}
		speeds, err := measure.Speeds(batches)
		if err != nil {
			return result{}, err
		}
		say("wire: speeds done; now a live link for %d s, and sizes meanwhile", *seconds)
		var sizes []measure.SizeReport
		sized := make(chan error, 1)
		go func() { // it measures no time, and the link is idle but for a frame a second
			var err error
			sizes, err = measure.Sizes(ctx, []int{1, 60, 600, 4096})
			sized <- err
		}()
		links, err := measure.Link(ctx, measure.LinkOptions{Bin: bin, Seconds: *seconds, Every: []time.Duration{time.Second, 10 * time.Second, time.Minute}})
		if err := errors.Join(err, <-sized); err != nil {
			return result{}, err
		}
		live := measure.Table{
			Title:   "Bytes a reading on the link: ten metrics once a second, MQTT over TLS, as a proxy counts them",
			Columns: []string{"who", "up", "down", "both", "payload", "MQTT", "TLS", "connecting, once"},
			Notes: []string{"Payload includes acks and hellos. Mosquitto publishes each reading as JSON at QoS 1; nobody says what of its bytes is what. " +
				"TCP and IP headers, 40 bytes a segment and more, are not in it."},
		}
		for _, l := range links {
			row := []any{l.Who, l.Up, l.Down, l.Up + l.Down}
			if l.Payload > 0 {
				row = append(row, l.Payload, l.MQTT, l.TLS)
			} else {
				row = append(row, "-", "-", "-")
			}
			live.Add(append(row, l.Connect)...)
		}
		return result{
			struct {
				Sizes  []measure.SizeReport  `json:"sizes"`
				Speeds []measure.SpeedReport `json:"speeds"`
				Links  []measure.LinkReport  `json:"links"`
			}{sizes, speeds, links},
			[]measure.Table{live, measure.SizesTable(sizes, 1), measure.SizesTable(sizes, 60), measure.SizesTable(sizes, 600), measure.SizesTable(sizes, 4096),
				measure.SpeedsTable(speeds, batches)},
		}, nil
	}}
}
