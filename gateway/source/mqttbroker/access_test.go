package mqttbroker_test

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	"github.com/eclipse/paho.mqtt.golang/packets"
	"golang.org/x/crypto/bcrypt"

	"fieldpost/gateway/source"
	"fieldpost/gateway/source/internal/sourcetest"
	"fieldpost/gateway/source/mqttbroker"
	"fieldpost/telemetry/wire"
)

// line is UserLine at a cost that tests can afford.
func line(t *testing.T, name, password, role string) string {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return name + ":" + string(hash) + role + "\n"
}

func usersFile(t *testing.T, lines ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "users")
	write(t, path, strings.Join(lines, ""))
	return path
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func withUsers(path string) func(*mqttbroker.Settings, *mqttbroker.Limits) {
	return func(s *mqttbroker.Settings, l *mqttbroker.Limits) {
		s.UsersFile, l.RereadUsers = path, 10*time.Millisecond
	}
}

func as(user, password string) func(*packets.ConnectPacket) {
	return func(p *packets.ConnectPacket) {
		p.UsernameFlag, p.PasswordFlag, p.Username, p.Password = true, password != "", user, []byte(password)
	}
}

const badUser = 5 // CONNACK's code, "not authorized"

func TestUsersAreTheirNodes(t *testing.T) {
	r := sourcetest.NewRecorder()
	b, address, _ := start(t, r, withUsers(usersFile(t, "# plant 7\n\n", line(t, "a", "pa", ""), line(t, "b", "pb", ":node"), line(t, "Ops.7", "po", ":reader"))))
	for _, c := range []struct{ user, password string }{{"a", "pb"}, {"a", ""}, {"c", "pa"}, {"A", "pa"}, {"", ""}, {"a", "pa\x00"}} {
		if code := dialRaw(t, address).connect("a.lte", as(c.user, c.password)); code != badUser {
			t.Errorf("%q with %q: code %d, want %d", c.user, c.password, code, badUser)
		}
	}
	if code := dialRaw(t, address).connect("a.lte", nil); code != badUser {
		t.Errorf("nobody: code %d", code)
	}
	sourcetest.AwaitCount(t, b, source.AuthFailed, 7)

	// The client id says b; the user says a.
	a := dialRaw(t, address)
	if code := a.connect("b.lte", as("a", "pa")); code != 0 {
		t.Fatalf("code %d", code)
	}
	a.publish("fp/b/up", "as b")
	a.publish("fp/a/up", "as a")
	got := a.subscribe("fp/a/down", "fp/a/state/+", "fp/b/down", "fp/b/state/lte", "fp/+/state/+")
	if want := []byte{0, 0, 0x80, 0x80, 0x80}; !bytes.Equal(got, want) {
		t.Errorf("granted %x, want %x", got, want)
	}
	r.AwaitEvent(t, `received a "as a"`)
	peer := r.AwaitEvent(t, "connected a").Conn.Peer()
	if want := (source.Peer{Node: "a", Source: "broker", Remote: a.LocalAddr().String(), Direct: true}); peer != want {
		t.Errorf("peer %+v, want %+v", peer, want)
	}
	n := b.Status().Refused
	if n[source.ForeignNode] != 3 || n[source.NotAllowed] != 1 {
		t.Errorf("counted %v", n)
	}

	// A will is no way around.
	will := wire.LinkState{Nonce: 1, Link: "lte"}.Marshal()
	code := dialRaw(t, address).connect("a.2", func(p *packets.ConnectPacket) {
		as("a", "pa")(p)
		p.WillFlag, p.WillTopic, p.WillMessage = true, "fp/b/state/lte", will
	})
	if code != badUser {
		t.Errorf("a will for another node: code %d", code)
	}
}

