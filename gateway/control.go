package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"fieldpost/api"
	"fieldpost/gateway/store"
	"fieldpost/telemetry"
)

// Paths of the control socket, beside those of the API.
const (
	StatusPath  = "/status"  // GET: a Status
	AbandonPath = "/abandon" // POST with node and perhaps epoch: an Abandoned
)

// Abandoned answers AbandonPath.
type Abandoned struct {
	Records uint64 `json:"records"` // that were missing and count as lost now
}

// control serves the control socket until ctx ends. Without it the gateway works, but cannot be asked.
func (g *Gateway) control(ctx context.Context) error {
	socket, err := api.ListenUnix(ControlSocket(g.config.Data))
	if err == nil {
		mux := http.NewServeMux()
		mux.Handle("/", g.handler())
		mux.HandleFunc("GET "+StatusPath, g.serveStatus)
		mux.HandleFunc("POST "+AbandonPath, g.serveAbandon)
		err = api.ServeListener(ctx, socket, mux, g.log)
	}
	if err != nil {
		g.log.Error("cannot serve the control socket; `status` and `abandon` will not work", "err", err)
	}
	return nil
}

func (g *Gateway) serveStatus(w http.ResponseWriter, r *http.Request) {
	s, err := g.Status(r.Context())
	if err != nil {
		answer(w, http.StatusInternalServerError, map[string]string{"error": err.Error()})
		return
	}
	answer(w, http.StatusOK, s)
}

func (g *Gateway) serveAbandon(w http.ResponseWriter, r *http.Request) {
	node, epoch := r.FormValue("node"), telemetry.Epoch(0)
	if e := r.FormValue("epoch"); e != "" {
		var err error
		if epoch, err = telemetry.ParseEpoch(e); err != nil {
			answer(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
			return
		}
	}
	n, err := g.store.Abandon(node, epoch)
	switch {
	case errors.Is(err, store.ErrUnknown):
		answer(w, http.StatusNotFound, map[string]string{"error": err.Error()})
	case err != nil:
		answer(w, http.StatusInternalServerError, map[string]string{"error": err.Error()})
	default:
		answer(w, http.StatusOK, Abandoned{n})
	}
}

func answer(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil { // only our own plain structs come here
		status, b = http.StatusInternalServerError, []byte(`{"error":"the answer could not be written"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(append(b, '\n')) // the client went away: nothing to do
}
