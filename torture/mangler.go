package torture

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
)

// mangler is a TCP proxy that knows where an MQTT packet ends (MQTT 3.1.1 §2.2), and loses or doubles whole publishes while the connection stands: what a broker
// in between may do at QoS 0, and TCP never does.
type mangler struct {
	listener net.Listener
	target   string
	lose     atomic.Int32 // percent of the publishes
	double   atomic.Int32 // percent of the publishes
	wg       sync.WaitGroup

	mu    sync.Mutex
	conns map[net.Conn]struct{}
	shut  bool
}

func newMangler(target string) (*mangler, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	m := &mangler{listener: l, target: target, conns: map[net.Conn]struct{}{}}
	m.wg.Go(m.accept)
	return m, nil
}

func (m *mangler) address() string { return m.listener.Addr().String() }

func (m *mangler) accept() {
	for {
		client, err := m.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			m.wg.Go(func() { m.serve(client) })
		}
	}
}

func (m *mangler) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", m.target)
	if err != nil {
		return
	}
	defer server.Close()
	if !m.hold(client, server) {
		return
	}
	defer m.release(client, server)
	var both sync.WaitGroup
	for _, way := range [][2]net.Conn{{client, server}, {server, client}} {
		both.Go(func() {
			_ = m.copy(way[1], way[0]) // the end of a connection, however it came
			client.Close()
			server.Close()
		})
	}
	both.Wait()
}

func (m *mangler) hold(conns ...net.Conn) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range conns {
		m.conns[c] = struct{}{}
	}
	return !m.shut
}

func (m *mangler) release(conns ...net.Conn) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range conns {
		delete(m.conns, c)
	}
}

// copy moves packets until one end fails.
func (m *mangler) copy(to io.Writer, from io.Reader) error {
	in := bufio.NewReader(from)
	for {
		p, err := packet(in)
		if err != nil {
			return err
		}
		times := 1
		const publish = 3
		if p[0]>>4 == publish && p[0]>>1&3 == 0 {
			switch n := rand.Int32N(100); { // which ones is chance: when they come is too
			case n < m.lose.Load():
				times = 0
			case n < m.lose.Load()+m.double.Load():
				times = 2
			}
		}
		for range times {
			if _, err := to.Write(p); err != nil {
				return err
			}
		}
	}
}

// packet reads one packet, its fixed header included.
func packet(r *bufio.Reader) ([]byte, error) {
	first, err := r.ReadByte()
	if err != nil {
		return nil, err
	}
	n, err := binary.ReadUvarint(r) // the remaining length is coded alike, in at most four bytes
	if err != nil {
		return nil, err
	}
	const most = 268_435_455
	if n > most {
		return nil, fmt.Errorf("a packet of %d bytes", n)
	}
	p := binary.AppendUvarint([]byte{first}, n)
	head := len(p)
	p = append(p, make([]byte, n)...)
	_, err = io.ReadFull(r, p[head:])
	return p, err
}

func (m *mangler) close() {
	m.mu.Lock()
	m.shut = true
	for c := range m.conns {
		c.Close()
	}
	m.mu.Unlock()
	m.listener.Close()
	m.wg.Wait()
}
