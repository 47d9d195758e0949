package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/coder/websocket"
)

const (
	maxStreams   = 256              // at once; each holds a socket, two goroutines and at most maxQueued
	maxUnasked   = 512              // bytes of a message from a client; none is expected
	streamTime   = 30 * time.Second // for the client to take one record
	pingEvery    = 25 * time.Second // below the idle limits of the proxies in use
	pingPatience = 15 * time.Second
)

// stream serves GET /v1/stream: a WebSocket (RFC 6455) with one text message per record, the same object as in the feed, in commit
// order. Its parameters, all optional:
//
//	node, device   records of exactly these
//	metric         readings of exactly this one; events are about no metric and are left out
//	after          begin after this position; 0 is the beginning. Left out: begin with what is committed from now on.
//
// Who comes back with the position of the last message as after misses nothing. What a client sends is refused. A page of another
// host is refused with 403, more than 256 streams at once with 503. The server closes with
//
//	1001 going away        it stops
//	1011 internal error    reading what is stored went wrong
//	1013 try again later   the client was too slow: more than 4 MiB waited for it
func (s *server) stream(sel FeedSelector) func(http.ResponseWriter, *http.Request) error {
	all := &tail{feed: sel}
	places := make(chan struct{}, maxStreams)
	return func(w http.ResponseWriter, r *http.Request) error {
		p := readParams(r, "node", "device", "metric", "after")
		f := newFollower(p.filter())
		given := p.read("after", func(v string) (err error) {
			f.next, err = parsePosition(v)
			return err
		})
		if p.err != nil {
			return p.err
		}
		if err := checkUpgrade(w, r); err != nil {
			return err
		}
		select {
		case places <- struct{}{}:
			defer func() { <-places }()
		default:
			w.Header().Set("Retry-After", "10")
			return httpError{http.StatusServiceUnavailable, fmt.Sprintf("%d streams are open, which is the most; close one", maxStreams)}
		}
		if !given { // before the answer: what is committed once the client knows that it is connected belongs to it
			f.next = sel.Latest()
		}
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			return nil // it has answered
		}
		conn.SetReadLimit(maxUnasked)
		s.finish(r, conn, streamTo(r.Context(), conn, all, f))
		return nil
	}
}

// checkUpgrade refuses what is no WebSocket, and pages of other hosts: a browser would hand them everything that it can reach.
func checkUpgrade(w http.ResponseWriter, r *http.Request) error {
	if !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		w.Header().Set("Upgrade", "websocket")
		return httpError{http.StatusUpgradeRequired, "this is a WebSocket; /v1/feed has the same records over plain HTTP"}
	}
	origin := r.Header.Get("Origin")
	if origin == "" { // no browser
		return nil
	}
	if u, err := url.Parse(origin); err != nil || !strings.EqualFold(u.Host, r.Host) {
		return httpError{http.StatusForbidden, fmt.Sprintf("a page of %q may not read from %q", origin, r.Host)}
	}
	return nil
}

// errStopping ends a stream whose server stops.
var errStopping = errors.New("server stops")

// finish closes conn and tells the client why.
func (s *server) finish(r *http.Request, conn *websocket.Conn, err error) {
	switch {
	case errors.Is(err, errStopping):
		_ = conn.Close(websocket.StatusGoingAway, "the server stops")
	case errors.Is(err, errSlow):
		_ = conn.Close(websocket.StatusTryAgainLater, "too slow; go on with after= the last position")
	case errors.Is(err, errWrite):
		_ = conn.CloseNow() // gone, or so stuck that a reason would not get through
	default:
		s.log.Error("stream records", "query", r.URL.RawQuery, "err", err)
		_ = conn.Close(websocket.StatusInternalError, "reading what is stored went wrong; the log says how")
	}
}

// streamTo sends f's records until something ends it, and says what.
func streamTo(ctx context.Context, conn *websocket.Conn, all *tail, f *follower) error {
	ctx = conn.CloseRead(ctx) // answers pings and the client's close
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if stop := stopping(ctx); stop != nil {
		go func() {
			select {
			case <-stop:
				cancel(errStopping)
			case <-ctx.Done():
			}
		}()
	}
	go func() { cancel(ping(ctx, conn)) }()

	out := streamWriter{conn: conn}
	err := all.catchUp(ctx, f, out.write)
	if err == nil {
		err = f.drain(ctx, out.write)
		all.leave(f)
	}
	if ctx.Err() != nil { // whatever it broke
		if errors.Is(context.Cause(ctx), errStopping) {
			return errStopping
		}
		return errors.Join(errWrite, context.Cause(ctx))
	}
	return err
}

// ping returns when the client has not answered, or ctx ends. Dead connections end so even where nothing is to be sent.
func ping(ctx context.Context, conn *websocket.Conn) error {
	tick := time.NewTicker(pingEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
		wait, done := context.WithTimeout(ctx, pingPatience)
		err := conn.Ping(wait)
		done()
		if err != nil {
			return fmt.Errorf("ping: %w", err)
		}
	}
}

type streamWriter struct{ conn *websocket.Conn }

// write does not take a stop of the server as its own: cut in its middle, a message would take the connection's close with it.
func (w streamWriter) write(ctx context.Context, text []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	wait, done := context.WithTimeout(context.WithoutCancel(ctx), streamTime)
	defer done()
	if err := w.conn.Write(wait, websocket.MessageText, text); err != nil {
		return errors.Join(errWrite, err)
	}
	return nil
}

func parsePosition(v string) (uint64, error) {
	n, err := strconv.ParseUint(v, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%q: want the position of a record, or 0", v)
	}
	return n, nil
}
