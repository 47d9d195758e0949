package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"fieldpost/api"
	"fieldpost/gateway/store"
	"fieldpost/history"
	"fieldpost/measure"
	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
)

// plant makes up what a gateway has stored: each metric once a second, a minute of a node in a frame, in the order in which it would have come.
type plant struct {
	nodes, metrics, days int
	began                time.Time
}

// minuteFrames is how many frames go into one commit.
const minuteFrames = 100

// store fills a store in dir, blocks included.
func (p plant) store(ctx context.Context, dir string) (err error) {
	st, err := store.Open(dir, store.RetentionSettings{BySeries: true}, nil)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	kept := make(chan error, 1)
	go func() { kept <- st.Run(ctx) }()
	defer func() {
		cancel()
		err = errors.Join(err, <-kept, st.Close())
	}()
	frames := make(chan []store.Frame, 2)
	encoded := make(chan error, 1)
	go func() {
		defer close(frames)
		encoded <- p.encode(ctx, frames)
	}()
	for batch := range frames {
		if err := st.Append(batch); err != nil {
			return err
		}
	}
	if err := <-encoded; err != nil {
		return err
	}
	for tick := time.Tick(200 * time.Millisecond); st.Status().Unblocked > 0; {
		select {
		case <-tick:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (p plant) encode(ctx context.Context, frames chan<- []store.Frame) error {
	device := frame.Device{Name: "plant"}
	for m := range p.metrics {
		device.Metrics = append(device.Metrics, frame.Metric{Name: measure.PlantMetric(m), Unit: "Cel", Kind: telemetry.KindFloat})
	}
	encoded, err := (&frame.Table{Devices: []frame.Device{device}}).Encode()
	if err != nil {
		return err
	}
	table, err := history.ParseTable(encoded)
	if err != nil {
		return err
	}
	random := rand.New(rand.NewPCG(1, 2))
	level := make([]int, p.nodes*p.metrics)
	recs := make([]frame.Record, 60*p.metrics)
	spans := make([]history.Span, p.metrics)
	var batch []store.Frame
	for minute := range p.days * 24 * 60 {
		for n := range p.nodes {
			for i := range recs {
				m := i % p.metrics
				l := &level[n*p.metrics+m]
				*l += int(random.Uint32()>>16*3>>16) - 1
				at := p.began.Add(time.Duration(minute)*time.Minute + time.Duration(i/p.metrics)*time.Second)
				recs[i] = frame.Record{Series: uint32(m), Time: telemetry.TimeOf(at), Value: telemetry.Float(float64(200+*l) / 10)}
			}
			data, err := frame.Encode(nil, frame.Header{
				Node: measure.PlantNode(n), Epoch: 9, Lane: telemetry.Live, First: 1 + uint64(minute*len(recs)), Clock: telemetry.ClockSync, Table: table.Hash,
			}, recs)
			if err != nil {
				return err
			}
			h, err := frame.ParseHeader(data)
			if err != nil {
				return err
			}
			for m := range spans {
				first, last := &recs[m], &recs[len(recs)-p.metrics+m]
				spans[m] = history.Span{
					Series: uint32(m), First: api.Point{Time: first.Time, Value: first.Value}, Last: api.Point{Time: last.Time, Value: last.Value},
				}
			}
			batch = append(batch, store.Frame{Header: h, Data: data, Table: table, Encoded: encoded, Spans: append([]history.Span(nil), spans...)})
			if len(batch) == minuteFrames {
				select {
				case frames <- batch:
					batch = make([]store.Frame, 0, minuteFrames)
				case <-ctx.Done():
					return ctx.Err()
				}
			}
		}
	}
	frames <- batch
	return nil
}
