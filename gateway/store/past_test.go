package store

import (
	"testing"

	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
	"fieldpost/telemetry/ranges"
	"fieldpost/telemetry/wire"
)

// frameIn is makeFrame's in another epoch.
func frameIn(t *testing.T, like Frame, id telemetry.Epoch, first uint64) Frame {
	t.Helper()
	h, recs, err := frame.Decode(like.Data, nil)
	if err != nil {
		t.Fatal(err)
	}
	h.Epoch, h.First = id, first
	if like.Data, err = frame.Encode(nil, h, recs); err != nil {
		t.Fatal(err)
	}
	if like.Header, err = frame.ParseHeader(like.Data); err != nil {
		t.Fatal(err)
	}
	return like
}

// A node that restarts thousands of times, with one record in each life: its epochs are past, cost little, and a repeat is still one.
func TestAnEpochThatIsOverCostsNextToNothing(t *testing.T) {
	const lives = maxEpochs + 1000
	dir := t.TempDir()
	s := open(t, dir, RetentionSettings{}, nil)
	like := makeFrame(t, "pi-7", 1, 1)
	var hello []wire.Epoch
	for at := uint64(1); at <= lives; {
		var batch []Frame
		for range 500 {
			batch = append(batch, frameIn(t, like, telemetry.Epoch(at), at))
			hello = append(hello, epochOf(telemetry.Epoch(at), telemetry.Epoch(at-1), at, at+1, ranges.Set{}))
			at++
		}
		s.mustAppend(t, batch...)
		s.mustHello(t, "lte", hello[len(hello)-16:]...)
	}
	last := uint64(len(hello))
	for _, when := range []string{"as it is", "opened again"} {
		n := s.ledger.nodes["pi-7"]
		if len(n.epochs) > recentEpochs || len(n.epochs)+len(n.past) != int(last) {
			t.Fatalf("%s: %d epochs and %d past ones of %d", when, len(n.epochs), len(n.past), last)
		}
		for at := uint64(1); at <= last; at++ {
			if r := (ranges.Range{From: at, To: at}); !s.Lacks("pi-7", telemetry.Epoch(at), telemetry.Live, r).Empty() {
				t.Fatalf("%s: a repeat from epoch %d would be stored again", when, at)
			}
		}
		if got := len(s.list(t, "pi-7").Lanes); got > recentEpochs {
			t.Fatalf("%s: %d lanes listed", when, got)
		}
		if back := s.Status().RolledBack; len(back) != 0 {
			t.Fatalf("%s: rolled back %v", when, back)
		}
		// A card that keeps what it delivered names all of them.
		if got := s.mustHello(t, "lte", hello...); len(got) != int(last) {
			t.Fatalf("%s: %d epochs answered of %d", when, len(got), last)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = open(t, dir, RetentionSettings{}, nil)
	}
	// More of a past epoch: two lives went on from one card.
	s.mustAppend(t, frameIn(t, like, 3, 4))
	if got := s.Received("pi-7", 3, telemetry.Live, ranges.Range{From: 3, To: 4}); !got.Equal(rangeOf(3, 4)) {
		t.Fatalf("epoch 3 has %s", got)
	}
	// The journal loses all: what is stored is worked out anew, of past epochs too.
	s.ledger.forgetStored()
	if got := s.Lacks("pi-7", 7, telemetry.Live, ranges.Range{From: 7, To: 7}); got.Empty() {
		t.Fatal("epoch 7 still counts as stored")
	}
}

// Neither empty epochs nor a hello that names very many fill the memory, and the node goes on.
func TestAHelloOfManyEpochs(t *testing.T) {
	for name, next := range map[string]uint64{"empty": 0, "each keeps a record": 1} {
		t.Run(name, func(t *testing.T) {
			s := open(t, t.TempDir(), RetentionSettings{}, nil)
			hello := make([]wire.Epoch, 60_000)
			for i := range hello {
				at := uint64(i + 1)
				hello[i] = epochOf(telemetry.Epoch(at), telemetry.Epoch(at-1), at, at+next, ranges.Set{})
				if next > 0 {
					hello[i].Lanes[0].Kept = rangeOf(at, at)
				}
			}
			for range 3 {
				s.mustHello(t, "lte", hello...)
				n := s.ledger.nodes["pi-7"]
				if len(n.epochs) > maxNamed || len(n.past) > 0 || !n.known(60_000) {
					t.Fatalf("%d epochs, %d past", len(n.epochs), len(n.past))
				}
				if lanes := s.list(t, "pi-7").Lanes; next == 0 && len(lanes) > 0 {
					t.Fatalf("%d empty lanes listed", len(lanes))
				}
			}
			if !s.Admits("pi-7", 60_001) {
				t.Fatal("the next epoch is refused")
			}
			s.mustAppend(t, frameIn(t, makeFrame(t, "pi-7", 1, 1), 60_001, 60_001))
			if got := s.mustHello(t, "lte", epochOf(60_001, 60_000, 60_001, 60_002, ranges.Set{})); len(got) != 1 {
				t.Fatalf("%+v", got)
			}
		})
	}
}

// After years, past epochs are forgotten for good. A node that names one of them must not have it stored twice; a new one is taken.
func TestForgottenForGood(t *testing.T) {
	const lives = maxPast + 2*maxEpochs
	n := newNode("pi-7")
	at := func(i uint64) wire.Epoch {
		return epochOf(telemetry.Epoch(i), telemetry.Epoch(i-1), i, i+1, ranges.Set{})
	}
	for i := uint64(1); i <= lives; i++ {
		n.epoch(telemetry.Epoch(i)).lanes[telemetry.Live].stored.Add(ranges.Range{From: i, To: i})
		if i%1000 == 0 {
			n.hello(&wire.Hello{Epochs: []wire.Epoch{at(i - 1), at(i)}})
		}
	}
	n.tidy()
	if len(n.past) > maxPast || !n.forgot || n.known(1) || !n.known(lives) {
		t.Fatalf("%d past, forgot %t", len(n.past), n.forgot)
	}
	s := newStore("", RetentionSettings{}, nil) // nothing of it comes to a disk
	s.ledger = newLedger()
	s.ledger.nodes[n.name] = n
	n.hello(&wire.Hello{Epochs: []wire.Epoch{at(1), at(2), at(lives), at(lives + 1)}})
	for id, want := range map[telemetry.Epoch]bool{1: false, 2: false, lives: true, lives + 1: true} {
		if got := s.Admits(n.name, id); got != want {
			t.Errorf("admits epoch %d: %t", uint64(id), got)
		}
	}
}

// A node that tells of holes in every epoch costs a bounded amount of memory.
func TestManyHolesInManyEpochs(t *testing.T) {
	n := newNode("pi-7")
	for i := range 100 {
		id := telemetry.Epoch(1000 - i) // the newest stay told: a hello speaks for what is older only
		e := epochOf(id, 0, 1, 2*maxRanges+1, odd(maxRanges))
		n.hello(&wire.Hello{Epochs: []wire.Epoch{e}})
	}
	var again []wire.Epoch
	for i := range 100 {
		again = append(again, epochOf(telemetry.Epoch(901+i), 0, 1, 2*maxRanges+1, odd(maxRanges)))
	}
	n.hello(&wire.Hello{Epochs: again})
	sum := 0
	for _, e := range n.epochs {
		sum += len(e.lanes[telemetry.Live].kept.Ranges())
	}
	if sum > maxPieces {
		t.Fatalf("%d ranges in %d epochs", sum, len(n.epochs))
	}
}
