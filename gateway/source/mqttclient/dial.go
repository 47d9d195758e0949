package mqttclient

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"fieldpost/gateway/source"
	"fieldpost/mqttguard"
)

const (
	connectWait = 10 * time.Second // for TCP, TLS and CONNACK together
	writeWait   = 30 * time.Second // for one packet
	keepAlive   = 30 * time.Second
	// pingWait is long because a receiver that pushes back also keeps a PINGRESP waiting: a minute of it is not yet a dead broker.
	pingWait  = time.Minute
	maxPacket = source.MaxPayload + 64<<10 // a topic may be as long
)

// options returns paho's options for one connection, with what the files say now.
func (c *Client) options() (*paho.ClientOptions, error) {
	s := c.settings
	o := paho.NewClientOptions().AddBroker(s.URL).SetClientID(c.id)
	o.SetProtocolVersion(4).SetAutoReconnect(false).SetConnectRetry(false).SetCleanSession(true)
	o.SetConnectTimeout(connectWait).SetWriteTimeout(writeWait).SetKeepAlive(keepAlive).SetPingTimeout(pingWait)
	if len(o.Servers) != 1 {
		return nil, fmt.Errorf("url %q: want scheme://host:port", s.URL)
	}
	if s.Username != "" {
		o.SetUsername(s.Username)
	}
	if s.PasswordFile != "" {
		b, err := os.ReadFile(s.PasswordFile)
		if err != nil {
			return nil, fmt.Errorf("read password_file: %w", err)
		}
		o.SetPassword(strings.TrimRight(string(b), "\r\n"))
	}
	t := &tls.Config{MinVersion: tls.VersionTLS12}
	if s.CAFile != "" {
		pem, err := os.ReadFile(s.CAFile)
		if err != nil {
			return nil, fmt.Errorf("read ca_file: %w", err)
		}
		t.RootCAs = x509.NewCertPool()
		if !t.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("read ca_file %s: no certificate in it; want PEM", s.CAFile)
		}
	}
	if s.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(s.CertFile, s.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("read cert_file %s and key_file %s: %w", s.CertFile, s.KeyFile, err)
		}
		t.Certificates = []tls.Certificate{pair}
	}
	return o.SetTLSConfig(t), nil
}

var ports = map[string]string{"tcp": "1883", "ssl": "8883"}

// dial opens a connection to the broker whose incoming packets are bounded, as paho makes room for whatever is announced. If ctx ends
// meanwhile it fails.
func dial(ctx context.Context, u *url.URL, t *tls.Config) (net.Conn, error) {
	address := u.Host
	if u.Port() == "" && ports[u.Scheme] != "" {
		address = net.JoinHostPort(u.Hostname(), ports[u.Scheme])
	}
	var conn net.Conn
	var err error
	d := &net.Dialer{Timeout: connectWait}
	switch u.Scheme {
	case "tcp":
		conn, err = d.DialContext(ctx, "tcp", address)
	case "ssl":
		ctx, cancel := context.WithTimeout(ctx, connectWait)
		defer cancel()
		conn, err = (&tls.Dialer{NetDialer: d, Config: t}).DialContext(ctx, "tcp", address)
	case "ws", "wss":
		conn, err = paho.NewWebsocket(u.String(), t, connectWait, nil, nil)
	default:
		return nil, fmt.Errorf("connect to %s: unknown scheme %q", u.Redacted(), u.Scheme)
	}
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", u.Redacted(), err)
	}
	return &mqttguard.Conn{Conn: conn, Guard: mqttguard.Guard{First: maxPacket, Rest: maxPacket}}, nil
}
