// Package mqtt is the link kind mqtt: it moves the forwarder's messages through an MQTT 3.1.1 broker, the gateway's own or one
// that stands between. paho does the protocol and nothing else: one client per connection, no reconnecting, no session kept,
// no store, because with any of these a publish that nobody confirmed can complete without an error. What was delivered only the gateway's ack
// says; trying again is the forwarder's.
//
// The socket beneath is our own, from the outside in:
//
//	TCP       gives up after a minute unacknowledged; keeps little unsent, so that an alarm does not queue in the kernel
//	metered   real bytes, TLS and WebSocket framing included
//	TLS       1.2 or later, sessions resumed
//	WebSocket for ws:// and wss://
//	coalesced writes of one or two milliseconds leave as one
//	metered   MQTT packets; where nothing wraps them, the first one has counted them
//	listened  for silences
//	guarded   no packet beyond what a gateway may send
//	paho
package mqtt

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"fieldpost/forwarder"
	"fieldpost/mqttguard"
	"fieldpost/telemetry/wire"
)

const (
	// pingTimeout is how long an answer may take after a silence.
	pingTimeout = 30 * time.Second

	// writeTimeout ends a connection whose socket took nothing for so long. It is a minute because slow is not dead.
	writeTimeout = time.Minute

	connectTimeout = 30 * time.Second

	// maxConnack and maxPacket are the largest first packet and the largest of all after it, in bytes, that a broker may send us: paho makes
	// room for whatever is announced. A gateway sends no message above 4 MiB and 64 KiB; a topic may have 64 KiB more.
	maxConnack = 1 << 10
	maxPacket  = 4<<20 + 128<<10
)

// Dialer dials one broker. It is a forwarder.Dialer, safe for concurrent use.
type Dialer struct {
	s        Settings
	url      *url.URL
	log      *slog.Logger
	sessions tls.ClientSessionCache
	silence  *silence
	counts   counts
}

// New returns a dialer for checked settings. Files are read at each Dial, so that a renewed certificate needs no restart.
func New(s Settings, log *slog.Logger) (*Dialer, error) {
	u, err := url.Parse(s.URL)
	if err != nil {
		return nil, fmt.Errorf("url %q: want scheme://host:port: %w", s.URL, err)
	}
	if _, ok := ports[u.Scheme]; !ok {
		return nil, fmt.Errorf("url %q: unknown scheme %q; want one of tcp, ssl, ws, wss", s.URL, u.Scheme)
	}
	if s.Prefix == "" {
		s.Prefix = "fp"
	}
	if s.Keepalive == 0 {
		s.Keepalive = defaultKeepalive
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Dialer{s: s, url: u, log: log, sessions: tls.NewLRUClientSessionCache(4), silence: newSilence(s.Keepalive.Go(), log)}, nil
}

// Target returns the broker's address as status shows it, without secrets.
func (d *Dialer) Target() string { return d.url.Redacted() }

// Proven reports whether the other end has to prove who it is.
func (d *Dialer) Proven() bool { return d.url.Scheme == "ssl" || d.url.Scheme == "wss" }

// Counters is forwarder.Dialer.
func (d *Dialer) Counters() forwarder.Counters { return d.counts.read() }

// Dial is forwarder.Dialer: it connects, says online, and returns once the broker confirmed the subscription to what comes down.
func (d *Dialer) Dial(ctx context.Context, info forwarder.Info) (forwarder.Conn, error) {
	c, err := d.connect(ctx, newConn(d, info))
	if err != nil {
		return nil, err
	}
	if err := c.open(ctx); err != nil {
		c.abandon()
		return nil, fmt.Errorf("set up %s: %w", d.Target(), err)
	}
	c.meter.usable.Store(true)
	return c, nil
}

// DialBroker is forwarder.Broker: it connects and says online.
func (d *Dialer) DialBroker(ctx context.Context, info forwarder.Info) (forwarder.BrokerConn, error) {
	c := newConn(d, info)
	c.puback = make(chan uint64, inbox)
	c, err := d.connect(ctx, c)
	if err != nil {
		return nil, err
	}
	if err := c.online(ctx); err != nil {
		c.abandon()
		return nil, fmt.Errorf("set up %s: %w", d.Target(), err)
	}
	c.meter.usable.Store(true)
	return c, nil
}

func (d *Dialer) connect(ctx context.Context, c *conn) (*conn, error) {
	o, err := d.options(ctx, c)
	if err != nil {
		return nil, err
	}
	c.client = paho.NewClient(o)
	if err := c.wait(ctx, c.client.Connect()); err != nil {
		c.abandon()
		return nil, fmt.Errorf("connect to %s: %w", d.Target(), d.explain(c, err))
	}
	d.counts.connects.Add(1)
	return c, nil
}

func (d *Dialer) options(ctx context.Context, c *conn) (*paho.ClientOptions, error) {
	password, err := d.password()
	if err != nil {
		return nil, err
	}
	tlsConfig, err := d.tlsConfig()
	if err != nil {
		return nil, err
	}
	o := paho.NewClientOptions()
	o.AddBroker(d.url.String())
	o.SetClientID(c.info.Node + "." + c.info.Link)
	o.SetUsername(d.s.Username)
	o.SetPassword(password)
	o.SetProtocolVersion(4)
	o.SetCleanSession(true)
	o.SetAutoReconnect(false)
	o.SetConnectRetry(false)
	// In order, on one goroutine: a welcome that overtakes the one before it would speak for a generation that is gone. So the
	// handler must not block for long; see conn.take.
	o.SetOrderMatters(true)
	o.SetDefaultPublishHandler(func(_ paho.Client, m paho.Message) { c.take(m.Topic(), m.Payload()) })
	o.SetConnectionLostHandler(func(_ paho.Client, err error) { c.lost(err) })
	o.SetKeepAlive(c.silences.interval)
	o.SetPingTimeout(pingTimeout)
	o.SetWriteTimeout(writeTimeout)
	o.SetConnectTimeout(connectTimeout)
	o.SetBinaryWill(c.stateTopic, c.state(false), 1, true)
	o.SetCustomOpenConnectionFn(func(*url.URL, paho.ClientOptions) (net.Conn, error) {
		nc, err := d.transport(ctx, tlsConfig, &c.meter)
		if err != nil {
			c.dialErr.Store(&err)
			return nil, err
		}
		if d.outermost() == sealed {
			nc = &metered{Conn: nc, meter: &c.meter, layer: within}
		}
		nc = &listened{Conn: nc, silences: &c.silences}
		return c.hold(&mqttguard.Conn{Conn: nc, Guard: mqttguard.Guard{First: maxConnack, Rest: maxPacket}}), nil
	})
	return o, nil
}

func (d *Dialer) password() (string, error) {
	if d.s.PasswordFile == "" {
		return "", nil
	}
	b, err := os.ReadFile(d.s.PasswordFile)
	if err != nil {
		return "", fmt.Errorf("read password_file: %w", err)
	}
	return strings.TrimRight(string(b), "\r\n"), nil
}

func (d *Dialer) topics(info forwarder.Info) (up, down, state string) {
	p, n := d.s.Prefix, info.Node
	return wire.Up(p, n), wire.Down(p, n), wire.State(p, n, info.Link)
}
