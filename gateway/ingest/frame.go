package ingest

import (
	"errors"
	"fmt"

	"fieldpost/gateway/store"
	"fieldpost/history"
	"fieldpost/telemetry/frame"
	"fieldpost/telemetry/frame/dense"
	"fieldpost/telemetry/ranges"
	"fieldpost/telemetry/wire"
)

// item is a frame on its way to the commit.
type item struct {
	session *session
	frame   store.Frame
	patient bool // its ack may wait
}

func (it *item) span() ranges.Range {
	return ranges.Range{From: it.frame.Header.First, To: it.frame.Header.Last()}
}

// frame checks what came and hands it to the commit. An error is a violation of the protocol.
func (in *Ingest) frame(s *session, m *wire.Frame) error {
	data := m.Data
	if m.Patient {
		s.brief.Store(true)
		s.prompt.Store(false)
	}
	in.counters.frames.Add(1)
	in.counters.bytes.Add(uint64(len(data)))
	if len(data) > frame.MaxSize {
		return fmt.Errorf("frame of %d bytes; at most %d", len(data), frame.MaxSize)
	}
	var h frame.Header
	var recs []frame.Record // of a dense one
	var err error
	if dense.Is(data) {
		if h, recs, err = in.dense(s, data); err != nil {
			in.refuse(s, frame.Header{}, wire.Refusal{Reason: wire.Cold, Frame: wire.FrameID(data)})
			return nil
		}
	} else {
		h, err = frame.ParseHeader(data)
	}
	switch {
	case errors.Is(err, frame.ErrVersion) && h.Count > 0:
		in.refuse(s, h, wire.Refusal{Reason: wire.Version})
		return nil
	case err != nil:
		return err // nobody can say which records these are
	case h.Node != s.peer.Node || h.Epoch == 0 || !in.store.Admits(h.Node, h.Epoch):
		in.refuse(s, h, wire.Refusal{Reason: wire.NotAllowed})
		return nil
	}
	it := &item{session: s, frame: store.Frame{Header: h, Data: data}, patient: m.Patient}
	if in.store.Lacks(h.Node, h.Epoch, h.Lane, it.span()).Empty() {
		in.counters.repeats.Add(uint64(h.Count))
		in.acknowledge([]receipt{it.receipt()})
		return nil
	}
	if recs != nil {
		// What is stored is plain, whatever came.
		if data, err = frame.Encode(nil, h, recs); err == nil {
			h, err = frame.ParseHeader(data)
		}
		if err != nil { // too much for one plain frame: no node of ours sends such
			in.refuse(s, it.frame.Header, wire.Refusal{Reason: wire.Version})
			return nil
		}
		it.frame.Header, it.frame.Data = h, data
	}
	if h.Content == frame.Readings {
		t := in.findTable(s, h.Table)
		if t == nil {
			in.refuse(s, h, wire.Refusal{Reason: wire.Cold, Table: h.Table})
			return nil
		}
		it.frame.Table, it.frame.Encoded = t.Table, t.encoded
	}
	if err := it.decode(); err != nil {
		return in.corrupt(it, err)
	}
	if !in.budget.take(h.Node, len(data)) {
		return nil
	}
	select {
	case in.queue <- it:
	case <-in.stopped:
		in.budget.give(h.Node, len(data))
	}
	return nil
}

// dense decodes a dense frame by the states of its link. An error: it is to be sent again, cold or plain, and nobody here can say which records it holds.
func (in *Ingest) dense(s *session, data []byte) (frame.Header, []frame.Record, error) {
	if !s.dense {
		return frame.Header{}, nil, fmt.Errorf("%w: no room for this link's", dense.ErrState)
	}
	h, recs, chain, err := dense.Decode(data, s.known, in.chains.of(s.chain(), s.nonce))
	if err != nil {
		return h, nil, err
	}
	in.counters.dense.Add(1)
	in.chains.put(s.chain(), s.nonce, chain)
	return h, recs, nil
}

// decode proves that all records can be read, and works out their spans.
func (it *item) decode() error {
	f := &it.frame
	if f.Table == nil {
		_, _, err := frame.DecodeEvents(f.Data)
		return err
	}
	if err := f.Table.Check(f.Header); err != nil {
		return err
	}
	_, recs, err := frame.Decode(f.Data, nil)
	if err != nil {
		return err
	}
	f.Spans = history.Spans(recs)
	return nil
}

func (in *Ingest) findTable(s *session, hash uint64) *table {
	if t := s.table(hash); t != nil {
		return t
	}
	t := in.tables.Get(hash)
	if t != nil {
		s.addTable(t)
	}
	return t
}

// corrupt deals with a frame whose header is sound and whose records cannot be read: the node is asked once to read it again, then it is put
// into quarantine and counts as received, so that one poisoned frame never blocks a lane (delivery rule 10).
func (in *Ingest) corrupt(it *item, cause error) error {
	s, h := it.session, it.frame.Header
	if !in.suspects.again(h) {
		in.log.Warn("corrupt frame refused; the node is asked for it again", "node", h.Node, "lane", h.Lane.String(),
			"epoch", h.Epoch.String(), "first", h.First, "count", h.Count, "err", cause)
		in.refuse(s, h, wire.Refusal{Reason: wire.Corrupt})
		return nil
	}
	if err := in.store.Quarantine(h, it.frame.Data); err != nil {
		in.log.Warn("corrupt frame not put into quarantine; the node is asked to wait", "node", h.Node, "lane", h.Lane.String(), "first", h.First, "err", err)
		in.refuse(s, h, wire.Refusal{Reason: wire.Busy, Wait: busyWait})
		return nil
	}
	in.acknowledge([]receipt{it.receipt()})
	return nil
}
