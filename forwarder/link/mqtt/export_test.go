package mqtt

import (
	"net"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// Stream makes a WebSocket a stream for the other end in tests, which writes from several goroutines.
func Stream(ws *websocket.Conn) net.Conn { return &lockedConn{wsConn: wsConn{Conn: ws}} }

type lockedConn struct {
	wsConn
	mu sync.Mutex
}

func (c *lockedConn) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.wsConn.Write(b)
}

func (c *lockedConn) SetDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.wsConn.SetDeadline(t)
}
