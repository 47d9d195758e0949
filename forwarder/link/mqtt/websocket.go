package mqtt

import (
	"errors"
	"io"
	"time"

	"github.com/gorilla/websocket"
)

// wsConn makes a WebSocket a stream, as MQTT over WebSocket wants it: binary messages whose bounds mean nothing [MQTT-6.0.0-2].
type wsConn struct {
	*websocket.Conn
	r io.Reader
}

func (c *wsConn) Read(b []byte) (int, error) {
	for {
		if c.r == nil {
			kind, r, err := c.NextReader()
			if err != nil {
				return 0, err
			}
			if kind != websocket.BinaryMessage {
				return 0, errors.New("text message on an MQTT WebSocket [MQTT-6.0.0-1]")
			}
			c.r = r
		}
		n, err := c.r.Read(b)
		if err == io.EOF {
			c.r, err = nil, nil
			if n == 0 {
				continue
			}
		}
		return n, err
	}
}

func (c *wsConn) Write(b []byte) (int, error) {
	if err := c.WriteMessage(websocket.BinaryMessage, b); err != nil {
		return 0, err
	}
	return len(b), nil
}

func (c *wsConn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}
