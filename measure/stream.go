package measure

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"fieldpost/drivers/emulate"
	"fieldpost/internal/child"
)

// StreamOptions of a measurement.
type StreamOptions struct {
	Bin      string // folder of the binaries, fieldpost-bench among them
	Dir      string // for the data, made and removed; default: a temporary one
	Readings int
	TLS      bool
	Backlog  bool   // the gateway comes when all readings wait on the edge's disk
	Profiles string // folder for profiles of edge and gateway; "": none
	Lines    bool   // readings come as csv lines over TCP, not from a generator within the edge
}

// StreamReport is what one run gave.
type StreamReport struct {
	Readings int     `json:"readings"`
	TLS      bool    `json:"tls"`
	Backlog  bool    `json:"backlog"`
	Lines    bool    `json:"lines"`
	Fill     float64 `json:"fill"`    // seconds from the edge's start until they were on its disk; 0: not looked at
	Seconds  float64 `json:"seconds"` // from the edge's start until all were on the gateway's disk; with Backlog that of its second start
	Edge     Process `json:"edge"`    // the latter edge
	Gateway  Process `json:"gateway"`
	Disk     int64   `json:"disk"` // bytes of the edge's journal
}

// Rate returns readings a second from the edge's start to the gateway's disk.
func (r StreamReport) Rate() float64 { return float64(r.Readings) / r.Seconds }

// FillRate returns readings a second from the edge's start to its own disk.
func (r StreamReport) FillRate() float64 { return float64(r.Readings) / r.Fill }

// stream is what one run runs on.
type stream struct {
	site
	o          StreamOptions
	instrument *emulate.TCP
}

const metricsAtOnce = 16

// Stream measures how fast readings come from a driver to the gateway's disk; with Backlog, how fast they come to the edge's and from there to the gateway's.
func Stream(ctx context.Context, o StreamOptions) (r StreamReport, err error) {
	r = StreamReport{Readings: o.Readings, TLS: o.TLS, Backlog: o.Backlog, Lines: o.Lines}
	s := &stream{o: o, site: site{profiles: o.Profiles}}
	if err := s.open(o.Dir, o.Bin); err != nil {
		return r, err
	}
	defer s.close()
	if err := s.run(ctx, &r); err != nil {
		return r, fmt.Errorf("%w; the processes wrote:\n%s", err, &s.log)
	}
	return r, nil
}

func (s *stream) run(ctx context.Context, r *StreamReport) (err error) {
	if s.o.Lines {
		if s.instrument, err = emulate.ListenTCP("127.0.0.1:0"); err != nil {
			return err
		}
		defer s.instrument.Close()
	}
	if err := s.write(s.o.Readings); err != nil {
		return err
	}
	if !s.o.Backlog {
		if err := s.startGateway(ctx); err != nil {
			return err
		}
	}
	begin := time.Now()
	if err := s.startEdge(); err != nil {
		return err
	}
	if s.o.Lines {
		if err := s.say(ctx); err != nil {
			return err
		}
	}
	if s.o.Backlog {
		if err := await(ctx, "the backlog to be on the edge's disk", 10*time.Minute, func() bool { return stored(edgeHTTP, "live") == s.o.Readings }); err != nil {
			return err
		}
		r.Fill = time.Since(begin).Seconds()
		if err := s.edge.Stop(); err != nil {
			return err
		}
		if err := s.write(0); err != nil {
			return err
		}
		if err := s.startGateway(ctx); err != nil {
			return err
		}
		begin = time.Now()
		if err := s.startEdge(); err != nil {
			return err
		}
	}
	if err := await(ctx, "all to be on the gateway's disk", 10*time.Minute, func() bool { return stored(gatewayHTTP, "live") == s.o.Readings }); err != nil {
		return fmt.Errorf("%w: it has %d of %d", err, stored(gatewayHTTP, "live"), s.o.Readings)
	}
	r.Seconds = time.Since(begin).Seconds()
	r.Edge, r.Gateway = process(s.edge.Pid()), process(s.gateway.Pid())
	r.Disk = size(filepath.Join(s.dir, "journal"))
	if n := missing(); n > 0 {
		return fmt.Errorf("%d records are missing or lost at the end", n)
	}
	if err := s.edge.Stop(); err != nil || s.profiles == "" {
		return err
	}
	return s.gateway.Stop() // so that it writes them
}

// startEdge starts the edge, with the generator in its catalogue.
func (s *stream) startEdge() (err error) {
	s.edge, err = child.Start(&s.log, filepath.Join(s.bin, benchBinary), "edge", "-config", filepath.Join(s.dir, "edge.yaml"), "-profiles", s.profiles)
	return err
}

// say has the instrument say all readings, a line each.
func (s *stream) say(ctx context.Context) error {
	select {
	case <-s.instrument.Connected():
	case <-s.edge.Exited():
		return fmt.Errorf("the edge ended by itself")
	case <-ctx.Done():
		return ctx.Err()
	}
	w := wander{n: s.o.Readings}
	for lines := w.next(); lines != nil && ctx.Err() == nil; lines = w.next() {
		if _, err := s.instrument.Write(lines); err != nil {
			return fmt.Errorf("tell a reading: %w", err)
		}
	}
	return ctx.Err()
}

// write writes the files of gateway and edge, whose generator says so many readings.
func (s *stream) write(readings int) error {
	listen, url := fmt.Sprintf("listen: %q", brokerAddress), "url: tcp://"+brokerAddress
	if s.o.TLS {
		if err := s.certify(); err != nil {
			return err
		}
		listen = "listen: \"127.0.0.1:18883\", cert_file: pki/gateway.pem, key_file: pki/gateway.key, client_ca_file: pki/ca.pem"
		url = "url: ssl://127.0.0.1:18883, ca_file: pki/ca.pem, cert_file: pki/pi-1.pem, key_file: pki/pi-1.key"
	}
	var metrics strings.Builder
	device := fmt.Sprintf("device: d0\nflood: {readings: %d}\nsilent: off\nmetrics:\n", readings)
	for i := range metricsAtOnce {
		fmt.Fprintf(&metrics, "  - {name: m%d, type: integer}\n", i)
	}
	if s.o.Lines {
		device = fmt.Sprintf("device: d0\nline:\n  tcp: %s\n  format: csv\nsilent: off\nmetrics:\n", s.instrument.Address())
		metrics.Reset()
		metrics.WriteString("  - {name: n, field: 1, type: integer}\n")
	}
	return s.files(map[string]string{
		"gateway.yaml": fmt.Sprintf("data: store\nsources:\n  - {name: own, mqtt_broker: {%s}}\nhttp: {listen: %q}\n", listen, gatewayHTTP),
		"edge.yaml": fmt.Sprintf("node: %s\njournal: {dir: journal, max_size: 16GiB}\nlinks:\n  - {name: up, coding: plain, mqtt: {%s}}\nhttp: {listen: %q}\nhealth: off\nclock: {source: system}\n",
			nodeName, url, edgeHTTP),
		"devices/d0.yaml": device + metrics.String(),
	})
}
