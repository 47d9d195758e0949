// Package mqttguard refuses MQTT packets by their announced length, before a library makes room for them. It watches the
// bytes of a connection as they are read and follows nothing but the fixed headers [MQTT-2.2]. The gateway's broker, its client and a node's link use it, each with its own limits.
package mqttguard

import (
	"errors"
	"fmt"
	"net"
)

// ErrTooLarge says that the other end announced a packet beyond the limit.
var ErrTooLarge = errors.New("packet too large")

// ErrMalformed says that a remaining length goes on beyond its fourth byte [MQTT-2.2.3].
var ErrMalformed = errors.New("malformed packet length")

// Guard follows one direction of one connection. It is not safe for concurrent use.
type Guard struct {
	First int64 // largest first packet (on a broker the CONNECT, from nobody knows whom) in bytes, its fixed header left out
	Rest  int64 // and of all packets after it

	later  bool  // the first packet's header is behind us
	body   int64 // bytes of the current packet still to come
	length int64 // remaining length as read so far
	shift  uint
	inside bool // after the first byte of a header, before the end of its length
	err    error
}

// Check takes the next bytes of the stream. Once it has returned an error it returns the same for ever.
func (g *Guard) Check(p []byte) error {
	for len(p) > 0 && g.err == nil {
		switch {
		case g.body > 0:
			n := min(g.body, int64(len(p)))
			g.body -= n
			p = p[n:]
		case !g.inside:
			g.inside, g.length, g.shift = true, 0, 0
			p = p[1:]
		default:
			g.err = g.digit(p[0])
			p = p[1:]
		}
	}
	return g.err
}

// Open returns the length of the packet whose header has been read and whose body has not come to its end; zero if there is none.
func (g *Guard) Open() int64 {
	if g.body == 0 {
		return 0
	}
	return g.length
}

// digit takes one byte of a remaining length: seven bits, least significant first, and whether another follows.
func (g *Guard) digit(b byte) error {
	g.length |= int64(b&0x7f) << g.shift
	g.shift += 7
	if b&0x80 != 0 {
		if g.shift >= 28 {
			return ErrMalformed
		}
		return nil
	}
	g.inside, g.body = false, g.length
	limit := g.First
	if g.later {
		limit = g.Rest
	}
	g.later = true
	if g.length > limit {
		return fmt.Errorf("%w: %d bytes announced, at most %d allowed", ErrTooLarge, g.length, limit)
	}
	return nil
}

// Conn is a connection whose incoming packets are guarded.
type Conn struct {
	net.Conn
	Guard Guard
}

// Read is net.Conn's. From the read on that holds the header of a refused packet it returns the error and no bytes; the reader closes.
func (c *Conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if bad := c.Guard.Check(p[:n]); bad != nil {
		return 0, bad
	}
	return n, err
}
