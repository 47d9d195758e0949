package mqttbroker_test

import (
	"crypto/tls"
	"math/big"
	"net"
	"net/url"
	"os"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"fieldpost/gateway/source"
	"fieldpost/gateway/source/internal/sourcetest"
	"fieldpost/gateway/source/mqttbroker"
	"fieldpost/internal/testca"
)

func over(c *tls.Config) func(*paho.ClientOptions) {
	return func(o *paho.ClientOptions) {
		o.SetCustomOpenConnectionFn(func(u *url.URL, _ paho.ClientOptions) (net.Conn, error) { return tls.Dial("tcp", u.Host, c) })
	}
}

func TestCertificatesAreTheirNodes(t *testing.T) {
	ca, stranger := testca.New(t, t.TempDir()), testca.New(t, t.TempDir())
	for _, name := range []string{"gateway", "pi-7", "Not A Node"} {
		ca.Issue(t, name)
	}
	stranger.Issue(t, "pi-7")
	users := usersFile(t, line(t, "ops", "po", ":reader"), line(t, "pi-8", "p8", ""))

	for _, withUsers := range []bool{false, true} {
		r := sourcetest.NewRecorder()
		b, address, _ := start(t, r, func(s *mqttbroker.Settings, _ *mqttbroker.Limits) {
			s.CertFile, s.KeyFile, s.ClientCAFile = ca.Path("gateway.pem"), ca.Path("gateway.key"), ca.Path("ca.pem")
			if withUsers {
				s.UsersFile = users
			}
		})
		broker := "ssl://" + address
		// The client id claims another node; so does the first message.
		n := sourcetest.Dial(t, broker, "pi-8", "lte", over(ca.Client(t, "pi-7")))
		n.Up(t, 0, "as pi-8")
		n.Name = "pi-7"
		n.Up(t, 0, "as pi-7")
		c := r.AwaitEvent(t, `received pi-7 "as pi-7"`).Conn
		if err := c.Send([]byte("answer")); err != nil {
			t.Error(err)
		}
		sourcetest.AwaitCount(t, b, source.ForeignNode, 1)

		if _, err := sourcetest.TryDial(t, broker, "x", "lte", over(ca.Client(t, "Not A Node"))); err == nil {
			t.Error("a certificate without a node's name got in")
		}
		sourcetest.AwaitCount(t, b, source.BadNode, 1)
		foreign := ca.Client(t, "")
		foreign.Certificates = stranger.Client(t, "pi-7").Certificates
		if _, err := sourcetest.TryDial(t, broker, "pi-7", "lte", over(foreign)); err == nil {
			t.Error("a stranger's certificate got in")
		}
		if _, err := sourcetest.TryDial(t, broker, "pi-7", "lte", over(ca.Client(t, ""))); err == nil {
			t.Error("no certificate and no user got in")
		}
		_, err := sourcetest.TryDial(t, broker, "pi-8", "lte", func(o *paho.ClientOptions) {
			over(ca.Client(t, ""))(o)
			o.SetUsername("pi-8").SetPassword("p8")
		})
		if (err == nil) != withUsers {
			t.Errorf("a user instead of a certificate: %v", err)
		}
		if plain := dialRaw(t, address); true {
			plain.say(connectPacket("x", nil))
			plain.awaitEnd()
		}
		want := uint64(4) // stranger, none, user, plain
		if withUsers {
			want = 2
		}
		sourcetest.AwaitCount(t, b, source.BadTLS, want)
	}
}

func TestTLSClientsThatSayNothing(t *testing.T) {
	ca := testca.New(t, t.TempDir())
	ca.Issue(t, "gateway")
	b, address, _ := start(t, sourcetest.NewRecorder(), func(s *mqttbroker.Settings, l *mqttbroker.Limits) {
		s.CertFile, s.KeyFile = ca.Path("gateway.pem"), ca.Path("gateway.key")
		l.ConnectWait = 200 * time.Millisecond
	})
	dialRaw(t, address).awaitEnd()
	sourcetest.AwaitCount(t, b, source.BadTLS, 1)
	conn, err := tls.Dial("tcp", address, ca.Client(t, ""))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(sourcetest.Patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 1)); err == nil {
		t.Error("a silent client was told something")
	}
	sourcetest.AwaitCount(t, b, source.NoConnect, 1)
}

func TestCertificateIsReadAgain(t *testing.T) {
	ca := testca.New(t, t.TempDir())
	ca.Issue(t, "gateway")
	_, address, _ := start(t, sourcetest.NewRecorder(), func(s *mqttbroker.Settings, _ *mqttbroker.Limits) {
		s.CertFile, s.KeyFile = ca.Path("gateway.pem"), ca.Path("gateway.key")
	})
	serial := func() *big.Int {
		t.Helper()
		conn, err := tls.Dial("tcp", address, ca.Client(t, ""))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].SerialNumber
	}
	newer := func(d time.Duration) {
		t.Helper()
		at := time.Now().Add(d) // file systems count coarsely
		if err := os.Chtimes(ca.Path("gateway.pem"), at, at); err != nil {
			t.Fatal(err)
		}
	}
	before := serial()
	write(t, ca.Path("gateway.pem"), "half writ")
	newer(time.Second)
	if serial().Cmp(before) != 0 {
		t.Error("a broken file was used")
	}
	ca.Issue(t, "gateway")
	newer(2 * time.Second)
	if serial().Cmp(before) == 0 {
		t.Error("the old certificate is still in use")
	}
}

func TestFilesThatCannotBeUsed(t *testing.T) {
	ca := testca.New(t, t.TempDir())
	ca.Issue(t, "gateway")
	write(t, ca.Path("empty.pem"), "")
	for _, s := range []mqttbroker.Settings{
		{CertFile: ca.Path("none.pem"), KeyFile: ca.Path("gateway.key")},
		{CertFile: ca.Path("gateway.pem"), KeyFile: ca.Path("ca.key")},
		{CertFile: ca.Path("gateway.pem"), KeyFile: ca.Path("gateway.key"), ClientCAFile: ca.Path("empty.pem")},
		{CertFile: ca.Path("gateway.pem"), KeyFile: ca.Path("gateway.key"), ClientCAFile: ca.Path("none.pem")},
		{UsersFile: ca.Path("none")},
	} {
		s.Listen, s.Prefix = "127.0.0.1:0", "fp"
		if err := mqttbroker.New("broker", s, nil).Run(t.Context(), sourcetest.NewRecorder()); err == nil {
			t.Errorf("%+v was taken", s)
		} else {
			t.Log(err)
		}
	}
}
