package measure

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"fieldpost/configs/setting"
	"fieldpost/faultproxy"
	"fieldpost/internal/child"
)

// LinkOptions of a measurement.
type LinkOptions struct {
	Bin     string
	Seconds int // how long readings come
	Every   []time.Duration
}

// LinkReport is what the readings of one node took on a link with TLS: ten metrics, once a second.
type LinkReport struct {
	Who      string  `json:"who"`
	Readings int     `json:"readings"` // that arrived while it was measured
	Up       float64 `json:"up"`       // bytes a reading, to the gateway
	Down     float64 `json:"down"`
	Payload  float64 `json:"payload"` // of both, what ours says of itself; 0: does not say
	MQTT     float64 `json:"mqtt"`
	TLS      float64 `json:"tls"`
	Connect  float64 `json:"connect"` // bytes of one connection's beginning, both ways
}

const (
	linkMetrics = 10
	turnTakes   = 300 * time.Millisecond // on a link that is as fast as this
)

// Link measures what one node with ten readings a second takes on an MQTT link with TLS, for each time that readings may wait for company, and beside it
// Mosquitto's bridge with a JSON message a reading. All run at the same time, each through a proxy that counts.
func Link(ctx context.Context, o LinkOptions) (out []LinkReport, err error) {
	codings := [...]string{"plain", "full"}
	out = make([]LinkReport, len(codings)*len(o.Every)+1)
	errs := make(chan error, len(out))
	for i := range len(out) - 1 {
		go func() { errs <- linkOfOurs(ctx, o, i, codings[i/len(o.Every)], o.Every[i%len(o.Every)], &out[i]) }()
	}
	go func() { errs <- linkOfMosquitto(ctx, o, &out[len(out)-1]) }()
	for range out {
		if e := <-errs; e != nil && err == nil {
			err = e
		}
	}
	return out, err
}

// ours is an edge and a gateway at addresses of their own, and a proxy between them.
type ours struct {
	site
	proxy *faultproxy.Proxy
}

func linkOfOurs(ctx context.Context, o LinkOptions, i int, coding string, every time.Duration, r *LinkReport) error {
	r.Who = fmt.Sprintf("Fieldpost, %s, send_every %v", coding, setting.Duration(every))
	s := ours{site: site{gatewayAt: fmt.Sprintf("127.77.%d.1:8080", i+2), edgeAt: fmt.Sprintf("127.77.%d.1:8081", i+2)}}
	if err := s.open("", o.Bin); err != nil {
		return err
	}
	defer s.close()
	if err := s.measure(ctx, o, i, coding, every, r); err != nil {
		return fmt.Errorf("%w; the processes wrote:\n%s", err, &s.log)
	}
	return nil
}

func (s *ours) measure(ctx context.Context, o LinkOptions, i int, coding string, every time.Duration, r *LinkReport) (err error) {
	broker := fmt.Sprintf("127.0.0.1:%d", 18890+i)
	if s.proxy, err = faultproxy.Listen(broker); err != nil {
		return err
	}
	defer s.proxy.Close()
	if err := s.certify(); err != nil {
		return err
	}
	device := "device: d0\nsim: {interval: 1s}\nmetrics:\n"
	for n := range linkMetrics {
		device += fmt.Sprintf("  - {name: m%d, shape: walk, max: 100, decimals: 2}\n", n)
	}
	if err := s.files(map[string]string{
		"gateway.yaml": fmt.Sprintf("data: store\nsources:\n  - {name: own, mqtt_broker: {listen: %q, cert_file: pki/gateway.pem, key_file: pki/gateway.key, client_ca_file: pki/ca.pem}}\nhttp: {listen: %q}\n",
			broker, s.gatewayAt),
		"edge.yaml": fmt.Sprintf("node: %s\njournal: {dir: journal}\nlinks:\n  - name: up\n    send_every: %v\n    coding: %s\n"+
			"    mqtt: {url: \"ssl://%s\", ca_file: pki/ca.pem, cert_file: pki/pi-1.pem, key_file: pki/pi-1.key}\nhttp: {listen: %q}\nhealth: off\nclock: {source: system}\n",
			nodeName, every, coding, s.proxy.Addr(), s.edgeAt),
		"devices/d0.yaml": device,
	}); err != nil {
		return err
	}
	if err := s.startGateway(ctx); err != nil {
		return err
	}
	if s.edge, err = child.Start(&s.log, filepath.Join(s.bin, "fieldpost-edge"), "run", "-config", filepath.Join(s.dir, "edge.yaml")); err != nil {
		return err
	}
	if err := await(ctx, "the first readings", time.Minute, func() bool { return stored(s.gatewayAt, "live") > 0 }); err != nil {
		return err
	}
	// From a turn's end to a turn's end. A turn may be of several frames, and its acks come after them.
	if err := pause(ctx, turnTakes); err != nil {
		return err
	}
	before, sent, bill := stored(s.gatewayAt, "live"), s.bytes(), s.bill()
	if err := pause(ctx, time.Duration(o.Seconds)*time.Second); err != nil {
		return err
	}
	mid := stored(s.gatewayAt, "live")
	if err := await(ctx, "the next turn", 2*every+10*time.Second, func() bool { return stored(s.gatewayAt, "live") > mid }); err != nil {
		return err
	}
	if err := pause(ctx, turnTakes); err != nil {
		return err
	}
	after, now, end := stored(s.gatewayAt, "live"), s.bytes(), s.bill()
	r.Readings = after - before
	n := float64(r.Readings)
	r.Up, r.Down = float64(now[0]-sent[0])/n, float64(now[1]-sent[1])/n
	r.Payload = (end.Payload.total() - bill.Payload.total()) / n
	r.MQTT = (end.MQTT.total() - bill.MQTT.total()) / n
	r.TLS = (end.TLS.total() - bill.TLS.total()) / n
	r.Connect = end.Connects.total()
	return s.edge.Stop()
}

func (s *ours) bytes() [2]int64 {
	return [2]int64{s.proxy.Bytes(faultproxy.Up), s.proxy.Bytes(faultproxy.Down)}
}

// bill is what the edge says of its link.
type bill struct {
	Payload, MQTT, TLS, Connects bothWays
}

type bothWays struct{ In, Out uint64 }

func (b bothWays) total() float64 { return float64(b.In + b.Out) }

// bill asks the edge over its control socket.
func (s *ours) bill() (b bill) {
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", filepath.Join(s.dir, "journal", "control.sock"))
		},
	}}
	resp, err := client.Get("http://edge/status")
	if err != nil {
		return b
	}
	defer resp.Body.Close()
	var status struct{ Links []struct{ Bill bill } }
	if json.NewDecoder(resp.Body).Decode(&status) == nil && len(status.Links) == 1 {
		b = status.Links[0].Bill
	}
	return b
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
