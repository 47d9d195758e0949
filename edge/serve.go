package edge

import (
	"context"
	"encoding/json"
	"net/http"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"fieldpost/api"
	"fieldpost/api/metric"
)

// ControlSocket is the name of the socket in the journal folder by which `status` reaches the running edge.
const ControlSocket = "control.sock"

// StatusPath is where the control socket answers with a Status.
const StatusPath = "/status"

// serve answers HTTP, where it is switched on, and the control socket, until ctx ends. Neither is worth a reading: an address in use is an
// error in the log, and the edge goes on.
func (e *Edge) serve(ctx context.Context) error {
	handler := api.New(e.book, api.Options{
		Health: e.health, Ready: e.ready, Metrics: []metric.Collector{e.metrics, metric.Process}, Log: e.log,
	})
	var g errgroup.Group
	g.Go(func() error {
		socket, err := api.ListenUnix(filepath.Join(e.config.Journal.Dir, ControlSocket))
		if err == nil {
			mux := http.NewServeMux()
			mux.Handle("/", handler)
			mux.HandleFunc("GET "+StatusPath, e.serveStatus)
			err = api.ServeListener(ctx, socket, mux, e.log)
		}
		e.unserved("cannot serve the control socket; `status` will not work", err)
		return nil
	})
	if e.config.HTTP.Listen != "" {
		g.Go(func() error {
			e.unserved("cannot serve HTTP", api.Serve(ctx, e.config.HTTP, handler, e.log))
			return nil
		})
	}
	return g.Wait()
}

func (e *Edge) unserved(message string, err error) {
	if err != nil {
		e.log.Error(message, "err", err)
	}
}

func (e *Edge) serveStatus(w http.ResponseWriter, _ *http.Request) {
	b, err := json.Marshal(e.Status())
	if err != nil {
		e.log.Error("write status", "err", err)
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(b) // the client went away: nothing to do
}

// health says whether the pipeline works. An outage of the link is not ill health: a restart would not mend it.
func (e *Edge) health() []api.Check {
	s := e.book.Status()
	return []api.Check{{Name: "journal", OK: s.Err == "", Detail: s.Err}}
}

// ready adds whether every bus is up.
func (e *Edge) ready() []api.Check {
	var out []api.Check
	for _, b := range e.buses {
		s := b.status()
		out = append(out, api.Check{Name: "bus " + s.Name, OK: s.Up && s.Fails == 0, Detail: s.Err})
	}
	return out
}

// metrics writes the edge's numbers; those that the gateway has too go by the same names.
func (e *Edge) metrics(w *metric.Writer) {
	s := e.Status()
	node := metric.L("node", s.Node)
	w.Gauge("fieldpost_build_info", "1, labelled with the version that runs.", 1, node, metric.L("software", s.Software))
	w.Gauge("fieldpost_journal_size_bytes", "Bytes on disk of all lanes but archive.", float64(s.Journal.Size), node)
	w.Gauge("fieldpost_journal_max_size_bytes", "Bytes that they may take.", float64(s.Journal.MaxSize), node)
	w.Gauge("fieldpost_clock_doubtful", "1 while nothing vouches for the wall clock.", truth(e.book.Clock().Regime().State.Doubtful()), node)
	for _, l := range s.Journal.Lanes {
		lane := metric.L("lane", l.Lane)
		w.Gauge("fieldpost_lane_stored_records", "Records on disk.", float64(l.Stored), node, lane)
		w.Gauge("fieldpost_lane_backlog_records", "Records on disk that no gateway has acknowledged yet.", float64(l.Waiting), node, lane)
		w.Gauge("fieldpost_lane_lost_records", "Records dropped or damaged before a gateway had them.", float64(l.Lost), node, lane)
		w.Counter("fieldpost_lane_commits_total", "Commits since the start.", float64(l.Commits), node, lane)
		w.Counter("fieldpost_lane_written_bytes_total", "Bytes of frames written since the start.", float64(l.Written), node, lane)
		w.Counter("fieldpost_lane_dropped_readings_total", "Readings that found neither disk nor memory.", float64(l.Dropped), node, lane)
		if l.Oldest != nil {
			w.Gauge("fieldpost_lane_oldest_timestamp_seconds", "Time of the oldest record not acknowledged yet.", l.Oldest.Seconds(), node, lane)
		}
	}
	for _, d := range s.Devices {
		device := metric.L("device", d.Device)
		w.Counter("fieldpost_device_readings_total", "Readings taken.", float64(d.Readings), node, device)
		w.Counter("fieldpost_device_reduced_readings_total", "Of these, held back by a deadband.", float64(d.Reduced), node, device)
		w.Counter("fieldpost_device_errors_total", "Telegrams and fields not understood, and answers that did not come.", float64(d.Errors), node, device)
		if d.Last != nil {
			w.Gauge("fieldpost_device_last_reading_timestamp_seconds", "When the last reading came.", d.Last.Seconds(), node, device)
		}
	}
	for _, b := range s.Buses {
		w.Gauge("fieldpost_bus_up", "1 while the bus works.", truth(b.Up && b.Fails == 0), node, metric.L("bus", b.Name), metric.L("driver", b.Driver))
	}
	for _, l := range s.Links {
		linkMetrics(w, node, l)
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
