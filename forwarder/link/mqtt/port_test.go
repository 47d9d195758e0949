package mqtt_test

import (
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"sync"

	"github.com/gorilla/websocket"
	"github.com/mochi-mqtt/server/v2/listeners"

	"fieldpost/forwarder/link/mqtt"
)

// port is a listener for the broker that knows its port from the start and that stops with nothing left behind, which mochi's own do not.
type port struct {
	net.Listener
	ws bool

	wg    sync.WaitGroup
	mu    sync.Mutex
	conns map[net.Conn]bool
	ended bool
}

func newPort(kind string, config *tls.Config) (*port, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	if config != nil {
		l = tls.NewListener(l, config)
	}
	return &port{Listener: l, ws: kind == "ws" || kind == "wss", conns: make(map[net.Conn]bool)}, nil
}

func (p *port) Init(*slog.Logger) error { return nil }
func (p *port) ID() string              { return "port" }
func (p *port) Address() string         { return p.Addr().String() }
func (p *port) Protocol() string        { return "tcp" }

func (p *port) Serve(establish listeners.EstablishFn) {
	if p.ws {
		up := websocket.Upgrader{Subprotocols: []string{"mqtt"}}
		_ = http.Serve(p.Listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if ws, err := up.Upgrade(w, r, nil); err == nil {
				p.serve(mqtt.Stream(ws), establish)
			}
		}))
		return
	}
	for {
		c, err := p.Accept()
		if err != nil {
			return
		}
		go p.serve(c, establish)
	}
}

func (p *port) serve(c net.Conn, establish listeners.EstablishFn) {
	defer c.Close()
	p.mu.Lock()
	if p.ended {
		p.mu.Unlock()
		return
	}
	p.conns[c] = true
	p.wg.Add(1)
	p.mu.Unlock()
	defer p.wg.Done()
	_ = establish(p.ID(), c)
	p.mu.Lock()
	delete(p.conns, c)
	p.mu.Unlock()
}

// stop closes the port and all connections and waits until the broker has let go of them.
func (p *port) stop() {
	p.Listener.Close()
	p.mu.Lock()
	p.ended = true
	for c := range p.conns {
		c.Close()
	}
	p.mu.Unlock()
	p.wg.Wait()
}

// Close is the broker's; stop came before.
func (p *port) Close(listeners.CloseFn) {}