func TestReadersReadStatesAndNothingElse(t *testing.T) {
	r := sourcetest.NewRecorder()
	b, address, _ := start(t, r, withUsers(usersFile(t, line(t, "a", "pa", ""), line(t, "ops", "po", ":reader"))))
	node := dialRaw(t, address)
	node.connect("a.lte", as("a", "pa"))
	state := publishPacket("fp/a/state/lte", 1, wire.LinkState{Online: true, Nonce: 5, Link: "lte"}.Marshal())
	state.Retain = true
	node.say(state)
	node.hear() // PUBACK: it is retained

	ops := dialRaw(t, address)
	ops.connect("ops", as("ops", "po"))
	if got := ops.subscribe("fp/+/state/+", "fp/a/down", "fp/+/up"); !bytes.Equal(got, []byte{0, 0x80, 0x80}) {
		t.Errorf("granted %x", got)
	}
	if p := ops.hear().(*packets.PublishPacket); p.TopicName != "fp/a/state/lte" || !p.Retain || !bytes.Equal(p.Payload, state.Payload) {
		t.Errorf("heard %v", p)
	}
	ops.publish("fp/a/up", "x")
	ops.publish("fp/ops/up", "x")
	ops.say(state)
	ops.awaitEnd() // its quality of service was 1
	if n := b.Status().Refused[source.NotAllowed]; n != 4 {
		t.Errorf("counted %v", b.Status().Refused)
	}
	if got := fmt.Sprint(r.Events()); got != "[presence a lte online=true nonce=5]" {
		t.Errorf("the receiver got %s", got)
	}
}

func TestUsersFileIsReadAgain(t *testing.T) {
	r := sourcetest.NewRecorder()
	path := usersFile(t, line(t, "a", "pa", ""), line(t, "b", "pb", ""))
	write := func(t *testing.T, path, text string) { // at once, whatever the broker does meanwhile
		t.Helper()
		write(t, path+".new", text)
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
	_, address, _ := start(t, r, withUsers(path))
	a, b := dialRaw(t, address), dialRaw(t, address)
	if a.connect("a.lte", as("a", "pa")) != 0 || b.connect("b.lte", as("b", "pb")) != 0 {
		t.Fatal("refused")
	}
	// A file that cannot be used changes nothing.
	write(t, path, "a:not a hash\n")
	a.ping()
	kept := line(t, "b", "pb", "")
	write(t, path, kept+line(t, "c", "pc", ""))
	a.awaitEnd() // a is gone
	b.awaitEnd() // and b has another line, if the same password
	awaitCode := func(user, password string, want byte) {
		t.Helper()
		for deadline := time.Now().Add(sourcetest.Patience); ; {
			c := dialRaw(t, address)
			c.say(connectPacket(user, as(user, password)))
			p, err := packets.ReadPacket(c) // none if the file changes just then
			if err == nil && p.(*packets.ConnackPacket).ReturnCode == want {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("user %s: %v, %v, want code %d", user, p, err, want)
			}
		}
	}
	awaitCode("c", "pc", 0)
	awaitCode("a", "pa", badUser)
	b = dialRaw(t, address)
	if b.connect("b.lte", as("b", "pb")) != 0 {
		t.Fatal("refused")
	}
	write(t, path, "# smaller\n"+kept) // c goes, b stays as it is
	awaitCode("c", "pc", badUser)
	b.ping()
}

func TestUsersFileThatCannotBeUsed(t *testing.T) {
	good := line(t, "a", "pa", "")
	for text, want := range map[string]string{
		"a\n":                          "line 1: want name:hash",
		good + "Pi:x\n":                `line 2: node name "Pi"`,
		good + "b:secret\n":            "line 2: user b: the hash is not one of bcrypt",
		good + "\n" + good:             "line 3: user a has a line before this one",
		line(t, "a", "p", ":admin"):    `line 1: user "a": unknown role "admin"`,
		line(t, "a b", "p", ":reader"): `line 1: user name "a b"`,
	} {
		path := usersFile(t, text)
		s := mqttbroker.Settings{Listen: "127.0.0.1:0", Prefix: "fp", UsersFile: path}
		err := mqttbroker.New("broker", s, nil).Run(t.Context(), sourcetest.NewRecorder())
		if err == nil || !strings.Contains(err.Error(), path+", "+want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%v tells the secret", err)
		}
	}
}

func TestSetUser(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users")
	set := func(line string) {
		t.Helper()
		if err := mqttbroker.SetUser(path, strings.TrimSuffix(line, "\n")); err != nil {
			t.Fatal(err)
		}
	}
	set(line(t, "a", "first", ""))
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	other := line(t, "b", "pb", "")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, "# kept\n"+string(text)+strings.TrimSuffix(other, "\n"))
	set(line(t, "a", "second", ""))
	set(line(t, "ops", "po", ":reader"))
	text, err = os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	if len(lines) != 5 || lines[0] != "# kept" || !strings.HasPrefix(lines[1], "a:") || lines[2]+"\n" != other || !strings.HasSuffix(lines[3], ":reader") {
		t.Errorf("file:\n%s", text)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("%v, %v", info, err)
	}
	if entries, _ := os.ReadDir(filepath.Dir(path)); len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
	if err := mqttbroker.SetUser(path, "a:no hash"); err == nil {
		t.Error("a line without a hash was taken")
	}
	_, address, _ := start(t, sourcetest.NewRecorder(), withUsers(path))
	for _, c := range []struct {
		user, password string
		want           byte
	}{{"a", "second", 0}, {"a", "first", badUser}, {"b", "pb", 0}, {"ops", "po", 0}} {
		if code := dialRaw(t, address).connect("x", as(c.user, c.password)); code != c.want {
			t.Errorf("%s: code %d, want %d", c.user, code, c.want)
		}
	}
}

