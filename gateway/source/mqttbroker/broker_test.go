package mqttbroker_test

import (
	"context"
	"log/slog"
	"net"
	"testing"

	"fieldpost/gateway/source"
	"fieldpost/gateway/source/internal/sourcetest"
	"fieldpost/gateway/source/mqttbroker"
)

// start runs a broker on a free port. change may alter settings and limits.
func start(t *testing.T, r source.Receiver, change func(*mqttbroker.Settings, *mqttbroker.Limits)) (*mqttbroker.Broker, string, func() error) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b, stop := serve(t, ln, r, nil, change)
	return b, ln.Addr().String(), stop
}

func serve(t *testing.T, ln net.Listener, r source.Receiver, log *slog.Logger, change func(*mqttbroker.Settings, *mqttbroker.Limits)) (*mqttbroker.Broker, func() error) {
	t.Helper()
	var s mqttbroker.Settings
	s.SetDefaults()
	l := mqttbroker.DefaultLimits()
	if change != nil {
		change(&s, &l)
	}
	b := mqttbroker.New("broker", s, log)
	b.Limits = l
	stop := sourcetest.RunUntil(t, func(ctx context.Context) error { return b.Serve(ctx, ln, r) })
	return b, stop
}

func TestContract(t *testing.T) {
	sourcetest.Contract(t, func(t *testing.T, r source.Receiver) (sourcetest.Running, func() error) {
		b, address, stop := start(t, r, nil)
		return sourcetest.Running{Source: b, URL: "tcp://" + address}, stop
	})
}
