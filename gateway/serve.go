package gateway

import (
	"context"
	"net/http"

	"fieldpost/api"
	"fieldpost/api/metric"
	"fieldpost/gateway/web"
	"fieldpost/telemetry"
)

// handler serves the API over the store.
func (g *Gateway) handler() http.Handler {
	return api.New(g.store, api.Options{
		Health: g.health, Ready: g.ready, Metrics: []metric.Collector{g.metrics, metric.Process}, Log: g.log,
	})
}

// pages serves the API and the dashboard.
func (g *Gateway) pages() (http.Handler, error) {
	dashboard, err := web.New()
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/", g.handler())
	mux.Handle("/{$}", dashboard)
	mux.Handle("/assets/", dashboard)
	return mux, nil
}

// health says whether the store takes in more. A full disk is ill health: until there is room, nothing is acknowledged.
func (g *Gateway) health() []api.Check {
	c := api.Check{Name: "store", OK: true}
	if err := g.store.Health(); err != nil {
		c.OK, c.Detail = false, err.Error()
	}
	return []api.Check{c}
}

// ready adds whether each source is up.
func (g *Gateway) ready() []api.Check {
	var out []api.Check
	for _, s := range g.config.Sources {
		x := s.Status()
		out = append(out, api.Check{Name: "source " + x.Name, OK: x.Up, Detail: x.Err})
	}
	return out
}

// metrics writes the gateway's numbers; those that an edge has too go by the same names.
func (g *Gateway) metrics(w *metric.Writer) {
	ctx := context.Background()
	s, err := g.Status(ctx)
	if err != nil {
		g.log.Error("gather metrics", "err", err)
		return
	}
	w.Gauge("fieldpost_build_info", "1, labelled with the version that runs.", 1, metric.L("software", s.Software))
	w.Gauge("fieldpost_journal_size_bytes", "Bytes of the journal on disk.", float64(s.Store.Size))
	w.Gauge("fieldpost_store_blocks_bytes", "Bytes on disk of what is kept by series.", float64(s.Store.Blocks))
	w.Gauge("fieldpost_store_blocks_missing_records", "Records that are to be kept by series and are not yet: questions that meet them are slow.", float64(s.Store.Unblocked))
	w.Gauge("fieldpost_store_records", "Records on disk.", float64(s.Store.Records))
	w.Counter("fieldpost_store_commits_total", "Commits since the start.", float64(s.Store.Commits))
	w.Counter("fieldpost_store_quarantined_frames_total", "Frames that arrived corrupt twice and were set aside.", float64(s.Store.Quarantined))
	w.Counter("fieldpost_store_dropped_records_total", "Records dropped by retention.", float64(s.Store.Dropped))
	w.Gauge("fieldpost_store_rolled_back_epochs", "Epochs of which there is more than the next one knew: a node was put back, or there are two of it.", float64(len(s.Store.RolledBack)))
	w.Counter("fieldpost_ingest_frames_total", "Frames received.", float64(s.Ingest.Frames))
	w.Counter("fieldpost_ingest_dense_frames_total", "Dense frames received.", float64(s.Ingest.Dense))
	w.Counter("fieldpost_ingest_bytes_total", "Bytes of frames received.", float64(s.Ingest.Bytes))
	w.Counter("fieldpost_ingest_records_total", "Records stored.", float64(s.Ingest.Records))
	w.Counter("fieldpost_ingest_repeated_records_total", "Records received that were stored already.", float64(s.Ingest.Repeats))
	w.Counter("fieldpost_ingest_failed_commits_total", "Commits that failed.", float64(s.Ingest.Failed))
	for reason, n := range s.Ingest.Refused {
		w.Counter("fieldpost_ingest_refused_frames_total", "Frames refused.", float64(n), metric.L("reason", reason))
	}
	for _, src := range s.Sources {
		name := metric.L("source", src.Name)
		w.Gauge("fieldpost_source_up", "1 while the source listens or is connected.", truth(src.Up), name)
		w.Gauge("fieldpost_source_connections", "Connections open.", float64(src.Connections), name)
		w.Counter("fieldpost_source_messages_total", "Messages received.", float64(src.Received), name)
		for reason, n := range src.Refused {
			w.Counter("fieldpost_source_refused_total", "What was refused at the door.", float64(n), name, metric.L("reason", string(reason)))
		}
	}
	g.nodeMetrics(ctx, w)
}

// nodeMetrics writes what alert rules rest on.
func (g *Gateway) nodeMetrics(ctx context.Context, w *metric.Writer) {
	nodes, err := g.store.Nodes(ctx)
	if err != nil {
		g.log.Error("gather metrics of nodes", "err", err)
		return
	}
	for _, n := range nodes {
		node := metric.L("node", n.Node)
		w.Gauge("fieldpost_node_up", "1 while the node is connected.", truth(n.Online), node)
		w.Gauge("fieldpost_node_last_seen_timestamp_seconds", "When the node was heard last.", n.LastSeen.Seconds(), node)
		var stored, missing, held, lost [len(lanes)]float64
		for _, l := range n.Lanes { // epochs together: a label for each would never end
			stored[l.Lane] += float64(l.Stored)
			missing[l.Lane] += float64(l.Missing.Len())
			held[l.Lane] += float64(l.Held.Len())
			for _, x := range l.Lost {
				lost[l.Lane] += float64(x.Len())
			}
		}
		for _, l := range lanes {
			lane := metric.L("lane", l.String())
			w.Gauge("fieldpost_lane_stored_records", "Records on disk.", stored[l], node, lane)
			w.Gauge("fieldpost_lane_missing_records", "Records that may still come.", missing[l], node, lane)
			w.Gauge("fieldpost_lane_held_records", "Records that will come when asked for.", held[l], node, lane)
			w.Gauge("fieldpost_lane_lost_records", "Records that will not come.", lost[l], node, lane)
		}
	}
	series, err := g.store.Series(ctx, api.Filter{})
	if err != nil {
		g.log.Error("gather metrics of devices", "err", err)
		return
	}
	last := map[[2]string]telemetry.Time{}
	for _, s := range series {
		if s.Last != nil {
			key := [2]string{s.Node, s.Device}
			last[key] = max(last[key], s.Last.Time)
		}
	}
	for key, at := range last {
		w.Gauge("fieldpost_device_last_reading_timestamp_seconds", "Time of the last reading.", at.Seconds(), metric.L("node", key[0]), metric.L("device", key[1]))
	}
}

var lanes = [...]telemetry.Lane{telemetry.Alarm, telemetry.Live, telemetry.Bulk, telemetry.Archive}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