func TestUserLine(t *testing.T) {
	got, err := mqttbroker.UserLine("ops.7", "po", mqttbroker.Reader)
	if err != nil {
		t.Fatal(err)
	}
	hash, ok := strings.CutPrefix(strings.TrimSuffix(got, ":reader"), "ops.7:")
	if !ok || bcrypt.CompareHashAndPassword([]byte(hash), []byte("po")) != nil {
		t.Errorf("line %s", got)
	}
	for _, bad := range []struct {
		name, password string
		role           mqttbroker.Role
	}{{"PI", "p", mqttbroker.Node}, {"a:b", "p", mqttbroker.Reader}, {"", "p", mqttbroker.Reader}, {"a", "", mqttbroker.Node}, {"a", strings.Repeat("p", 73), mqttbroker.Node}} {
		if line, err := mqttbroker.UserLine(bad.name, bad.password, bad.role); err == nil {
			t.Errorf("%v became %s", bad, line)
		}
	}
}

// A node whose link went away comes back before the gateway has noticed.
func TestSameClientIDEndsTheOlderConnection(t *testing.T) {
	r := sourcetest.NewRecorder()
	b, address, _ := start(t, r, withUsers(usersFile(t, line(t, "a", "pa", ""), line(t, "b", "pb", ""))))
	for i := range 20 {
		old := dialRaw(t, address)
		old.connect("a.lte", as("a", "pa"))
		old.publish("fp/a/up", fmt.Sprint("old ", i))
		first := r.AwaitEvent(t, fmt.Sprintf("received a %q", fmt.Sprint("old ", i))).Conn

		stranger := dialRaw(t, address) // another user's connection of the same id ends nobody's
		stranger.connect("a.lte", as("b", "pb"))
		old.ping()

		now := dialRaw(t, address)
		now.connect("a.lte", as("a", "pa"))
		old.awaitEnd()
		now.publish("fp/a/up", fmt.Sprint("new ", i))
		second := r.AwaitEvent(t, fmt.Sprintf("received a %q", fmt.Sprint("new ", i))).Conn
		r.Await(t, "the old one gone", func(events []sourcetest.Event) bool {
			for _, e := range events {
				if e.What == "gone" && e.Conn == first {
					return true
				}
			}
			return false
		})
		if err := first.Send([]byte("x")); err == nil {
			t.Error("an ended connection took a message")
		}
		if err := second.Send([]byte("ack")); err != nil {
			t.Error(err)
		}
		if p := now.hear().(*packets.PublishPacket); p.TopicName != "fp/a/down" || string(p.Payload) != "ack" {
			t.Errorf("heard %v", p)
		}
		now.say(packets.NewControlPacket(packets.Disconnect))
		now.awaitEnd()
		sourcetest.AwaitStatus(t, b, "only the stranger", func(s source.Status) bool { return s.Connections == 1 })
		stranger.Close()
		sourcetest.AwaitStatus(t, b, "nobody", func(s source.Status) bool { return s.Connections == 0 })
	}
	if n := b.Status().Refused; n[source.TakenOver] != 20 || len(n) != 1 {
		t.Errorf("counted %v", n)
	}
}

