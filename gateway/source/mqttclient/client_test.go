package mqttclient_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"fieldpost/gateway/source"
	"fieldpost/gateway/source/internal/sourcetest"
	"fieldpost/gateway/source/mqttclient"
)

// run runs a client against a broker and waits until it is connected.
func run(t *testing.T, url string, r source.Receiver, change func(*mqttclient.Settings, *mqttclient.Limits)) (*mqttclient.Client, func() error) {
	t.Helper()
	var s mqttclient.Settings
	s.SetDefaults()
	s.URL = url
	l := mqttclient.DefaultLimits()
	l.FirstWait, l.LastWait = 10*time.Millisecond, 50*time.Millisecond
	if change != nil {
		change(&s, &l)
	}
	c := mqttclient.New("plant", s, nil)
	c.Limits = l
	stop := sourcetest.RunUntil(t, func(ctx context.Context) error { return c.Run(ctx, r) })
	return c, stop
}

func awaitUp(t *testing.T, c *mqttclient.Client) {
	t.Helper()
	sourcetest.AwaitStatus(t, c, "connected", func(s source.Status) bool { return s.Up })
}

func contract(t *testing.T, broker func(*testing.T) string) {
	sourcetest.Contract(t, func(t *testing.T, r source.Receiver) (sourcetest.Running, func() error) {
		url := broker(t)
		c, stop := run(t, url, r, nil)
		awaitUp(t, c)
		return sourcetest.Running{Source: c, URL: url}, stop
	})
}

func TestContractThroughMosquitto(t *testing.T) {
	path, err := exec.LookPath("mosquitto")
	if err != nil {
		path = "/usr/sbin/mosquitto" // not on every user's PATH
		if _, err := os.Stat(path); err != nil {
			t.Skip("no mosquitto here; apt-get install mosquitto")
		}
	}
	contract(t, func(t *testing.T) string { return mosquitto(t, path) })
}

func TestContractThroughMochi(t *testing.T) {
	contract(t, func(t *testing.T) string { return mochi(t, "127.0.0.1:0", nil).url })
}

// mosquitto runs a broker without rules until the test ends and returns its URL.
func mosquitto(t *testing.T, path string) string {
	t.Helper()
	address := freeAddress(t)
	_, port, _ := net.SplitHostPort(address)
	config := filepath.Join(t.TempDir(), "mosquitto.conf")
	writeFile(t, config, fmt.Sprintf("listener %s 127.0.0.1\nallow_anonymous true\n", port))
	cmd := exec.Command(path, "-c", config)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	awaitListening(t, address)
	return "tcp://" + address
}

func freeAddress(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func awaitListening(t *testing.T, address string) {
	t.Helper()
	deadline := time.Now().Add(sourcetest.Patience)
	for {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}
