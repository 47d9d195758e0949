package mqttclient

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"fieldpost/gateway/source"
)

// conversation is what stands for a connection with a node behind a broker: it begins with the node's first message and ends
// with the connection to the broker, by Close, or for lack of room. It is the node's source.Conn.
type conversation struct {
	k      *connection
	peer   source.Peer
	queued atomic.Int32 // messages in k.out

	once sync.Once
	done chan struct{}
}

// Peer is source.Conn's.
func (v *conversation) Peer() source.Peer { return v.peer }

// Send is source.Conn's.
func (v *conversation) Send(p []byte) error {
	if len(p) > source.MaxPayload {
		return fmt.Errorf("message of %d bytes to node %s: at most %d", len(p), v.peer.Node, source.MaxPayload)
	}
	if v.ended() || v.k.ctx.Err() != nil {
		return source.ErrGone
	}
	if int(v.queued.Add(1)) <= v.k.c.Limits.NodeQueue && v.k.outRoom.TryAcquire(int64(len(p))) {
		select {
		case v.k.out <- outgoing{v, p}:
			return nil
		default:
			v.k.outRoom.Release(int64(len(p)))
		}
	}
	v.queued.Add(-1)
	v.k.c.offend(source.Behind, v.peer.Node, source.ErrBehind)
	v.Close(source.ErrBehind)
	return source.ErrBehind
}

// Close is source.Conn's.
func (v *conversation) Close(reason error) {
	if !v.end() {
		return
	}
	if reason != nil && !errors.Is(reason, source.ErrBehind) {
		v.k.c.log.Debug("conversation ended", "node", v.peer.Node, "err", reason)
	}
	v.k.mu.Lock()
	v.k.closed = append(v.k.closed, v)
	v.k.mu.Unlock()
	select {
	case v.k.closing <- struct{}{}:
	default:
	}
}

// end reports whether it was this call that ended it.
func (v *conversation) end() (now bool) {
	v.once.Do(func() {
		close(v.done)
		now = true
	})
	return now
}

func (v *conversation) ended() bool {
	select {
	case <-v.done:
		return true
	default:
		return false
	}
}
