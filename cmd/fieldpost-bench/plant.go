package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"

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

// minuteFrames is about how many frames go into one commit.
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
	nodes := make([]*plantNode, p.nodes)
	for n := range nodes {
		nodes[n] = &plantNode{
			header:  frame.Header{Node: measure.PlantNode(n), Epoch: 9, Lane: telemetry.Live, First: 1, Clock: telemetry.ClockSync, Table: table.Hash},
			table:   table,
			encoded: encoded,
			random:  rand.New(rand.NewPCG(1, uint64(n))),
			level:   make([]int, p.metrics),
			recs:    make([]frame.Record, 60*p.metrics),
		}
	}
	each := max(1, minuteFrames/p.nodes)
	for minute, all := 0, p.days*24*60; minute < all; minute += each {
		minutes := min(each, all-minute)
		batch := make([]store.Frame, minutes*p.nodes)
		var group errgroup.Group
		group.SetLimit(runtime.GOMAXPROCS(0))
		for n, node := range nodes {
			group.Go(func() (err error) {
				for i := range minutes {
					if batch[i*p.nodes+n], err = node.minute(p.began.Add(time.Duration(minute+i) * time.Minute)); err != nil {
						return err
					}
				}
				return nil
			})
		}
		if err := group.Wait(); err != nil {
			return err
		}
		select {
		case frames <- batch:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// plantNode makes up what one node sends.
type plantNode struct {
	header  frame.Header // of the next frame
	table   *history.Table
	encoded []byte
	random  *rand.Rand
	level   []int // by metric
	recs    []frame.Record
}

func (n *plantNode) minute(began time.Time) (store.Frame, error) {
	metrics, start := len(n.level), telemetry.TimeOf(began)
	for i := range n.recs {
		m := i % metrics
		n.level[m] += int(n.random.Uint32()>>16*3>>16) - 1
		n.recs[i] = frame.Record{
			Series: uint32(m), Time: start + telemetry.Time(i/metrics)*telemetry.Time(time.Second), Value: telemetry.Float(float64(200+n.level[m]) / 10),
		}
	}
	data, err := frame.Encode(nil, n.header, n.recs)
	if err != nil {
		return store.Frame{}, err
	}
	n.header.First += uint64(len(n.recs))
	h, err := frame.ParseHeader(data)
	if err != nil {
		return store.Frame{}, err
	}
	spans := make([]history.Span, metrics)
	for m := range spans {
		first, last := &n.recs[m], &n.recs[len(n.recs)-metrics+m]
		spans[m] = history.Span{
			Series: uint32(m), First: api.Point{Time: first.Time, Value: first.Value}, Last: api.Point{Time: last.Time, Value: last.Value},
		}
	}
	return store.Frame{Header: h, Data: data, Table: n.table, Encoded: n.encoded, Spans: spans}, nil
}
