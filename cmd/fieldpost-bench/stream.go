package main

import (
	"context"
	"fmt"

	"fieldpost/cmd/internal/command"
	"fieldpost/measure"
)

// way is one way for readings to come, of those that are compared.
type way struct {
	name string
	o    measure.StreamOptions
}

func throughputMeasurement() measurement {
	return streamMeasurement("throughput", "From a driver to the gateway's disk, edge and gateway each a process, every acknowledgement after an fsync", true,
		func(n int) []way {
			return []way{
				{"generator", measure.StreamOptions{Readings: n}},
				{"generator, TLS", measure.StreamOptions{Readings: n, TLS: true}},
				{"lines over TCP", measure.StreamOptions{Readings: n / 10, Lines: true}},
			}
		})
}

func drainMeasurement() measurement {
	return streamMeasurement("drain", "A backlog: taken while there is no gateway, and on the gateway's disk after a new start", false,
		func(n int) []way {
			return []way{
				{"generator", measure.StreamOptions{Readings: n, Backlog: true}},
				{"generator, TLS", measure.StreamOptions{Readings: n, Backlog: true, TLS: true}},
				{"lines over TCP", measure.StreamOptions{Readings: n / 10, Backlog: true, Lines: true}},
			}
		})
}

// streamMeasurement measures ways in turn, and shows the median run of each; with peer, Mosquitto's bridge in turn with them.
func streamMeasurement(name, title string, peer bool, ways func(readings int) []way) measurement {
	f := command.Flags(name)
	readings := f.Int("readings", 10_000_000, "how many `READINGS` come from a generator; a tenth as many as lines")
	runs := f.Int("runs", 3, "measure each so many `TIMES`, in turn, and show the median")
	only := f.String("only", "", "measure the one of this `NAME` alone")
	profiles := profilesFlag(f)
	return measurement{f, func(ctx context.Context, bin string, say func(string, ...any)) (result, error) {
		all := ways(*readings)
		reports := make([][]measure.StreamReport, len(all))
		var flat []measure.StreamReport
		var peers []measure.PeerReport
		for range *runs {
			for i, w := range all {
				if *only != "" && w.name != *only {
					continue
				}
				w.o.Bin, w.o.Profiles = bin, *profiles
				r, err := measure.Stream(ctx, w.o)
				if err != nil {
					return result{}, fmt.Errorf("%s: %w", w.name, err)
				}
				say("%s, %s: %.0f readings/s", name, w.name, r.Rate())
				reports[i], flat = append(reports[i], r), append(flat, r)
			}
			if peer && *only == "" {
				r, err := measure.PeerStream(ctx, *readings/100)
				if err != nil {
					return result{}, err
				}
				say("%s, Mosquitto's bridge: %.0f readings/s", name, r.Rate())
				peers = append(peers, r)
			}
		}
		t := measure.Table{
			Title:   title,
			Columns: []string{"how they come", "readings", "on the edge's disk, each s", "on the gateway's, each s", "s", "edge, µs each", "gateway, µs each", "edge, MB", "gateway, MB"},
			Notes: []string{fmt.Sprintf("The median of %d runs in turn. µs are of the processor; MB are the most that a process had in memory. "+
				"The time counts from the start of the edge's process.", *runs)},
		}
		for i, rs := range reports {
			if len(rs) == 0 {
				continue
			}
			r := median(rs, func(r measure.StreamReport) float64 { return r.Seconds })
			n := float64(r.Readings)
			fill := any("-")
			if r.Fill > 0 {
				fill = r.FillRate()
			}
			t.Add(all[i].name, n, fill, r.Rate(), r.Seconds, r.Edge.CPU/n*1e6, r.Gateway.CPU/n*1e6, float64(r.Edge.Resident)/1e6, float64(r.Gateway.Resident)/1e6)
		}
		if len(peers) > 0 {
			r := median(peers, func(r measure.PeerReport) float64 { return r.Seconds })
			n := float64(r.Arrived)
			t.Add("Mosquitto's bridge", float64(r.Readings), "-", r.Rate(), r.Seconds, r.Near.CPU/n*1e6, r.Far.CPU/n*1e6, float64(r.Near.Resident)/1e6, float64(r.Far.Resident)/1e6)
			t.Notes = append(t.Notes, fmt.Sprintf("Mosquitto carries a JSON message a reading at QoS 1 over its bridge, from memory to memory, no disk in it; of its readings %d of %d arrived.", r.Arrived, r.Readings))
		}
		return result{struct {
			Ours  []measure.StreamReport `json:"ours"`
			Peers []measure.PeerReport   `json:"peers,omitempty"`
		}{flat, peers}, []measure.Table{t}}, nil
	}}
}
