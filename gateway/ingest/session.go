package ingest

import (
	"slices"
	"sync/atomic"

	"fieldpost/gateway/source"
	"fieldpost/history"
	"fieldpost/telemetry/frame/dense"
	"fieldpost/telemetry/wire"
)

// session is one connection. Its fields but conn, peer and the atomic ones belong to the goroutine that calls Receive and Gone.
type session struct {
	conn source.Conn
	peer source.Peer

	greeted bool // a hello came
	nonce   uint64
	link    string

	tables []*table    // most recent first
	dense  bool        // there is room for its coder states
	known  dense.Known // what cold frames need not say: by the last hello that named bases, and the table that came last

	welcomed atomic.Uint64 // the generation that its latest welcome named
	brief    atomic.Bool   // it has sent a patient frame, and so reads brief acks
	prompt   atomic.Bool   // a hello came, and no patient frame since: nothing waits
}

// ack returns the message that says a to the node, as short as it can be read there.
func (s *session) ack(a *wire.Ack) wire.Message {
	if s.brief.Load() && a.Generation == s.welcomed.Load() {
		if b := a.Brief(); b != nil {
			return b
		}
	}
	return a
}

// chain is whose coder states it goes on from.
func (s *session) chain() linkKey { return linkKey{s.peer.Node, s.link} }

// table is a series table as it came and decoded.
type table struct {
	*history.Table
	encoded []byte
}

// sessionTables is how many tables a connection may use by turns. A node has one, and two around a change of its devices.
const sessionTables = 4

func (s *session) table(hash uint64) *table {
	for i, t := range s.tables {
		if t.Hash == hash {
			if i > 0 {
				s.tables = slices.Insert(slices.Delete(s.tables, i, i+1), 0, t)
			}
			return t
		}
	}
	return nil
}

func (s *session) addTable(t *table) {
	if s.table(t.Hash) != nil {
		return
	}
	s.tables = slices.Insert(s.tables, 0, t)
	if len(s.tables) > sessionTables {
		s.tables = slices.Delete(s.tables, sessionTables, len(s.tables))
	}
}
