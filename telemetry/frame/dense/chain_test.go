package dense

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"fieldpost/telemetry/frame"
)

// A chain that was written and read back codes the next frames to the same bytes, for each recording and effort.
func TestChainIsKept(t *testing.T) {
	for _, r := range all(t) {
		recs := recordsOf(t, r)
		for _, effort := range []Effort{Light, Full} {
			e := NewEncoder(effort)
			var c Chain
			var base *State
			for at := 0; at+60 <= min(len(recs), 6000); at += 60 {
				b, then, _, err := e.Encode(nil, headerOf(known, uint64(at+1)), recs[at:at+60], known, c, base)
				if err != nil {
					t.Fatal(err)
				}
				if at%600 == 540 {
					kept, err := c.AppendBinary([]byte("before"))
					if err != nil {
						t.Fatal(err)
					}
					back, err := ParseChain(kept[len("before"):])
					if err != nil {
						t.Fatal(err)
					}
					if !slices.Equal(back.Names(), c.Names()) {
						t.Fatalf("names %x, want %x", back.Names(), c.Names())
					}
					h, got, after, err := Decode(b, known, back)
					if err != nil || h.First != uint64(at+1) || !slices.Equal(got, recs[at:at+60]) {
						t.Fatalf("%s at %d: decoded with the chain read back: %v", r.Name, at, err)
					}
					whole, _ := then.AppendBinary(nil)
					if again, _ := after.AppendBinary(nil); !bytes.Equal(whole, again) {
						t.Fatalf("%s at %d: the chain read back learns otherwise", r.Name, at)
					}
				}
				c, base = then, then.Last(func(uint64) bool { return true }) // next, but where it has base's tag
			}
		}
	}
}

// A chain may be written, decoded with and narrowed by many at once: what it holds is never changed (of worth under -race).
func TestChainIsShared(t *testing.T) {
	recs := recordsOf(t, all(t)[0])
	e := NewEncoder(Full)
	_, c, base, err := e.Encode(nil, headerOf(known, 1), recs[:600], known, Chain{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	b, _, _, err := e.Encode(nil, headerOf(known, 601), recs[600:1200], known, c, base)
	if err != nil {
		t.Fatal(err)
	}
	want, _ := c.AppendBinary(nil)
	var group sync.WaitGroup
	for range 2 {
		group.Go(func() {
			if got, _ := c.AppendBinary(nil); !bytes.Equal(got, want) {
				t.Error("written while others read, it is another chain")
			}
		})
		group.Go(func() {
			if h, got, _, err := Decode(b, known, c); err != nil || h.First != 601 || !slices.Equal(got, recs[600:1200]) {
				t.Errorf("decoded while others write: %v", err)
			}
		})
		group.Go(func() {
			if got := c.Only([]uint64{base.Name()}).Names(); !slices.Equal(got, []uint64{base.Name()}) {
				t.Errorf("names %x, want %x", got, base.Name())
			}
		})
	}
	group.Wait()
}

// What is not a chain is an error, however it begins.
func TestDamagedChain(t *testing.T) {
	recs := recordsOf(t, all(t)[0])
	_, c, _, err := NewEncoder(Full).Encode(nil, headerOf(known, 1), recs[:600], known, Chain{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := c.AppendBinary(nil)
	for n := 0; n < len(b); n += 1 + n/50 {
		if _, err := ParseChain(b[:n]); err == nil {
			t.Errorf("%d of %d bytes are a chain", n, len(b))
		}
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		c := slices.Clone(b)
		c[rnd.IntN(len(c))] ^= byte(1 + rnd.IntN(255))
		if _, err := ParseChain(c); !errors.Is(err, frame.ErrCorrupt) && !errors.Is(err, frame.ErrVersion) {
			t.Errorf("an altered chain: %v", err)
		}
	}
}

// Two ends with frames in flight, some of them lost, and states of the receiver lost: a frame that arrives is decoded to what it was, or refused, and without losses
// none is refused.
func TestChainInFlight(t *testing.T) {
	recs := recordsOf(t, all(t)[1])
	for seed := range uint64(40) {
		rnd := rand.New(rand.NewPCG(seed, 3))
		lossy := seed%2 == 1
		window := 1 + int(seed)%9
		type sent struct {
			data []byte
			name uint64
			from int
		}
		var mine, theirs Chain
		var flight []sent
		acked := map[uint64]bool{}
		e := NewEncoder(Light)
		cold, refused := 0, 0
		for i := 0; i < 250; i++ {
			at := rnd.IntN(20) + i*20
			base := mine.Last(func(n uint64) bool { return acked[n] })
			b, then, next, err := e.Encode(nil, headerOf(known, uint64(at+1)), recs[at:at+20], known, mine, base)
			if err != nil {
				t.Fatal(err)
			}
			if base == nil {
				cold++
			}
			mine = then
			flight = append(flight, sent{b, next.Name(), at})
			for len(flight) >= window || len(flight) > 0 && rnd.IntN(3) == 0 {
				f := flight[0]
				flight = flight[1:]
				if lossy && rnd.IntN(20) == 0 {
					continue // lost on the way; the sender hears nothing
				}
				if lossy && rnd.IntN(50) == 0 {
					theirs = Chain{} // no room for it any more
				}
				h, got, after, err := Decode(f.data, known, theirs)
				switch {
				case errors.Is(err, ErrState):
					refused++
					mine = Chain{}
				case err != nil:
					t.Fatal(err)
				case h.First != uint64(f.from+1) || !slices.Equal(got, recs[f.from:f.from+20]):
					t.Fatalf("seed %d: frame %d became another one", seed, i)
				default:
					theirs = after
					acked[f.name] = true
				}
			}
		}
		if !lossy && (refused > 0 || cold > window) {
			t.Errorf("seed %d: %d cold, %d refused, with %d in flight and none lost", seed, cold, refused, window)
		}
		if lossy && cold > 100 {
			t.Errorf("seed %d: %d of 250 frames are cold", seed, cold)
		}
	}
}

func TestChainHasAtMostFour(t *testing.T) {
	state := func(name uint64) *State { return &State{name: name, anew: name == 1, model: newModel(Light)} }
	var c Chain
	for n := uint64(1); n < 9; n++ {
		c = c.with(nil, state(n))
	}
	if want := []uint64{1, 2, 3, 4}; !slices.Equal(c.Names(), want) {
		t.Errorf("cold frames in flight: %v, want %v", c.Names(), want)
	}
	for n := uint64(5); n < 9; n++ {
		c = c.with(c.By(2), state(n))
	}
	if want := []uint64{2, 3, 4, 5}; !slices.Equal(c.Names(), want) {
		t.Errorf("frames of one base: %v, want %v", c.Names(), want)
	}
	if c = c.with(c.By(3), state(19)); !slices.Equal(c.Names(), []uint64{3, 4, 5}) { // 19 has the tag of 3
		t.Errorf("after going on from 3: %v", c.Names())
	}
	if got := c.Only([]uint64{5, 4, 77}).Names(); !slices.Equal(got, []uint64{4, 5}) {
		t.Errorf("only: %v", got)
	}
	if c = c.with(nil, state(1)); !slices.Equal(c.Names(), []uint64{1}) {
		t.Errorf("a cold frame begins anew: %v", c.Names())
	}
	if got := (Chain{}).Names(); got == nil || len(got) > 0 {
		t.Errorf("names of none: %v", got)
	}
}
