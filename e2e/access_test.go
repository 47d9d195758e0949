package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fieldpost/drivers/emulate"
	"fieldpost/internal/testca"
)

// instrument is a TCP instrument for the length of a test.
func instrument(t *testing.T) *emulate.TCP {
	t.Helper()
	tcp, err := emulate.ListenTCP("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tcp.Close() })
	return tcp
}

// secured starts an edge whose link has keys, such as "ca_file: ca.pem, ", and lets it read 1…50.
func secured(t *testing.T, s *site, node, scheme, keys string) (*edge, *emulate.TCP) {
	t.Helper()
	tcp := instrument(t)
	e := newEdge(t, s.dir, node, fmt.Sprintf("%s://127.0.0.1:%d", scheme, s.mqtt), "tcp: "+tcp.Address())
	edit(t, e.config, "mqtt: {", "mqtt: {"+keys)
	e.up()
	connected(t, tcp)
	say(t, tcp, 1, 50)
	return e, tcp
}

// complains waits until status, as text, says what is wrong with the link, and checks that it says all of says.
func (e *edge) complains(t *testing.T, says ...string) {
	t.Helper()
	var out string
	await(t, e.node+"'s link to fail", patience, func() bool {
		_, out, _ = command(t, "fieldpost-edge", "status", "-config", e.config)
		return strings.Contains(out, "last error")
	})
	for _, s := range says {
		if !strings.Contains(out, s) {
			t.Errorf("status of %s does not say %q:\n%s", e.node, s, out)
		}
	}
	e.taken(50) // whatever the link does, the readings are kept
}

func TestTLSEndToEnd(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	ours, theirs := testca.New(t, filepath.Join(s.dir, "pki")), testca.New(t, filepath.Join(s.dir, "other"))
	for _, name := range []string{"gateway", "pi-1", "pi-2", "pi-3"} {
		ours.Issue(t, name)
	}
	theirs.Issue(t, "pi-4")
	edit(t, s.config, "mqtt_broker: {", "mqtt_broker: {cert_file: pki/gateway.pem, key_file: pki/gateway.key, client_ca_file: pki/ca.pem, ")
	s.up()

	good, tcp := secured(t, s, "pi-1", "ssl", "ca_file: ../pki/ca.pem, cert_file: ../pki/pi-1.pem, key_file: ../pki/pi-1.key, ")
	wrongCA, _ := secured(t, s, "pi-2", "ssl", "ca_file: ../other/ca.pem, cert_file: ../pki/pi-2.pem, key_file: ../pki/pi-2.key, ")
	another, _ := secured(t, s, "pi-5", "ssl", "ca_file: ../pki/ca.pem, cert_file: ../pki/pi-3.pem, key_file: ../pki/pi-3.key, ")
	unknown, _ := secured(t, s, "pi-4", "ssl", "ca_file: ../pki/ca.pem, cert_file: ../other/pi-4.pem, key_file: ../other/pi-4.key, ")
	without, _ := secured(t, s, "pi-6", "ssl", "ca_file: ../pki/ca.pem, ")
	plain, _ := secured(t, s, "pi-7", "tcp", "")

	await(t, "50 readings", patience, func() bool { return len(s.readings("pi-1")) >= 50 })
	say(t, tcp, 51, 100)
	await(t, "100 readings", patience, func() bool { return len(s.readings("pi-1")) >= 100 })
	onceInOrder(t, s.readings("pi-1"), 1, 100)
	if _, out, _ := command(t, "fieldpost-edge", "status", "-config", good.config); strings.Contains(out, "last error") {
		t.Errorf("status of pi-1 complains:\n%s", out)
	}

	wrongCA.complains(t, "certificate signed by unknown authority", "ca_file")
	another.complains(t, "not Authorized", "client certificate")
	unknown.complains(t, "certificate")
	without.complains(t, "certificate")
	plain.complains(t, "tcp://127.0.0.1")
	for _, e := range []*edge{wrongCA, another, unknown, without, plain} {
		if n := s.node(e.node); n.Node != "" || len(s.readings(e.node)) > 0 {
			t.Errorf("%s got in: %+v", e.node, n)
		}
	}
	if n := s.node("pi-3"); n.Node != "" {
		t.Errorf("pi-5 came in as pi-3: %+v", n)
	}
	if s.refused(t, "bad_tls") < 4 {
		t.Errorf("%d handshakes counted as refused, want one at least of each of four edges", s.refused(t, "bad_tls"))
	}
}

func TestPasswordsEndToEnd(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	edit(t, s.config, "mqtt_broker: {", "mqtt_broker: {users_file: users, ")
	users := filepath.Join(s.dir, "users")
	for _, node := range []string{"pi-1", "pi-2", "pi-4"} {
		write(t, filepath.Join(s.dir, node, "password"), passwd(t, users, node))
	}
	late := filepath.Join(s.dir, "pi-4", "late")
	write(t, late, "not yet the right one\n")
	s.up()
	secured(t, s, "pi-1", "tcp", "username: pi-1, password_file: password, ")
	wrong, _ := secured(t, s, "pi-2", "tcp", "username: pi-2, password_file: ../pi-1/password, ")
	none, _ := secured(t, s, "pi-3", "tcp", "")
	mended, _ := secured(t, s, "pi-4", "tcp", "username: pi-4, password_file: late, ")

	await(t, "50 readings", patience, func() bool { return len(s.readings("pi-1")) >= 50 })
	onceInOrder(t, s.readings("pi-1"), 1, 50)
	wrong.complains(t, "refuses the node", "username, password_file")
	none.complains(t, "refuses the node", "username, password_file")
	mended.complains(t, "refuses the node")
	for _, e := range []*edge{wrong, none, mended} {
		if n := s.node(e.node); n.Node != "" {
			t.Errorf("%s got in: %+v", e.node, n)
		}
	}

	// A password mended while the edge runs is found at its next attempt.
	right, err := os.ReadFile(filepath.Join(s.dir, "pi-4", "password"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, late, string(right))
	await(t, "pi-4 to come in", time.Minute, func() bool { return len(s.readings("pi-4")) >= 50 })
	onceInOrder(t, s.readings("pi-4"), 1, 50)

	// A file that is not there is found before anything runs.
	edit(t, mended.config, "password_file: late", "password_file: nowhere")
	code, _, errs := command(t, "fieldpost-edge", "check", "-config", mended.config)
	if code != 1 || !strings.Contains(errs, mended.config+":4:") || !strings.Contains(errs, filepath.Join(s.dir, "pi-4", "nowhere")+": no such file") {
		t.Errorf("check: status %d, %q", code, errs)
	}
}
