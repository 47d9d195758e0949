package ingest_test

import (
	"testing"

	"fieldpost/gateway/ingest"
	"fieldpost/gateway/source"
	"fieldpost/gateway/store"
	"fieldpost/telemetry/wire"
)

// lossy is a store that has lost records when the test says so.
type lossy struct {
	ingest.Store
	setbacks chan struct{}
}

func (l *lossy) Setbacks() <-chan struct{} { return l.setbacks }

// Nodes that are connected while the store loses what it had acknowledged are made to say hello again.
func TestSetback(t *testing.T) {
	st, err := store.Open(t.TempDir(), store.RetentionSettings{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	l := &lossy{st, make(chan struct{})}
	g := startOver(t, st, l)
	direct := g.connect("pi", "lte")
	behind := &conn{peer: source.Peer{Node: "pi-2", Link: "lte"}, changed: make(chan struct{})}
	g.Connected(behind)
	before := g.hello(behind, &wire.Hello{Link: "lte"}).Generation
	if err := st.Reopen(); err != nil {
		t.Fatal(err)
	}
	l.setbacks <- struct{}{}
	direct.waitClosed(t)
	if a := nextAs[*wire.Ack](t, behind); a.Generation == before || a.Generation != st.Generation() || len(a.Stored) > 0 {
		t.Fatalf("ack %+v, want an empty one of another generation", a)
	}
}
