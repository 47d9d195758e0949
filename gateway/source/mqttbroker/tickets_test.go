package mqttbroker_test

import (
	"context"
	"crypto/tls"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	paho "github.com/eclipse/paho.mqtt.golang"

	"fieldpost/gateway/source/internal/sourcetest"
	"fieldpost/gateway/source/mqttbroker"
	"fieldpost/internal/testca"
)

// A node that comes back to a gateway that was started again resumes its TLS session, as long as the same nodes are let in.
func TestSessionsOutliveTheGateway(t *testing.T) {
	ca := testca.New(t, t.TempDir())
	ca.Issue(t, "gateway")
	ca.Issue(t, "pi-7")
	file := filepath.Join(t.TempDir(), "tls-sessions.broker")
	client := ca.Client(t, "pi-7")
	client.ClientSessionCache = tls.NewLRUClientSessionCache(4)
	// connect connects to a broker of its own, and reads enough for a ticket.
	connect := func(file, clientCA string) (resumed bool) {
		t.Helper()
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		var s mqttbroker.Settings
		s.SetDefaults()
		s.CertFile, s.KeyFile, s.ClientCAFile = ca.Path("gateway.pem"), ca.Path("gateway.key"), clientCA
		b := mqttbroker.New("broker", s, nil)
		b.TicketFile = file
		stop := sourcetest.RunUntil(t, func(ctx context.Context) error { return b.Serve(ctx, ln, sourcetest.NewRecorder()) })
		sourcetest.Dial(t, "ssl://"+ln.Addr().String(), "pi-7", "lte", func(o *paho.ClientOptions) {
			o.SetCustomOpenConnectionFn(func(u *url.URL, _ paho.ClientOptions) (net.Conn, error) {
				conn, err := tls.Dial("tcp", u.Host, client)
				if err == nil {
					resumed = conn.ConnectionState().DidResume
				}
				return conn, err
			})
		})
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		return resumed
	}
	want := func(what string, got, want bool) {
		t.Helper()
		if got != want {
			t.Errorf("%s: resumed %v, want %v", what, got, want)
		}
	}
	want("the first time", connect(file, ca.Path("ca.pem")), false)
	want("started again", connect(file, ca.Path("ca.pem")), true)
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the file: %v, %v; want it for the owner only", info, err)
	}
	pem, err := os.ReadFile(ca.Path("ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, ca.Path("two.pem"), string(pem)+string(pem))
	want("others are let in", connect(file, ca.Path("two.pem")), false)
	write(t, file, "broken")
	want("a broken file", connect(file, ca.Path("two.pem")), false)
	want("after it", connect(file, ca.Path("two.pem")), true)
	want("without a file", connect("", ca.Path("two.pem")), false)
}
