package mqtt

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/gorilla/websocket"
)

// ports are the known schemes with the port that is meant where the URL names none.
var ports = map[string]string{"tcp": "1883", "ssl": "8883", "ws": "80", "wss": "443"}

func (d *Dialer) encrypted() bool { return d.url.Scheme == "ssl" || d.url.Scheme == "wss" }

// outermost is what the socket itself carries.
func (d *Dialer) outermost() layer {
	if d.url.Scheme == "tcp" {
		return bare
	}
	return sealed
}

// transport opens a connection ready for MQTT.
func (d *Dialer) transport(ctx context.Context, config *tls.Config, m *meter) (net.Conn, error) {
	if d.url.Scheme == "ws" || d.url.Scheme == "wss" {
		return d.websocket(ctx, config, m)
	}
	port := d.url.Port()
	if port == "" {
		port = ports[d.url.Scheme]
	}
	raw, err := d.dialTCP(ctx, m, "tcp", net.JoinHostPort(d.url.Hostname(), port))
	if err != nil {
		return nil, err
	}
	if !d.encrypted() {
		return coalesce(raw, raw), nil
	}
	tc := tls.Client(raw, config)
	if err := tc.HandshakeContext(ctx); err != nil {
		raw.Close()
		return nil, err
	}
	return coalesce(tc, raw), nil
}

func (d *Dialer) websocket(ctx context.Context, config *tls.Config, m *meter) (net.Conn, error) {
	var raw net.Conn
	dialer := websocket.Dialer{
		NetDialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			c, err := d.dialTCP(ctx, m, network, addr)
			raw = c
			return c, err
		},
		Proxy:            http.ProxyFromEnvironment,
		TLSClientConfig:  config,
		HandshakeTimeout: connectTimeout,
		Subprotocols:     []string{"mqtt"},
	}
	ws, response, err := dialer.DialContext(ctx, d.url.String(), nil)
	if err != nil {
		if response != nil && response.StatusCode == http.StatusBadRequest && !d.encrypted() {
			return nil, fmt.Errorf("%w: the server answers %s; is the path right? if the port wants TLS, begin url with wss://", err, response.Status)
		}
		if response != nil {
			return nil, fmt.Errorf("%w: the server answers %s; is the path right?", err, response.Status)
		}
		return nil, err
	}
	return coalesce(&wsConn{Conn: ws}, raw), nil
}

// dialTCP returns a counted connection.
func (d *Dialer) dialTCP(ctx context.Context, m *meter, network, addr string) (net.Conn, error) {
	dialer := net.Dialer{
		// For an idle connection; with something unacknowledged TCP_USER_TIMEOUT is what counts. Every four minutes, so that
		// the pings of MQTT are the only cost, and a broker without them is noticed all the same.
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 4 * time.Minute, Interval: 15 * time.Second, Count: 4},
		Control:         tune,
	}
	c, err := dialer.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return &metered{Conn: c, meter: m, layer: d.outermost()}, nil
}

// tlsConfig reads the files of the settings; nil for a URL without encryption.
func (d *Dialer) tlsConfig() (*tls.Config, error) {
	if !d.encrypted() {
		return nil, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: d.url.Hostname(), ClientSessionCache: d.sessions}
	if d.s.CAFile != "" {
		pem, err := os.ReadFile(d.s.CAFile)
		if err != nil {
			return nil, fmt.Errorf("read ca_file: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("ca_file %s holds no certificate in PEM form", d.s.CAFile)
		}
	}
	if d.s.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(d.s.CertFile, d.s.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("read cert_file and key_file: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}
