package mqtt_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

// broker is a plain MQTT broker with what it saw.
type broker struct {
	*mochi.Server
	addr string

	mu    sync.Mutex
	seen  []message
	more  chan struct{} // closed and replaced with each message
	onMsg func(message)
}

// message is one that a client published.
type message struct {
	topic    string
	payload  string
	qos      byte
	retained bool
}

// startBroker starts one on a listener that the kind names: tcp, ssl, ws or wss.
func startBroker(t *testing.T, kind string, config *tls.Config, password string) *broker {
	t.Helper()
	b := &broker{more: make(chan struct{})}
	b.Server = mochi.New(&mochi.Options{InlineClient: true, Logger: slog.New(slog.DiscardHandler)})
	if err := b.AddHook(&access{password: password}, nil); err != nil {
		t.Fatal(err)
	}
	l, err := newPort(kind, config)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.AddListener(l); err != nil {
		t.Fatal(err)
	}
	if err := b.Subscribe("fp/#", 1, func(_ *mochi.Client, _ packets.Subscription, pk packets.Packet) {
		m := message{pk.TopicName, string(pk.Payload), pk.FixedHeader.Qos, pk.FixedHeader.Retain}
		b.mu.Lock()
		b.seen = append(b.seen, m)
		close(b.more)
		b.more = make(chan struct{})
		f := b.onMsg
		b.mu.Unlock()
		if f != nil {
			f(m)
		}
	}); err != nil {
		t.Fatal(err)
	}
	if err := b.Serve(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.stop(); b.Server.Close() })
	b.addr = l.Address()
	return b
}

// access lets in whoever has the password, if there is one.
type access struct {
	mochi.HookBase
	password string
}

func (a *access) Provides(b byte) bool {
	return b == mochi.OnConnectAuthenticate || b == mochi.OnACLCheck
}

func (a *access) OnConnectAuthenticate(_ *mochi.Client, pk packets.Packet) bool {
	return a.password == "" || string(pk.Connect.Password) == a.password
}

func (a *access) OnACLCheck(*mochi.Client, string, bool) bool { return true }

// until waits until ok says that what was seen is enough.
func (b *broker) until(t *testing.T, what string, ok func(seen []message) bool) {
	t.Helper()
	timeout := time.After(20 * time.Second)
	for {
		b.mu.Lock()
		seen, more := b.seen, b.more
		b.mu.Unlock()
		if ok(seen) {
			return
		}
		select {
		case <-more:
		case <-timeout:
			t.Fatalf("waited in vain for %s; seen %d: %.2000s", what, len(seen), fmt.Sprint(seen))
		}
	}
}

// authority makes certificates in a folder of its own.
type authority struct {
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	a := &authority{dir: t.TempDir()}
	a.cert, a.key = a.issue(t, "ca", nil)
	return a
}

func (a *authority) path(name string) string { return filepath.Join(a.dir, name) }

func (a *authority) issue(t *testing.T, name string, by *authority) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: by == nil, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	parent, signer := tmpl, key
	if by != nil {
		parent, signer = by.cert, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for suffix, b := range map[string]*pem.Block{".pem": {Type: "CERTIFICATE", Bytes: der}, ".key": {Type: "PRIVATE KEY", Bytes: pkcs8}} {
		if err := os.WriteFile(a.path(name+suffix), pem.EncodeToMemory(b), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// server is the TLS of a broker that wants client certificates.
func (a *authority) server(t *testing.T) *tls.Config {
	a.issue(t, "server", a)
	pair, err := tls.LoadX509KeyPair(a.path("server.pem"), a.path("server.key"))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return &tls.Config{Certificates: []tls.Certificate{pair}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert}
}

// mutePort accepts connections and says nothing.
func mutePort(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(io.Discard, c); c.Close() }()
		}
	}()
	return l.Addr().String()
}

// talker accepts connections, says one thing to each, and hangs up once the other end does or has said something.
func talker(t *testing.T, say string) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_, _ = io.WriteString(c, say)
				_, _ = c.Read(make([]byte, 4096))
			}()
		}
	}()
	return l.Addr().String()
}