// A session that a client asks to keep is not kept: what it subscribed to is over with the connection.
func TestNothingOutlivesAConnection(t *testing.T) {
	b, address, _ := start(t, sourcetest.NewRecorder(), nil)
	keep := func(p *packets.ConnectPacket) { p.CleanSession = false }
	c := dialRaw(t, address)
	c.connect("reader", keep)
	c.subscribe("fp/+/state/+")
	c.Close()
	sourcetest.AwaitStatus(t, b, "nobody", func(s source.Status) bool { return s.Connections == 0 })
	c = dialRaw(t, address)
	c.say(connectPacket("reader", keep))
	if p := c.hear().(*packets.ConnackPacket); p.SessionPresent {
		t.Error("a session was kept")
	}
	n := dialRaw(t, address)
	n.connect("a.lte", nil)
	s := publishPacket("fp/a/state/lte", 1, wire.LinkState{Online: true, Link: "lte"}.Marshal())
	n.say(s)
	n.hear()
	c.say(packets.NewControlPacket(packets.Pingreq))
	if p, ok := c.hear().(*packets.PingrespPacket); !ok {
		t.Errorf("a state reached a client that had not subscribed: %v", p)
	}
}

// Stopping the gateway says nothing about the nodes.
func TestStoppingSendsNoWills(t *testing.T) {
	r := sourcetest.NewRecorder()
	_, address, stop := start(t, r, nil)
	c := dialRaw(t, address)
	c.connect("a.lte", func(p *packets.ConnectPacket) {
		p.WillFlag, p.WillTopic, p.WillMessage, p.WillRetain = true, "fp/a/state/lte", wire.LinkState{Nonce: 1, Link: "lte"}.Marshal(), true
	})
	c.publish("fp/a/up", "x")
	r.AwaitEvent(t, `received a "x"`)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(r.Events()); got != `[connected a received a "x" gone a]` {
		t.Errorf("the receiver got %s", got)
	}
}

// After a gateway's restart all nodes come at once, each with its password, on links that give up after some seconds.
func TestHerd(t *testing.T) {
	const herd = 200
	r := sourcetest.NewRecorder()
	r.OnReceive = func(c source.Conn, p []byte) error { return c.Send(p) }
	var lines []string
	for i := range 20 {
		lines = append(lines, line(t, fmt.Sprint("n", i), "secret", ""))
	}
	b, address, _ := start(t, r, withUsers(usersFile(t, lines...)))
	begin := time.Now()
	errs := make(chan error, herd)
	for i := range herd {
		go func() {
			name := fmt.Sprint("n", i%20)
			n, err := sourcetest.TryDial(t, "tcp://"+address, name, fmt.Sprint("l", i), func(o *paho.ClientOptions) {
				o.SetUsername(name).SetPassword("secret")
			})
			if err != nil {
				errs <- fmt.Errorf("%d: %w", i, err)
				return
			}
			n.Client.Publish(wire.Up("fp", name), 1, false, fmt.Sprint(i))
			select {
			case got := <-n.Down:
				if got != fmt.Sprint(i) {
					err = fmt.Errorf("%d got %q", i, got)
				}
			case <-time.After(sourcetest.Patience):
				err = fmt.Errorf("%d got nothing", i)
			}
			errs <- err
		}()
	}
	for range herd {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	t.Logf("%d connections with password, subscription and one answer each in %v", herd, time.Since(begin))
	if st := b.Status(); st.Nodes != herd || st.Received != herd || len(st.Refused) != 0 {
		t.Errorf("status: %+v", st)
	}
}

func TestAddressInUse(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	b := mqttbroker.New("broker", mqttbroker.Settings{Listen: ln.Addr().String(), Prefix: "fp"}, nil)
	if err := b.Run(t.Context(), sourcetest.NewRecorder()); err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("%v", err)
	}
}
