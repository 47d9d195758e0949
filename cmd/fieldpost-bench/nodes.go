package main

import (
	"context"
	"fmt"
	"time"

	"fieldpost/cmd/internal/command"
	"fieldpost/forwarder"
	"fieldpost/measure"
)

func nodesMeasurement() measurement {
	f := command.Flags("nodes")
	nodes := f.Int("nodes", 5000, "so many `NODES` are made up")
	seconds := f.Int("seconds", 60, "the steady part takes so many `SECONDS`")
	outage := f.Duration("outage", time.Hour, "how long the gateway was away, as its backlog has it")
	browsers := f.Int("browsers", 100, "so many `BROWSERS` follow a node each")
	coding := f.String("coding", string(forwarder.Plain), "how frames are coded: plain, light or full")
	every := f.Duration("send_every", 0, "as of a link; at 0 every ack goes at once")
	profiles := profilesFlag(f)
	return measurement{f, func(ctx context.Context, bin string, say func(string, ...any)) (result, error) {
		say("nodes: %d nodes for %d s, then the herd", *nodes, *seconds)
		r, err := measure.Nodes(ctx, measure.NodesOptions{Bin: bin, Nodes: *nodes, Seconds: *seconds, Outage: *outage, Browsers: *browsers, Coding: forwarder.Coding(*coding), SendEvery: *every, Profiles: *profiles})
		if err != nil {
			return result{}, err
		}
		mb := func(n int64) string { return fmt.Sprintf("%.0f MB", float64(n)/1e6) }
		steady := measure.Table{
			Title: fmt.Sprintf("One gateway, %d nodes, each a frame of 100 readings in ten seconds: %d readings a second", r.Nodes, 10*r.Nodes),
			Columns: []string{"of a core", "memory, most", "of it for a node", "frame to ack, ms, half / 99 of 100",
				fmt.Sprintf("reading to one of %d browsers, ms", r.Browsers), "written, MB a day"},
		}
		steady.Add(fmt.Sprintf("%.0f %%", 100*r.Steady.CPU), mb(r.Steady.Resident), fmt.Sprintf("%.0f KB", float64(r.Resident)/1e3), r.Ack.Wide(), r.Stream.Wide(),
			float64(r.Steady.Written)/float64(*seconds)*86400/1e6)
		herd := measure.Table{
			Title:   fmt.Sprintf("The gateway comes back after %v, and all nodes at once with it: seconds from its start until no backlog is left", *outage),
			Columns: []string{"records that wait", "of the first node", "of half", "of all", "records a second", "CPU s", "memory, most"},
			Notes: []string{fmt.Sprintf("Nodes wait up to a minute between attempts, spread by their names. The nodes, the edge's own forwarder over real connections, share the machine's cores with the gateway. "+
				"In the end %d records were asked for by node: all are stored, none lost.", r.Records)},
		}
		herd.Add(r.Backlog, r.First, r.Half, r.All, r.HerdRate, r.HerdCPU, mb(r.HerdPeak))
		return result{r, []measure.Table{steady, herd}}, nil
	}}
}
